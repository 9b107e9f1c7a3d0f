// The players: accounts by name, those who are shut out, new accounts with their codes, invitations.

import { act } from "/assets/actions.js";
import { change, element, read } from "/assets/api.js";

const LIMIT = 50;

function day(ms) {
  const when = new Date(ms);
  return element("td", when.toLocaleDateString(), { title: when.toLocaleString(), class: "wide" });
}

export function players(main, say) {
  const part = (selector) => main.querySelector(selector);
  const filters = part("#player-filters");
  const dialog = part("#confirm");
  const answer = part("#answer");
  let cursor = null;
  let following = null;
  let stopped = false;
  let asked = 0;

  async function look() {
    const query = new URLSearchParams({ limit: LIMIT });
    const { name, revoked } = filters.elements;
    if (name.value.trim()) query.set("name", name.value.trim());
    if (revoked.checked) query.set("revoked", "true");
    if (cursor) query.set("after", cursor);
    const mine = ++asked;
    try {
      const [list, { invitations }] = await Promise.all([read(`/v1/players?${query}`), read("/v1/invitations")]);
      if (stopped || mine !== asked) return;
      show(list);
      part("#invitations").replaceChildren(...invitations.map(invitation));
      part("#no-invitations").hidden = invitations.length > 0;
      part("#invitations").closest("table").hidden = !invitations.length;
      say("");
    } catch (problem) {
      if (!stopped && mine === asked) say(problem);
    }
  }

  function show(list) {
    part("#rows").replaceChildren(...list.players.map(row));
    part("#no-players").hidden = list.players.length > 0;
    part("#rows").closest("table").hidden = !list.players.length;
    following = list.next;
    part("#next").hidden = !following;
    part("#first").hidden = !cursor;
  }

  function button(text, kind, wish, path) {
    const made = element("button", text, { type: "button", class: kind });
    made.addEventListener("click", async () => {
      await act(dialog, answer, wish, path);
      look();
    });
    return made;
  }

  function row({ player, account, revoked_at: revokedAt }) {
    const line = element("tr");
    const name = account?.name ?? "–";
    const named = account ? `${account.name} (player ${player})` : `player ${player}`;
    const path = `/v1/players/${encodeURIComponent(player)}`;
    const state = revokedAt ? `shut out since ${new Date(revokedAt).toLocaleString()}` : "admitted";
    const id = element("td", "", { class: "wide" });
    id.append(element("span", player, { class: "id" }));
    const deeds = element("td");
    if (account) {
      const wish = {
        title: `New login code for ${named}?`,
        effect: "Whoever has the code logs in once. The former code is void.",
        verb: "Make a code",
        done: ({ code }) => `The login code of ${name} is ${code}. It is not shown again.`,
      };
      deeds.append(button("Code", "", wish, `${path}/code`), " ");
    }
    const wish = revokedAt
      ? {
          title: `Restore ${named}?`,
          effect: "The player may log in and play again.",
          verb: "Restore",
          done: () => `${name} is admitted again.`,
        }
      : {
          title: `Shut out ${named}?`,
          effect: "All connections of this player are closed, and tokens and log-ins are refused until you restore the player. Clocks run on.",
          verb: "Shut out",
          danger: true,
          done: ({ closed }) => `${name} is shut out; ${closed} closed at once.`,
        };
    const verb = revokedAt ? "Restore" : "Shut out";
    deeds.append(button(verb, revokedAt ? "" : "danger", wish, `${path}/${revokedAt ? "restore" : "revoke"}`));
    line.append(
      element("td", account?.bot ? `${name} (bot)` : name, { class: "name" }),
      id,
      account ? day(account.made_at) : element("td", "–", { class: "wide" }),
      element("td", state, { class: revokedAt ? "bad" : "" }),
      deeds,
    );
    return line;
  }

  function invitation({ id, label, uses_left: usesLeft, expires_at: expiresAt }) {
    const line = element("tr");
    const deeds = element("td");
    const wish = {
      title: `Withdraw the invitation “${label}”?`,
      effect: "Nobody can use its code any more. Accounts that were made by it stay.",
      verb: "Withdraw",
      danger: true,
      done: () => `The invitation “${label}” is withdrawn.`,
    };
    deeds.append(button("Withdraw", "danger", wish, `/v1/invitations/${id}/withdraw`));
    line.append(element("td", label), element("td", usesLeft, { class: "number" }), day(expiresAt), deeds);
    return line;
  }

  async function make(path, body, told) {
    answer.className = "hint";
    answer.textContent = "…";
    try {
      told(await change(path, body));
      look();
    } catch (problem) {
      answer.textContent = problem.message;
      answer.className = "error";
    }
  }

  function good(text) {
    answer.textContent = text;
    answer.className = "good";
  }

  filters.addEventListener("input", () => {
    cursor = null;
    look();
  });
  filters.addEventListener("submit", (event) => event.preventDefault());
  part("#next").addEventListener("click", () => {
    cursor = following;
    look();
  });
  part("#first").addEventListener("click", () => {
    cursor = null;
    look();
  });
  part("#new-players").addEventListener("submit", (event) => {
    event.preventDefault();
    const names = event.target.elements.names.value.split("\n").map((name) => name.trim()).filter(Boolean);
    make("/v1/players", { names }, ({ players: made }) => {
      const told = made.map(({ name, code, problem }) => `${name}\t${code ?? problem.replaceAll("_", " ")}`);
      part("#codes").textContent = told.join("\n");
      part("#codes").hidden = false;
      good("Each code logs in once. The codes are not shown again.");
      event.target.reset();
    });
  });
  part("#new-invitation").addEventListener("submit", (event) => {
    event.preventDefault();
    const { label, uses } = event.target.elements;
    make("/v1/invitations", { label: label.value.trim(), uses: Number(uses.value) }, ({ code }) => {
      good(`The code of the invitation is ${code}. It is not shown again.`);
      event.target.reset();
    });
  });
  look();
  return () => {
    stopped = true;
  };
}
