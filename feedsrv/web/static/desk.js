// The one script of the desk beside htmx; every page works without it.
"use strict";

// A second press of a button must not send an act twice while the first is on its way.
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (!(form instanceof HTMLFormElement) || form.method !== "post" || event.defaultPrevented) return;
  if (form.dataset.sent === "yes") {
    event.preventDefault();
    return;
  }
  form.dataset.sent = "yes";
  if (event.submitter) event.submitter.setAttribute("aria-busy", "true");
  keep(form, false);
});

// Somebody who comes back by the browser's button may press again.
window.addEventListener("pageshow", () => {
  for (const form of document.querySelectorAll("form[data-sent]")) {
    delete form.dataset.sent;
    for (const busy of form.querySelectorAll("[aria-busy]")) busy.removeAttribute("aria-busy");
  }
});

// What was typed outlives a sign-in that ended meanwhile. It stays in this tab, for the same person, until
// the form is shown again; passwords are never kept.
const KEPT = "feedsrv-typed";
const AN_HOUR = 3600000;

function person() {
  const shown = document.querySelector(".who > summary");
  return shown ? shown.textContent.trim() : "";
}

function keep(form, waits) {
  if (form.querySelector("input[type=password]") || form.querySelector("input[type=file]")) return;
  const typed = [...new FormData(form)].filter(([name]) => name !== "csrf_token");
  if (!typed.length) return;
  const action = new URL(form.getAttribute("action"), location.href).href;
  // Fields named id or action hide those of the form.
  store({ action, whole: form.matches("#draft-form"), by: person(), at: Date.now(), typed, waits });
}

function store(kept) {
  try {
    if (kept) sessionStorage.setItem(KEPT, JSON.stringify(kept));
    else sessionStorage.removeItem(KEPT);
  } catch {
    // A browser that keeps nothing works as if there were no script.
  }
}

function kept() {
  try {
    return JSON.parse(sessionStorage.getItem(KEPT));
  } catch {
    return null;
  }
}

function tell(sentence, ...more) {
  const box = document.createElement("div");
  box.className = "message wary";
  box.setAttribute("role", "status");
  const line = document.createElement("p");
  line.textContent = sentence;
  box.append(line, ...more);
  return box;
}

// The form of a mitigation has as many rows as its author added: only the server can draw it again.
function offerWhole(found) {
  const token = document.querySelector("input[name=csrf_token]");
  const main = document.querySelector("main");
  if (!token || !main) return false;
  const form = document.createElement("form");
  form.method = "post";
  form.action = found.action;
  for (const [name, value] of [["csrf_token", token.value], ...found.typed, ["do", "try"]]) {
    if (name === "row") continue;
    const field = document.createElement("input");
    [field.type, field.name, field.value] = ["hidden", name, value];
    form.append(field);
  }
  const button = document.createElement("button");
  button.textContent = "Bring it back";
  form.append(button);
  main.prepend(tell("What you wrote before you signed in again is still here; nothing of it was kept by the server.", form));
  return true;
}

function fillAgain(found) {
  const form = [...document.forms].find((one) => one.getAttribute("action") && new URL(one.getAttribute("action"), location.href).href === found.action);
  if (!form) return false;
  for (const [name, value] of found.typed) {
    const field = form.elements.namedItem(name);
    if (field instanceof HTMLTextAreaElement || (field instanceof HTMLInputElement && field.type !== "hidden")) {
      field.value = value;
    }
  }
  const folded = form.closest("details");
  if (folded) folded.open = true;
  form.prepend(tell("What you typed is back; nothing was done yet."));
  form.scrollIntoView({ block: "center" });
  return true;
}

const found = kept();
if (found && document.querySelector("[data-holds-typed]")) {
  store({ ...found, waits: true });
  for (const said of document.querySelectorAll("[data-says-kept]")) said.hidden = false;
} else if (found && (!found.waits || found.by !== person() || Date.now() - found.at > AN_HOUR)) {
  store(null);
} else if (found && (found.whole ? offerWhole(found) : fillAgain(found))) {
  store(null);
}

// Whoever hears the page is told the outcome in a sentence, once, and not every line of it.
document.addEventListener("htmx:afterSettle", () => {
  for (const news of document.querySelectorAll("[data-news]")) {
    const short = [...news.parentElement.querySelectorAll("[data-short]")].map((one) => one.textContent.trim()).join(" ");
    if (short !== news.textContent) news.textContent = short;
  }
});

// While somebody writes, what is tried beside it must not grow old in silence.
function tellTrouble(event, sentence) {
  const place = event.detail.elt;
  const form = place.closest("form");
  if (!form) return;
  const more = [];
  if (event.detail.xhr.status === 401 && place.dataset.signIn) {
    const link = document.createElement("a");
    link.href = place.dataset.signIn;
    link.textContent = "Sign in again";
    link.addEventListener("click", () => keep(form, true));
    more.push(link);
  }
  place.replaceChildren(tell(sentence, ...more));
}

document.addEventListener("htmx:responseError", (event) => {
  const isOut = event.detail.xhr.status === 401;
  tellTrouble(
    event,
    isOut
      ? "Your sign-in has ended: nothing is tried or kept until you sign in again. What you wrote comes along."
      : "This could not be tried just now. What you wrote stays here; press Check to learn why.",
  );
});
document.addEventListener("htmx:sendError", (event) => {
  tellTrouble(event, "The server cannot be reached. What you wrote stays here, as long as you stay on this page.");
});
