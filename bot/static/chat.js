// Sends what the visitor writes or presses, shows what comes back at once and what comes later.
// The server draws every line; this file only decides where and when it appears. Without it the form still works.

import { localise } from "./site.js";

const form = document.getElementById("composer");
const box = document.getElementById("text");
const log = document.getElementById("log");
const lines = document.getElementById("lines");
const failure = document.getElementById("failure");
const toLatest = document.getElementById("to-latest");
const title = document.title;

/** What is on its way: {id, words, value, pressed, bubble, again}. Null when nothing is. */
let sending = null;
/** What could not be sent, kept so that trying again sends the same message, not a second one. */
let failed = null;
/** Lines that the stream brought while an answer was on its way; they are placed after it. */
let waiting = [];
let unread = 0;

const steps = '[data-kind="step"]';
const newId = () => Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
const lastId = () => Math.max(0, ...Array.from(lines.querySelectorAll("[data-id]"), (line) => Number(line.dataset.id)));
const isShown = (line) => line.id && document.getElementById(line.id);

// --- sending ---------------------------------------------------------------------------------------------------------

form.addEventListener("submit", (event) => {
  const pressed = event.submitter?.name ? event.submitter : null;
  const nothing = !pressed && !box.value.trim();
  if (nothing || sending || pressed?.getAttribute("aria-disabled") === "true") {
    event.preventDefault();
    event.stopImmediatePropagation();
    if (nothing) box.focus();
  }
}, true);

document.addEventListener("htmx:config:request", ({ detail: { ctx } }) => {
  if (ctx.sourceElement !== form) return;
  const { body, submitter } = ctx.request;
  const pressed = submitter?.name ? submitter : null;
  const value = pressed ? pressed.value : box.value;
  const words = pressed ? pressed.getAttribute("aria-label") || pressed.textContent.trim() : box.value.trim();
  const again = failed !== null && failed.value === value && Boolean(failed.pressed) === Boolean(pressed);
  sending = { id: again ? failed.id : newId(), words, value, pressed, again };
  failed = null;
  if (pressed) body.delete("text");
  body.set("message_id", sending.id);
  body.set("after", String(lastId()));
  if (again) body.set("again", "1");
  depart();
});

/** Shows the message as sent, before it is: the answer will confirm it. */
function depart() {
  failure.hidden = true;
  const focused = document.activeElement;
  document.getElementById("intro")?.remove();
  document.getElementById("came")?.remove();
  // The focus doesn't fall to the page's beginning; on a phone the box would bring up the keyboard.
  if (!focused?.isConnected) (matchMedia("(hover: hover)").matches ? box : log).focus();
  const rating = sending.value.startsWith("rate:");
  if (!rating) {
    sending.bubble = document.getElementById("own").content.firstElementChild.cloneNode(true);
    sending.bubble.querySelector(".vh").textContent = form.dataset.you;
    sending.bubble.querySelector(".bubble").textContent = sending.words;
    sending.bubble.querySelector("time").dateTime = new Date().toISOString();
    localise(sending.bubble);
    lines.append(sending.bubble);
  }
  if (!sending.pressed) {
    box.value = "";
    grow();
  }
  document.getElementById("send").setAttribute("aria-disabled", "true");
  showTyping(true);
  toEnd();
}

document.addEventListener("htmx:before:swap", (event) => {
  const { ctx, tasks } = event.detail;
  if (ctx.sourceElement !== form) return;
  const main = tasks.find((task) => task.type === "main");
  if (!sending || !main || ctx.response.status >= 400) return event.preventDefault();
  for (const line of [...main.fragment.querySelectorAll(".line")]) {
    if (isShown(line)) line.remove();
  }
  // The kept form of what was written replaces the one shown on the way: secrets in it are blanked out.
  // When sent again and nothing is new, the stream has brought both question and answer in between.
  const isKnown = sending.again && !main.fragment.querySelector(".line");
  if (isKnown || main.fragment.querySelector(".line.mine")) sending.bubble?.remove();
  localise(main.fragment);
  main.fragment.querySelectorAll(".line.theirs").forEach((line) => line.classList.add("arriving"));
  sending.first = main.fragment.querySelector(".line.theirs");
  settle(sending);
});

document.addEventListener("htmx:finally:request", ({ detail: { ctx } }) => {
  if (ctx.sourceElement !== form || !sending) return;
  const { status, raw } = ctx.response ?? {};
  const sent = sending;
  sending = null;
  document.getElementById("send").removeAttribute("aria-disabled");
  showTyping(false);
  if (status >= 200 && status < 300) arrived(sent);
  else bringBack(sent, raw?.headers.get("content-type")?.startsWith("text/plain") && status < 500 ? ctx.text : "");
  waiting.splice(0).forEach(place);
});

/** Buttons of steps that are over can't be pressed any more; the one that was pressed shows it. */
function settle({ pressed, value }) {
  const isRating = value.startsWith("rate:");
  const over = isRating ? (pressed?.closest(".rating")?.querySelectorAll("button") ?? []) : lines.querySelectorAll(steps);
  for (const button of over) button.setAttribute("aria-disabled", "true");
  if (pressed?.dataset.kind === "step" || isRating) pressed?.setAttribute("aria-pressed", "true");
}

