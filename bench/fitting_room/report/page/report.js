"use strict";
// The state is in the address, #sort=task.column.direction&open=case,case: a page can be linked to
// as it is seen. Without this script everything is open and in the order of the registry.

const tables = [...document.querySelectorAll("table.cases")];
const all = document.getElementById("all");
const sorted = new Map();

const cell = (body, index) => body.rows[0].cells[index].dataset.value;

function compare(a, b, index) {
  const [one, other] = [cell(a, index), cell(b, index)];
  if (one === undefined || other === undefined) return 0;
  const [x, y] = [Number(one), Number(other)].map((n, i) => (Number.isNaN(n) ? infinite([one, other][i]) : n));
  return Number.isNaN(x) || Number.isNaN(y) ? one.localeCompare(other) : x === y ? 0 : x < y ? -1 : 1;
}

function infinite(text) {
  return text === "inf" ? Infinity : NaN;
}

function sort(table, name, direction) {
  const heads = [...table.tHead.rows[0].cells];
  const index = heads.findIndex((head) => head.dataset.column === name);
  if (index < 0 || !["ascending", "descending"].includes(direction)) return;
  heads.forEach((head, at) => (at === index ? head.setAttribute("aria-sort", direction) : head.removeAttribute("aria-sort")));
  const missing = (body) => cell(body, index) === undefined;
  const bodies = [...table.tBodies];
  bodies.sort((a, b) => missing(a) - missing(b) || (direction === "ascending" ? 1 : -1) * compare(a, b, index));
  table.append(...bodies);
  sorted.set(table.dataset.task, `${table.dataset.task}.${name}.${direction}`);
}

const opener = (body) => body.querySelector("th button");
const isOpen = (body) => opener(body).getAttribute("aria-expanded") === "true";

function show(body, open) {
  opener(body).setAttribute("aria-expanded", String(open));
  body.rows[1].hidden = !open;
}

const bodies = () => tables.flatMap((table) => [...table.tBodies]);

function remember() {
  const open = bodies().filter(isOpen).map((body) => body.id);
  const parts = [...[...sorted.values()].map((each) => `sort=${each}`), ...(open.length ? [`open=${open.join(",")}`] : [])];
  history.replaceState(null, "", parts.length ? `#${parts.join("&")}` : "#");
  all.textContent = bodies().every(isOpen) ? "Close all" : "Open all";
}

function recall() {
  const wanted = new URLSearchParams(location.hash.slice(1));
  const open = (wanted.get("open") ?? "").split(",");
  bodies().forEach((body) => show(body, open.includes(body.id) || `#${body.id}` === location.hash));
  for (const each of wanted.getAll("sort")) {
    const [task, name, direction] = each.split(".");
    tables.filter((table) => table.dataset.task === task).forEach((table) => sort(table, name, direction));
  }
}

for (const table of tables) {
  for (const head of table.tHead.rows[0].cells) {
    head.querySelector("button").addEventListener("click", () => {
      sort(table, head.dataset.column, head.getAttribute("aria-sort") === "ascending" ? "descending" : "ascending");
      remember();
    });
  }
  for (const body of table.tBodies) {
    opener(body).addEventListener("click", () => {
      show(body, !isOpen(body));
      remember();
    });
  }
}
all.addEventListener("click", () => {
  const open = !bodies().every(isOpen);
  bodies().forEach((body) => show(body, open));
  remember();
});
window.addEventListener("hashchange", recall);

const figures = new Blob([document.getElementById("figures").textContent], { type: "application/json" });
const save = document.getElementById("save");
save.href = URL.createObjectURL(figures);
all.hidden = save.hidden = false;
recall();
