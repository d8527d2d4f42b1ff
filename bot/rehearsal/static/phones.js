// Draws what the stand-ins hold and tells them what the hand does. All text goes in as text, never as markup.
"use strict";

const { path, owner } = document.body.dataset;
const words = JSON.parse(document.body.dataset.words);
const say = (key, values = {}) => words[`js_${key}`].replace(/\{(\w+)\}/g, (_, name) => values[name]);
const find = (selector, within = document) => within.querySelector(selector);
const notice = find("#notice");

function make(tag, attributes = {}, ...inside) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name === "on") made.addEventListener("click", value);
    else if (value !== undefined && value !== false) made.setAttribute(name, value);
  }
  made.append(...inside.filter((part) => part !== undefined && part !== null));
  return made;
}

async function act(phone, what, more = {}) {
  try {
    const answer = await fetch(`${path}/do`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ owner: Number(owner), phone, act: what, ...more }),
    });
    if (!answer.ok) throw new Error((await answer.json()).error);
    notice.hidden = true;
    return true;
  } catch (bad) {
    tell(say("failed", { why: bad.message }));
    return false;
  }
}

function tell(text) {
  notice.textContent = text;
  notice.hidden = false;
}

// Links: only http and https are followed, in a window of their own.
function link(text, address) {
  return /^https?:\/\//.test(address)
    ? make("a", { href: address, target: "_blank", rel: "noopener noreferrer" }, text)
    : document.createTextNode(text);
}

const TAGS = { bold: "strong", italic: "em", underline: "u", strikethrough: "s", code: "code", pre: "code", blockquote: "q" };

// Telegram counts in UTF-16 units, as a string here does. Entities nest; the outermost comes first.
function withEntities(text, entities, from = 0, to = text.length) {
  const nodes = [];
  let at = from;
  const inside = entities.filter((one) => one.offset >= from && one.offset + one.length <= to);
  while (inside.length) {
    const one = inside.shift();
    if (one.offset < at) continue;
    const end = one.offset + one.length;
    nodes.push(document.createTextNode(text.slice(at, one.offset)));
    const below = inside.filter((other) => other.offset < end);
    const inner = withEntities(text, below, one.offset, end);
    const shown = text.slice(one.offset, end);
    if (one.type === "text_link") nodes.push(link(shown, one.url));
    else if (one.type === "url") nodes.push(link(shown, shown));
    else if (one.type === "bot_command") nodes.push(make("a", { href: "#telegram", on: (event) => { event.preventDefault(); act("telegram", "say", { text: shown }); } }, shown));
    else if (TAGS[one.type]) nodes.push(make(TAGS[one.type], {}, ...inner));
    else nodes.push(...inner);
    at = end;
  }
  nodes.push(document.createTextNode(text.slice(at, to)));
  return nodes;
}