function arrived(sent) {
  sent.bubble?.classList.remove("sending");
  const question = lines.contains(sent.bubble) ? sent.bubble : sent.first?.previousElementSibling;
  const isShort = question?.matches(".mine") && question.offsetHeight < log.clientHeight / 4;
  if (sent.first?.isConnected) showFrom(isShort ? question : sent.first);
  else toEnd();
  listen();
}

/** Not sent: the words go back to the box, and the same message can be sent again. */
function bringBack(sent, reason) {
  sent.bubble?.remove();
  failed = sent;
  if (!sent.pressed && !box.value) {
    box.value = sent.value;
    grow();
  }
  document.getElementById("failure-words").textContent = reason || form.dataset.notSent;
  failure.hidden = false;
}

/** What seemed lost had arrived after all. */
function forgetFailure() {
  if (box.value === failed.value) {
    box.value = "";
    grow();
  }
  failed = null;
  failure.hidden = true;
}

document.getElementById("again").addEventListener("click", () => {
  if (!failed) return;
  if (failed.pressed) {
    if (!failed.pressed.isConnected) form.append(Object.assign(failed.pressed, { hidden: true }));
    form.requestSubmit(failed.pressed);
  } else {
    box.value = failed.value;
    form.requestSubmit();
  }
});

// --- the box ---------------------------------------------------------------------------------------------------------

box.addEventListener("keydown", (event) => {
  // While Chinese is being composed, Enter picks a word; keyCode 229 is how some browsers say so.
  if (event.key !== "Enter" || event.shiftKey || event.isComposing || event.keyCode === 229) return;
  event.preventDefault();
  form.requestSubmit();
});

function grow() {
  if (CSS.supports("field-sizing", "content")) return;
  box.style.height = "auto";
  box.style.height = `${box.scrollHeight}px`;
}
box.addEventListener("input", grow);

// --- what comes later ------------------------------------------------------------------------------------------------

let stream = null;
let patience = 1000;

/** Listens for what is sent to this visitor. Nobody is known, and nothing can come, before the first message. */
function listen() {
  if (stream && stream.readyState !== EventSource.CLOSED) return;
  stream = new EventSource(`/chat/stream?after=${lastId()}`);
  stream.addEventListener("open", () => { patience = 1000; });
  stream.addEventListener("entry", ({ data }) => (sending ? waiting.push(data) : place(data)));
  stream.addEventListener("typing", ({ data }) => { if (!sending) showTyping(data === "on"); });
  stream.addEventListener("error", () => {
    if (stream.readyState !== EventSource.CLOSED || patience > 60000) return;
    setTimeout(listen, patience);
    patience *= 2;
  });
}

/** Puts lines the server drew at the end, unless they are there. */
function place(html) {
  const piece = document.createElement("template");
  piece.innerHTML = html;
  const isAtEnd = nearEnd();
  for (const line of [...piece.content.querySelectorAll(".line")]) {
    if (isShown(line)) continue;
    localise(line);
    line.classList.add("arriving");
    document.getElementById("intro")?.remove();
    lines.append(line);
    if (failed && line.matches(".mine") && line.querySelector(".bubble").textContent === failed.words) forgetFailure();
    if (line.classList.contains("theirs")) {
      showTyping(false);
      if (document.hidden) document.title = `(${++unread}) ${title}`;
    }
    if (isAtEnd) showFrom(line);
    else toLatest.hidden = false;
  }
}

let quiet;
function showTyping(on) {
  const typing = document.getElementById("typing");
  const isAtEnd = nearEnd();
  clearTimeout(quiet);
  if (on) quiet = setTimeout(() => showTyping(false), 60000);
  typing.hidden = !on;
  document.getElementById("typing-words").textContent = on ? form.dataset.typing : "";
  if (on && isAtEnd) toEnd();
}

document.addEventListener("visibilitychange", () => {
  if (document.hidden) return;
  unread = 0;
  document.title = title;
});

// --- place in the log ------------------------------------------------------------------------------------------------

const nearEnd = () => log.scrollHeight - log.scrollTop - log.clientHeight < 120;
const toEnd = () => { log.scrollTop = log.scrollHeight; };

/** Scrolls to the end, but never past the beginning of `line`: an answer is read from its first word. */
function showFrom(line) {
  const start = line.offsetTop - log.offsetTop - 12;
  log.scrollTop = Math.min(start, log.scrollHeight - log.clientHeight);
}

log.addEventListener("scroll", () => { if (nearEnd()) toLatest.hidden = true; }, { passive: true });
toLatest.addEventListener("click", () => { toEnd(); box.focus(); });

// --- the line to the server ------------------------------------------------------------------------------------------

const showOnline = () => { document.getElementById("offline").hidden = navigator.onLine; };
addEventListener("online", () => { showOnline(); if (log.hasAttribute("data-known") || lastId()) listen(); });
addEventListener("offline", showOnline);
addEventListener("pagehide", () => stream?.close());
addEventListener("pageshow", ({ persisted }) => { if (persisted && stream) listen(); });

showOnline();
if (!document.getElementById("intro")) toEnd();
if (log.hasAttribute("data-known")) listen();
if (matchMedia("(hover: hover)").matches && !location.hash) box.focus();

/** A link from the policy page asks at once, and only once: the address forgets it. */
const atOnce = document.querySelector("[data-at-once]");
if (atOnce) {
  addEventListener("load", () => {
    history.replaceState(null, "", location.pathname);
    form.requestSubmit(atOnce);
  });
}
