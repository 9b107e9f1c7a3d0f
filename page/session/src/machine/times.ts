/** How long a session waits for what, in milliseconds. */

export interface Times {
  /** How long a command, a `Join` or an opening may remain unanswered before the matchmaker is asked; at least four round trips. */
  readonly askAfter: number;
  /** Upper bound on the random delay of such a question, as many clients lose the same shard at once. */
  readonly askJitter: number;
  /** How often that wait doubles at most while the matchmaker names the same shard. */
  readonly askDoubledMax: number;
  /**
   * How long the matchmaker may leave a question unanswered before it is asked again: it holds its answer while another
   * shard takes the match over, but a question may as well have been lost with the network.
   */
  readonly askMax: number;
  /** The shard sends something at least this often, as `fast_heartbeats` asks it to: after a second, which it looks for in steps of half a one. */
  readonly heartbeatEvery: number;
  /** How long a shard may send nothing before it counts as out of reach: both clocks in view stand. */
  readonly unresponsiveAfter: number;
  /** How long it may send nothing before the stream is given up. */
  readonly silenceMax: number;
  /** The same while the store does not answer: a shard repeats that every 3 seconds. */
  readonly pauseSilenceMax: number;
  /** How long a `Join` may remain unanswered while the shard is heard. */
  readonly joinMax: number;
  /** How long a command may remain unanswered after it was sent and the shard was last heard. */
  readonly answerMax: number;
  /** A command that was refused for a reason that passes is sent again after this. */
  readonly retryAfter: number;
  /** How often at most. */
  readonly retriesMax: number;
  /** The least and the greatest wait before a connection is tried again. */
  readonly backoffMin: number;
  readonly backoffMax: number;
  /** The least wait after a close code that says "later". */
  readonly laterMin: number;
  /** A connection that lasted this long counts as working. */
  readonly worked: number;
  /** How long WebTransport may take to open before WebSocket is tried. */
  readonly webTransportWithin: number;
  /** The same after WebTransport fell silent although the match had not moved. */
  readonly doubtedWithin: number;
  /** How long any other opening may take. */
  readonly openWithin: number;
  /** When a new connection tries WebTransport again after it was of no use. */
  readonly tryAgainAfter: number;
  /** How often a session that lives over WebSocket tries WebTransport beside it. */
  readonly upgradeEvery: number;
  /** How long nothing may have happened in the match before that. */
  readonly idleFor: number;
  /** How long a seat of a match that does not exist yet is asked for: that of a rematch exists a moment after both agreed. */
  readonly foundWithin: number;
  /** After this long without a stream, the shards count as out of reach even if the matchmaker answers. */
  readonly movingMax: number;
}

/** The times for people, who watch the clocks: a player who loses the shard knows it after two seconds. */
export const TIMES: Times = {
  askAfter: 300,
  askJitter: 90,
  askDoubledMax: 4,
  askMax: 3_000,
  heartbeatEvery: 1_500,
  unresponsiveAfter: 2_000,
  silenceMax: 3_000,
  pauseSilenceMax: 9_000,
  joinMax: 10_000,
  answerMax: 2_000,
  retryAfter: 250,
  retriesMax: 40,
  backoffMin: 100,
  backoffMax: 2_000,
  laterMin: 1_000,
  worked: 5_000,
  webTransportWithin: 2_000,
  doubtedWithin: 800,
  openWithin: 5_000,
  tryAgainAfter: 60_000,
  upgradeEvery: 180_000,
  idleFor: 700,
  foundWithin: 10_000,
  movingMax: 20_000,
};
