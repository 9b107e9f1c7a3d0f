// The match view of the page: playing, watching and replaying.
import './match.css';

export { mountMatch, type MatchOptions } from './mount.ts';
export { mountReplay, type ReplayOptions } from './replay.ts';
