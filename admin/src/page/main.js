// Which page is shown, and whether one may see it.

import { read, token } from "/assets/api.js";
import { overview } from "/assets/overview.js";
import { matches } from "/assets/matches.js";
import { match } from "/assets/match.js";
import { players } from "/assets/players.js";
import { club } from "/assets/club.js";
import { entitle, lost, rest, watch } from "/assets/health.js";
import { explain } from "/assets/words.js";

/** Before a page that could not be opened is asked for again. */
const AGAIN_MS = 2000;

const main = document.querySelector("#main");
const notice = document.querySelector("#notice");
let leave = () => {};
let again;

/** Shows a problem of this page, or that there is none; of a server that is gone the line of health tells. */
export function say(problem) {
  if (problem?.code === "unreachable") return lost();
  const text = problem?.message ?? problem;
  notice.textContent = text;
  notice.hidden = !text;
}

function show(name) {
  main.replaceChildren(document.querySelector(`#${name}`).content.cloneNode(true));
}

function signIn(why = "") {
  leave();
  leave = () => {};
  say("");
  rest();
  document.querySelector("#nav").hidden = true;
  document.querySelector("#sign-out").hidden = true;
  document.querySelector("#where").textContent = "";
  show("login");
  main.querySelector(".error").textContent = why;
  main.querySelector("form").addEventListener("submit", (event) => {
    event.preventDefault();
    token.keep(main.querySelector("#token").value.trim());
    route();
  });
  main.querySelector("#token").focus();
}

async function route() {
  clearTimeout(again);
  leave();
  leave = () => {};
  // Over TLS, the browser may have a certificate that needs no token.
  if (!token.get() && location.protocol !== "https:") return signIn();
  let version;
  try {
    version = await read("/v1/version");
  } catch (problem) {
    const isSignedIn = !document.querySelector("#nav").hidden;
    if (problem.code === "token_missing") signIn();
    else if (problem.code === "unreachable" && isSignedIn) {
      lost();
      again = setTimeout(route, AGAIN_MS);
    }
    // A refused token is told of by its own event.
    else if (!problem.code?.startsWith("token")) signIn(problem.message);
    return;
  }
  const part = version.shard ? `shard ${version.shard}` : "all shards";
  document.querySelector("#where").textContent = `${part} · ${version.version}`;
  document.querySelector("#nav").hidden = false;
  // A shard knows its matches only.
  for (const link of document.querySelectorAll("[data-of=matchmaker]")) link.hidden = Boolean(version.shard);
  document.querySelector("#sign-out").hidden = !token.get();
  const [, name, id] = location.hash.split("/");
  for (const link of document.querySelectorAll("#nav a")) {
    const here = link.hash === `#/${name ?? ""}`;
    if (here) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  const pages = { matches, match, players, club };
  const titles = { matches: "Matches", match: "Matches", players: "Players", club: "Club" };
  const page = pages[name] ?? overview;
  show(pages[name] ? name : "overview");
  explain(main);
  entitle(titles[name] ?? "Overview");
  watch();
  scrollTo(0, 0);
  leave = page(main, say, id);
}

window.addEventListener("hashchange", route);
window.addEventListener("signed-out", () => {
  if (!token.get()) return;
  token.forget();
  signIn("The server does not take this token.");
});
document.querySelector("#sign-out").addEventListener("click", () => {
  token.forget();
  signIn();
});
route();
