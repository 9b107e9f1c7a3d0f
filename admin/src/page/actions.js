// Asking twice before something is changed, and what was changed lately.

import { change, element, read } from "/assets/api.js";

const NAMES = {
  abort: "abort match",
  adjudicate: "adjudicate match",
  handoff: "hand off match",
  drain: "drain shard",
  revoke: "shut out player",
  restore: "restore player",
  create_players: "make accounts",
  login_code: "make login code",
  remove_player: "remove account",
  invite: "invite",
  withdraw_invitation: "withdraw invitation",
};

/** Asks whether a change is meant. `wish` has `title`, `effect`, `verb` and whether it is `danger`. */
export async function confirmed(dialog, { title, effect, verb, danger }) {
  dialog.querySelector("#asked").textContent = title;
  dialog.querySelector("#effect").textContent = effect;
  const yes = dialog.querySelector("button[value=yes]");
  yes.textContent = verb;
  yes.className = danger ? "danger" : "primary";
  dialog.returnValue = "no";
  dialog.showModal();
  await new Promise((done) => dialog.addEventListener("close", done, { once: true }));
  return dialog.returnValue === "yes";
}

/** Asks, changes, and says what came of it in `answer`. */
export async function act(dialog, answer, wish, path, body) {
  if (!(await confirmed(dialog, wish))) return;
  answer.className = "hint";
  answer.textContent = "…";
  try {
    answer.textContent = wish.done(await change(path, body));
    answer.className = "good";
  } catch (problem) {
    answer.textContent = problem.message;
    answer.className = "error";
  }
}

function line({ at, who, action, subject, outcome }) {
  const row = element("tr");
  const when = new Date(at);
  const time = element("td", when.toLocaleTimeString(), { title: when.toLocaleString() });
  const what = element("td", `${NAMES[action] ?? action} `);
  if (["abort", "adjudicate", "handoff"].includes(action)) {
    const [id, ruling] = subject.split(" ");
    what.append(element("a", id, { href: `#/match/${id}` }), ruling ? ` (${ruling})` : "");
  } else {
    what.append(element("span", subject, { class: "id" }));
  }
  const isDone = outcome === "done";
  const end = element("td", outcome.replaceAll("_", " "), { class: isDone ? "good" : "bad" });
  row.append(time, element("td", who), what, end);
  return row;
}

/** Shows the newest actions in a table's body. */
export async function listActions(body, empty) {
  const { actions } = await read("/v1/actions");
  body.replaceChildren(...actions.map(line));
  body.closest("table").hidden = !actions.length;
  empty.hidden = actions.length > 0;
}