function withLinks(text) {
  return text.split(/(https?:\/\/[^\s<>"'，。；）]+)/).map((part, number) => (number % 2 ? link(part, part) : document.createTextNode(part)));
}

function keys(message) {
  const rows = message.reply_markup?.inline_keyboard;
  if (!rows) return null;
  const key = (button) => {
    if (button.url) return link(button.text, button.url);
    if (button.callback_data !== undefined) {
      return make("button", { type: "button", on: () => act("telegram", "press", { message: message.message_id, data: button.callback_data }) }, button.text);
    }
    const query = button.switch_inline_query_current_chat ?? button.switch_inline_query ?? "";
    return make("button", { type: "button", on: () => put("telegram", query) }, button.text);
  };
  return make("div", { class: "keys" }, ...rows.map((row) => make("div", {}, ...row.map(key))));
}

const hours = (when) => new Date(when).toLocaleTimeString(document.documentElement.lang, { hour: "2-digit", minute: "2-digit" });

function telegramLine(message) {
  const mine = !message.from.is_bot;
  const text = message.text ?? message.caption;
  const inside = text ? withEntities(text, message.entities ?? []) : [make("em", {}, message.voice ? say("voice") : message.contact ? say("contact") : say("other"))];
  const meta = `${hours(message.date * 1000)}${message.edit_date ? ` · ${say("edited")}` : ""}`;
  return make("div", { class: mine ? "line mine" : "line" },
    make("span", { class: "hidden" }, `${say(mine ? "you" : "bot")}: `),
    make("div", { class: "words" }, ...inside), make("span", { class: "meta" }, meta), keys(message));
}

function wechatLine(line) {
  const kind = { person: "line mine", bot: "line", wechat: "line notice-line" }[line.from];
  const speaker = { person: "you", bot: "bot", wechat: "system" }[line.from];
  const lines = line.choices?.map((choice) => make("div", {}, make("button", { type: "button", on: () => act("wechat", "choose", { id: choice.id, text: choice.content }) }, choice.content)));
  const meta = [hours(line.at), line.via && say(`via_${line.via}`)].filter(Boolean).join(" · ");
  return make("div", { class: kind },
    make("span", { class: "hidden" }, `${say(speaker)}: `),
    make("div", { class: line.from === "wechat" ? "" : "words" }, ...withLinks(line.text)), make("span", { class: "meta" }, meta),
    lines && make("div", { class: "keys" }, ...lines));
}

// Draws a list by key: what is drawn stays, what changed is drawn anew, so that a screen reader hears only what is new.
// Who reads the end stays there, also when the room for the lines changes or a tab shows them again.
function drawer(place, key, draw, newestFirst = false) {
  const drawn = new Map();
  let atEnd = !newestFirst;
  const toEnd = () => { if (atEnd) place.scrollTop = place.scrollHeight; };
  if (!newestFirst) {
    place.addEventListener("scroll", () => { if (place.clientHeight) atEnd = place.scrollHeight - place.scrollTop - place.clientHeight < 80; });
    new ResizeObserver(toEnd).observe(place);
  }
  return (items) => {
    const current = new Set(items.map(key));
    for (const [name, old] of drawn) if (!current.has(name)) { old.element.remove(); drawn.delete(name); }
    for (const item of items) {
      const name = key(item), source = JSON.stringify(item), old = drawn.get(name);
      if (old?.source === source) continue;
      const element = draw(item);
      if (old) {
        if (old.element.contains(document.activeElement)) place.focus();
        if (old.element.firstElementChild?.open) element.firstElementChild.open = true;
        old.element.replaceWith(element);
      } else if (newestFirst) place.prepend(element);
      else place.append(element);
      drawn.set(name, { element, source });
      toEnd();
    }
  };
}

function wireLine(call) {
  const platform = words[`js_${call.platform}`];
  const way = call.direction === "out" ? say("out", { platform }) : say("in", { platform });
  const name = make("span", {}, call.name, call.fault ? make("span", { class: "fault" }, ` ${call.fault}`) : null);
  const summary = make("summary", { class: call.platform },
    make("small", {}, way), name, make("small", {}, `${call.status || "–"} · ${Math.round(call.ms)} ms`));
  const told = (value) => (typeof value === "string" ? value : JSON.stringify(value, null, 1));
  return make("li", { class: call.platform }, make("details", {}, summary,
    make("pre", { tabindex: "0" }, `${say("asked")}\n${told(call.params)}\n\n${say("answered")}\n${call.answer === null ? say("no_answer") : told(call.answer)}`)));
}

const draw = {
  telegram: drawer(find("#telegram .lines"), (message) => message.message_id, telegramLine),
  wechat: drawer(find("#wechat .lines"), (line) => line.number, wechatLine),
  wire: drawer(find("#calls"), (call) => call.id, wireLine, true),
};

function typing(phone, on) {
  const line = find(`#${phone} .typing`);
  line.hidden = !on;
  find(".said", line).textContent = say("typing");
}

let shownKeys = "[]";
function drawKeys(rows) {
  const place = find("#keys");
  if (JSON.stringify(rows) === shownKeys) return;
  shownKeys = JSON.stringify(rows);
  if (place.contains(document.activeElement)) find("#text-telegram").focus();
  place.hidden = !rows.length;
  const key = (button) => make("button", { type: "button", on: () => act("telegram", "key", { text: button.text }) }, button.text);
  place.replaceChildren(...rows.map((row) => make("div", {}, ...row.map(key))));
}

let shownMenu = "";
function drawMenu(buttons) {
  const menu = find("#menu");
  if (JSON.stringify(buttons) === shownMenu) return;
  shownMenu = JSON.stringify(buttons);
  menu.hidden = !buttons.length;
  const entry = (button) => button.url
    ? make("a", { href: button.url, target: "_blank", rel: "noopener noreferrer", on: () => act("wechat", "view", { url: button.url }) }, button.name)
    : make("button", { type: "button", on: () => { fold(); act("wechat", "tap", { key: button.key ?? "", name: button.name }); } }, button.name);
  menu.replaceChildren(...buttons.map((button, number) => {
    if (!button.sub_button?.length) return make("div", {}, entry(button));
    const list = make("ul", { id: `menu-${number}`, hidden: "" }, ...button.sub_button.map((below) => make("li", {}, entry(below))));
    const opener = make("button", { type: "button", "aria-expanded": "false", "aria-controls": list.id, on: () => {
      const open = list.hidden;
      fold();
      list.hidden = !open;
      opener.setAttribute("aria-expanded", String(open));
    } }, button.name);
    return make("div", {}, opener, list);
  }));
}

function fold() {
  for (const list of document.querySelectorAll("#menu ul")) list.hidden = true;
  for (const opener of document.querySelectorAll("#menu [aria-expanded]")) opener.setAttribute("aria-expanded", "false");
}

let lastToast;
function toast(answer) {
  const place = find("#telegram .toast");
  if (!answer || answer.id === lastToast) return;
  const first = lastToast === undefined;
  lastToast = answer.id;
  if (first) return;
  place.textContent = answer.text;
  place.hidden = false;
  setTimeout(() => { place.hidden = true; }, 4000);
}

function show(state) {
  const { telegram, wechat } = state;
  draw.telegram(telegram.messages);
  draw.wechat(wechat.messages);
  draw.wire(state.wire);
  find("#wire-none").hidden = state.wire.length > 0;
  typing("telegram", telegram.typing);
  typing("wechat", wechat.typing);
  if (lastToast === undefined && !telegram.toast) lastToast = "";
  toast(telegram.toast);
  drawKeys(telegram.keys);
  drawMenu(wechat.subscribed ? wechat.menu : []);
  find("#telegram .begin").hidden = telegram.messages.length > 0;
  find("#blocked").hidden = !telegram.blocked;
  find("#wechat .openers").hidden = !wechat.subscribed;
  offer("telegram", telegram.messages.some((message) => !message.from.is_bot && !message.text?.startsWith("/start")));
  offer("wechat", wechat.messages.some((line) => line.from === "person"));
  find("#wechat .begin").hidden = wechat.subscribed;
  find("#unfollow").hidden = !wechat.subscribed;
  for (const part of find("#wechat .write").elements) part.disabled = !wechat.subscribed;
  const left = Object.values(wechat.left).reduce((sum, one) => sum + one, 0);
  find("#left").textContent = !wechat.subscribed || !wechat.messages.length ? "" : left ? say("left", { left }) : say("left_none");
  for (const button of document.querySelectorAll("[data-switch]")) button.setAttribute("aria-checked", String(state.switches[button.dataset.switch]));
}

// The questions to try stand open until the first is asked; then they fold away, once.
const asked = new Set();
function offer(phone, hasAsked) {
  if (!hasAsked || asked.has(phone)) return;
  asked.add(phone);
  find(`#${phone} .openers`).open = false;
}

function put(phone, text) {
  const field = find(`#text-${phone}`);
  field.value = text;
  field.focus();
}

for (const phone of ["telegram", "wechat"]) {
  const form = find(`#${phone} .write`), field = find("textarea", form);
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const text = field.value;
    if (!text.trim()) return;
    field.value = "";
    if (!(await act(phone, "say", { text }))) field.value = text;
  });
  field.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
      event.preventDefault();
      form.requestSubmit();
    }
  });
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (!event.target.closest("#menu")) fold();
  if (button?.dataset.opener) {
    const phone = button.dataset.opener;
    find(`#${phone} .openers`).open = false;
    find(`#${phone} .lines`).focus({ preventScroll: true }); // not the field: on a touch screen that raises the keyboard
    act(phone, "say", { text: button.textContent });
  }
  if (button?.dataset.switch) act("switch", button.dataset.switch, { on: button.getAttribute("aria-checked") !== "true" });
});
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  const open = find("#menu [aria-expanded=true]");
  fold();
  open?.focus();
});
find("#start").addEventListener("click", async () => { if (await act("telegram", "start")) find("#text-telegram").focus(); });
find("#follow").addEventListener("click", async () => { if (await act("wechat", "follow")) find("#wechat .lines").focus(); });
find("#unfollow").addEventListener("click", () => act("wechat", "unfollow"));

