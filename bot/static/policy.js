// Finds clauses as one types, and marks in the contents where one is.

const find = document.getElementById("find");
const found = document.getElementById("found");
const clauses = [...document.querySelectorAll(".clause")];
const parts = [...document.querySelectorAll(".part")];
const plain = (words) => words.normalize("NFKC").toLowerCase();
const texts = new Map(clauses.map((clause) => [clause, plain(clause.textContent)]));

document.querySelector(".contents").open = matchMedia("(min-width: 60rem)").matches;

find.addEventListener("input", () => {
  const wanted = plain(find.value.trim());
  let count = 0;
  for (const clause of clauses) {
    clause.hidden = wanted !== "" && !texts.get(clause).includes(wanted);
    if (!clause.hidden) count += 1;
  }
  for (const part of parts) part.hidden = wanted !== "" && !part.querySelector(".clause:not([hidden])");
  const { none, one, many } = found.dataset;
  found.textContent = wanted === "" ? "" : count === 0 ? none : count === 1 ? one : many.replace("{count}", String(count));
  highlight(wanted);
});

/** Marks what was found without touching the text itself, where the browser can. */
function highlight(wanted) {
  if (!("highlights" in CSS)) return;
  CSS.highlights.delete("found");
  if (wanted.length < 1) return;
  const ranges = [];
  for (const clause of clauses.filter((each) => !each.hidden)) {
    const walker = document.createTreeWalker(clause, NodeFilter.SHOW_TEXT);
    for (let node = walker.nextNode(); node; node = walker.nextNode()) {
      const words = node.data.toLowerCase();
      for (let at = words.indexOf(wanted); at >= 0; at = words.indexOf(wanted, at + wanted.length)) {
        const range = new Range();
        range.setStart(node, at);
        range.setEnd(node, at + wanted.length);
        ranges.push(range);
      }
    }
  }
  CSS.highlights.set("found", new Highlight(...ranges));
}

// A part without a line of its own in the contents counts for the one above it.
const links = new Map([...document.querySelectorAll(".contents a")].map((link) => [link.hash.slice(1), link]));
const lineOf = new Map();
for (const part of parts) lineOf.set(part, links.get(part.getAttribute("aria-labelledby")) ?? [...lineOf.values()].at(-1));

const watcher = new IntersectionObserver((seen) => {
  const here = seen.filter((each) => each.isIntersecting).map((each) => lineOf.get(each.target)).at(-1);
  if (!here) return;
  for (const link of links.values()) link.removeAttribute("aria-current");
  here.setAttribute("aria-current", "true");
  const aside = document.querySelector(".aside");
  const middle = here.offsetTop - aside.clientHeight / 2;
  if (aside.scrollHeight > aside.clientHeight) aside.scrollTop = middle;
}, { rootMargin: "-20% 0px -75% 0px" });
for (const part of parts) watcher.observe(part);
