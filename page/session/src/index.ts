/** Plays and watches Rookery matches. docs/protocol.md specifies what is spoken. */

export * from './types.ts';
export * from './view.ts';
export * from './http.ts';
export { Problem } from './problem.ts';
export { Matchmaker, type MatchmakerOptions } from './matchmaker.ts';
export { MatchSession, type Listener, type SessionOptions } from './session.ts';
export type { Seams, Fetch, FetchInit, FetchResponse, Signal, TransportMemory, Waking } from './seams.ts';