// Tabs where the screen is narrow; side by side where it is not.
const narrow = matchMedia("(max-width: 48rem)");
const tabs = [...document.querySelectorAll("#tabs [role=tab]")];
function choose(chosen, focus = false) {
  for (const tab of tabs) {
    const is = tab === chosen, panel = document.getElementById(tab.getAttribute("aria-controls"));
    tab.setAttribute("aria-selected", String(is));
    tab.tabIndex = is ? 0 : -1;
    panel.classList.toggle("away", narrow.matches && !is);
    if (narrow.matches) {
      panel.setAttribute("role", "tabpanel");
      panel.setAttribute("aria-labelledby", tab.id);
    } else {
      panel.removeAttribute("role");
      panel.setAttribute("aria-labelledby", `name-${panel.id}`);
    }
  }
  if (focus) chosen.focus();
}
for (const [number, tab] of tabs.entries()) {
  tab.addEventListener("click", () => choose(tab));
  tab.addEventListener("keydown", (event) => {
    const to = { ArrowRight: number + 1, ArrowLeft: number - 1, Home: 0, End: tabs.length - 1 }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    choose(tabs[(to + tabs.length) % tabs.length], true);
  });
}
const current = () => tabs.find((tab) => tab.getAttribute("aria-selected") === "true");
narrow.addEventListener("change", () => choose(current()));
choose(current());

const source = new EventSource(`${path}/events?owner=${owner}`);
source.addEventListener("message", (event) => {
  if (notice.textContent === say("lost")) notice.hidden = true;
  show(JSON.parse(event.data));
});
source.addEventListener("error", () => tell(say("lost")));
