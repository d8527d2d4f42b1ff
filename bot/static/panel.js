// Opens a clause or an article beside the chat (on a phone: over it). The address says which; going back closes it.

const panel = document.getElementById("panel");
const body = document.getElementById("panel-body");
const desk = document.getElementById("desk");
const beside = matchMedia("(min-width: 64rem)");
const policy = panel.dataset.policy;
const clauseId = /^#[a-z]+(\.[a-z0-9-]+)*$/;
const notClauses = ["#latest", "#text", "#log"];

/** The link that opened the panel: the focus returns to it. */
let opener = null;

document.addEventListener("click", (event) => {
  const link = event.target instanceof Element ? event.target.closest("a[data-clause]") : null;
  if (!link || event.button || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
  event.preventDefault();
  const place = { panel: link.getAttribute("href"), pushed: true };
  const hash = `#${link.dataset.clause}`;
  if (panel.open) {
    if (!panel.contains(link)) mark(link);
    history.replaceState({ ...place, pushed: history.state?.pushed ?? false }, "", hash);
  } else {
    mark(link);
    history.pushState(place, "", hash);
  }
  follow();
});

/** Shows what the address says. */
function follow() {
  const { hash } = location;
  if (!clauseId.test(hash) || notClauses.includes(hash)) return hide();
  const href = history.state?.panel ?? `${policy}/clause/${hash.slice(1)}`;
  show();
  if (body.dataset.shows === href) return focusTitle();
  body.dataset.shows = href;
  body.textContent = panel.dataset.loading;
  window.htmx.ajax("GET", href, { target: "#panel-body", swap: "innerHTML", source: "#panel-body" });
}

document.addEventListener("htmx:finally:request", ({ detail: { ctx } }) => {
  if (ctx.sourceElement !== body) return;
  if (ctx.response?.status === 200) return focusTitle();
  body.textContent = panel.dataset.failed;
  delete body.dataset.shows;
});

function show() {
  if (panel.open) return;
  desk.classList.add("open");
  if (beside.matches) panel.show();
  else panel.showModal();
}

function hide() {
  if (!panel.open) return;
  panel.close();
  desk.classList.remove("open");
  const back = opener?.isConnected ? opener : document.getElementById("text");
  mark(null);
  back.focus();
}

/** Closes by way of the address, so that "back" never opens it again by surprise. */
function leave() {
  if (history.state?.pushed) return history.back();
  history.replaceState(null, "", location.pathname);
  hide();
}

function focusTitle() {
  panel.scrollTop = 0;
  (body.querySelector("#panel-title") ?? body).focus({ preventScroll: true });
}

function mark(link) {
  opener?.removeAttribute("aria-expanded");
  opener = link;
  opener?.setAttribute("aria-expanded", "true");
}

document.getElementById("panel-close").addEventListener("click", leave);
panel.addEventListener("cancel", (event) => { event.preventDefault(); leave(); });
panel.addEventListener("click", (event) => { if (event.target === panel && !beside.matches) leave(); });
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && panel.open && beside.matches && !event.isComposing) leave();
});
beside.addEventListener("change", () => {
  if (!panel.open) return;
  panel.close();
  show();
});
addEventListener("popstate", follow);
addEventListener("load", follow);
