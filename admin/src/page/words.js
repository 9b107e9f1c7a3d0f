// The words that operators meet, explained: on the word itself, and in a list for who has no mouse.

import { element } from "/assets/api.js";

const WORDS = {
  Shard: "A process that runs matches. Each live match is run by exactly one shard.",
  Owner: "The shard that runs this match and alone may write it to the store.",
  Epoch:
    "How often the match has been claimed by a shard. It rises with every hand-off and takeover; the store refuses writes of an older epoch.",
  "Last confirmed event":
    "Sequence number (seq) of the last event (a move, an offer, an end) that the store has confirmed. Only confirmed events are shown to anybody.",
  "Unconfirmed events": "Events that the shard has applied and the store has not confirmed yet.",
  "Checkpoint lag":
    "How long the oldest write under way has waited for the store. Normal is a few milliseconds; players wait that long for each move.",
  "Snapshot at event":
    "The event that the newest full copy of the match in the store is of. Whoever takes over loads it and replays the events after it.",
  "Owner's fenced writes":
    "Writes of the owner that the store refused because another shard had taken the match over. Of any match, since the owner's start.",
  Fenced: "Matches that this shard lost to another owner: the store refused its writes.",
  "Fenced, lost, forked":
    "Matches lost to another owner, confirmed events that the store had lost, and logs that were not as they must be. Normal is 0 unless shards were taken over.",
  Takeovers: "Matches that a shard claimed from another one: after a failure, a drain or a hand-off.",
  RTT: "Round-trip time between server and player, smoothed.",
  "Ack p99":
    "99 of 100 commands were confirmed to the player within this, in the last ten seconds.",
  "Ack, median": "Half of the commands were confirmed to the player within this, in the last ten seconds.",
  "Ack, 99 %": "99 of 100 commands were confirmed to the player within this, in the last ten seconds.",
  "Store, 99 %": "99 of 100 writes were confirmed by the store within this, in the last ten seconds.",
  Load: "Live matches, of those that the shard is willing to hold.",
  Connections: "Open QUIC connections of players and spectators.",
  Pool:
    "Players who want the same terms wait in one pool: some terms, such as the rules of draws, are not shown, so that two pools may look the same.",
  Ply: "Half-moves made: a move of White and one of Black are two.",
  Unconfirmed: "Events that the shard has applied and the store has not confirmed yet.",
};

/** The name of a variant in words: `kingOfTheHill` is `king of the hill`. */
export function variantName(code) {
  return code.replaceAll("_", " ").replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
}

/** An element for a word, with its explanation where there is one. */
export function explained(word) {
  const meaning = WORDS[word];
  return meaning ? element("abbr", word, { title: meaning }) : document.createTextNode(word);
}

/** Explains the words of table heads and of a list that can be opened. */
export function explain(main) {
  for (const place of main.querySelectorAll("[data-word]")) {
    place.replaceChildren(explained(place.dataset.word));
  }
  for (const list of main.querySelectorAll("dl[data-words]")) {
    const words = list.dataset.words.split("|");
    const lines = words.map((word) => [element("dt", word), element("dd", WORDS[word])]);
    list.replaceChildren(...lines.flat());
  }
}
