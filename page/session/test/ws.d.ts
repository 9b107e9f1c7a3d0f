declare module 'ws' {
  export class WebSocket {
    constructor(url: string, protocols: string[]);
    readonly protocol: string;
    on(event: 'message', listener: (data: Uint8Array) => void): void;
    on(event: 'close', listener: (code: number) => void): void;
    send(data: Uint8Array | string): void;
    close(code?: number): void;
    terminate(): void;
  }
  export class WebSocketServer {
    constructor(options: { host: string; port: number; handleProtocols?: (offered: Set<string>) => string | false });
    on(event: 'connection', listener: (socket: WebSocket) => void): void;
    on(event: 'listening', listener: () => void): void;
    address(): { port: number };
    close(): void;
    readonly clients: Set<WebSocket>;
  }
}
