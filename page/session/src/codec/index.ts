/** The bytes of the protocol, for programs that keep their connection themselves. */

export {
  CHAT_LEN_MAX,
  CLIENT_FRAME_LEN_MAX,
  type ClientFrame,
  encodeClient,
  isMatchId,
  JOIN_FLAGS,
  type SentCommand,
  TOKEN_LEN_MAX,
  VERSION,
} from './client.ts';
export {
  CATCH_UP_EVENTS_MAX,
  type CatchUp,
  decodeServer,
  FrameReader,
  SERVER_FRAME_LEN_MAX,
  type ServerBody,
  type ServerFrame,
  type WireState,
} from './server.ts';
export { Malformed } from './bytes.ts';
export { moveNumber, moveOf } from './moves.ts';
export { isRetryable } from './names.ts';
