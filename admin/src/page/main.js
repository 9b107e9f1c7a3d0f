// Which page is shown, and whether one may see it.

import { read, token } from "/assets/api.js";
import { overview } from "/assets/overview.js";
import { matches } from "/assets/matches.js";
import { match } from "/assets/match.js";

const main = document.querySelector("#main");
const notice = document.querySelector("#notice");
let leave = () => {};

/** Says what is wrong with the connection, or that nothing is. */
export function say(text) {
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
  leave();
  leave = () => {};
  // Over TLS, the browser may have a certificate that needs no token.
  if (!token.get() && location.protocol !== "https:") return signIn();
  let version;
  try {
    version = await read("/v1/version");
  } catch (problem) {
    if (problem.code === "token_missing") signIn();
    // A refused token is told of by its own event.
    else if (!problem.code?.startsWith("token")) signIn(problem.message);
    return;
  }
  const part = version.shard ? `shard ${version.shard}` : "all shards";
  document.querySelector("#where").textContent = `${part} · ${version.version}`;
  document.querySelector("#nav").hidden = false;
  document.querySelector("#sign-out").hidden = !token.get();
  const [, name, id] = location.hash.split("/");
  for (const link of document.querySelectorAll("#nav a")) {
    const here = link.hash === `#/${name ?? ""}`;
    if (here) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  const pages = { matches, match };
  const page = pages[name] ?? overview;
  show(pages[name] ? name : "overview");
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
