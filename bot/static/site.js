// What every page can do with a script: menus that close, a choice of appearance at once, copying, local times.

const root = document.documentElement;
root.classList.add("scripted");

/** Says `words` in a small note that screen readers read out. */
export function tell(words) {
  const toast = document.getElementById("toast");
  toast.textContent = words;
  clearTimeout(tell.timer);
  tell.timer = setTimeout(() => { toast.textContent = ""; }, 3000);
}

/** The visitor's own way to write times, where it is in the language of the page. */
const locale = () => navigator.languages.find((each) => each.startsWith(root.lang.slice(0, 2))) ?? root.lang;

/** Shows the times below `place` in the visitor's own time zone, with the day where it isn't today. */
export function localise(place) {
  for (const time of place.querySelectorAll("time[data-clock]")) {
    const when = new Date(time.dateTime);
    const today = when.toDateString() === new Date().toDateString();
    const form = { hour: "2-digit", minute: "2-digit", ...(today ? {} : { day: "numeric", month: "short" }) };
    time.textContent = new Intl.DateTimeFormat(locale(), form).format(when);
    time.removeAttribute("data-clock");
  }
}

/** Copies `words`; where the browser has no clipboard for us (plain http), by way of a selection. */
async function copy(words) {
  try {
    await navigator.clipboard.writeText(words);
    return true;
  } catch {
    const box = Object.assign(document.createElement("textarea"), { value: words, className: "vh" });
    document.body.append(box);
    box.select();
    const done = document.execCommand("copy");
    box.remove();
    return done;
  }
}

async function copyAndTell(words) {
  const { copied, copyFailed } = document.body.dataset;
  tell((await copy(words)) ? copied : copyFailed);
}

document.addEventListener("click", (event) => {
  const target = event.target instanceof Element ? event.target : null;
  for (const menu of document.querySelectorAll("details.menu[open]")) {
    if (!menu.contains(target)) menu.open = false;
  }
  const copying = target?.closest("[data-copy]");
  if (copying) copyAndTell(copying.dataset.copy);
  const link = target?.closest("[data-copy-link]");
  if (link) copyAndTell(link.href);
  const theme = target?.closest("[data-theme-choice]");
  if (theme) {
    event.preventDefault();
    wear(theme);
  }
  const keeping = target?.closest("[data-keep-place]");
  if (keeping) keeping.hash = location.hash;
});

document.addEventListener("keydown", (event) => {
  const menu = event.key === "Escape" && document.querySelector("details.menu[open]");
  if (menu) {
    menu.open = false;
    menu.querySelector("summary").focus();
    event.stopImmediatePropagation();
  }
});

function wear(link) {
  const theme = link.dataset.themeChoice;
  const secure = location.protocol === "https:" ? "; secure" : "";
  document.cookie = `theme=${theme}; path=/; max-age=31536000; samesite=lax${secure}`;
  if (theme === "system") delete root.dataset.theme;
  else root.dataset.theme = theme;
  for (const other of document.querySelectorAll("[data-theme-choice]")) other.removeAttribute("aria-current");
  link.setAttribute("aria-current", "true");
  const menu = link.closest("details");
  menu.open = false;
  menu.querySelector("summary").focus();
}

localise(document);
