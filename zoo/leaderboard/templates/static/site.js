"use strict";
// Tables that sort and filter, tips on marks, two rows compared, dark or light. Pages are readable without any of it.

const keep = {
  get: name => { try { return localStorage.getItem(name); } catch { return null; } },
  set: (name, value) => { try { localStorage.setItem(name, value); } catch { /* private windows keep nothing */ } },
};

function setUpTheme() {
  const chosen = keep.get("theme");
  if (chosen) document.documentElement.dataset.theme = chosen;
  const button = document.querySelector("[data-theme-toggle]");
  button.hidden = false;
  button.addEventListener("click", () => {
    const root = document.documentElement;
    const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
    root.dataset.theme = dark ? "light" : "dark";
    keep.set("theme", root.dataset.theme);
    document.dispatchEvent(new Event("theme"));
  });
}

function sortKey(row, column, number) {
  const cell = row.cells[column];
  if (number) return "v" in cell.dataset ? parseFloat(cell.dataset.v) : null;
  return cell.textContent.trim() || null;
}

function setUpTable(box) {
  const table = box.querySelector("table"), body = table.tBodies[0];
  const heads = [...table.tHead.rows[0].cells];
  heads.forEach((head, column) => head.querySelector("button").addEventListener("click", () => {
    const number = head.classList.contains("num");
    const now = head.getAttribute("aria-sort");
    const down = now === "none" ? number && head.textContent.trim() !== "#" : now === "ascending";
    heads.forEach(other => other.setAttribute("aria-sort", "none"));
    head.setAttribute("aria-sort", down ? "descending" : "ascending");
    const rows = [...body.rows].sort((a, b) => {
      const x = sortKey(a, column, number), y = sortKey(b, column, number);
      if (x === null || y === null) return (x === null) - (y === null);
      const order = number ? x - y : x.localeCompare(y, "en", { numeric: true });
      return down ? -order : order;
    });
    body.append(...rows);
  }));
  const filter = box.querySelector("[data-filter]"), mode = box.querySelector("[data-mode]");
  const scored = box.querySelector("[data-scored]"), extras = box.querySelector("[data-extras]");
  const update = () => {
    const words = (filter?.value ?? "").toLowerCase().split(/[\s,]+/).filter(Boolean);
    let shown = 0;
    for (const row of body.rows) {
      const text = row.textContent.toLowerCase();
      const fits = words.every(word => text.includes(word))
        && (!mode?.value || row.dataset.rowMode === mode.value)
        && !(scored?.checked && "unscored" in row.dataset);
      row.hidden = !fits && !(row.classList.contains("null") && !("unscored" in row.dataset));  // null controls stay
      shown += !row.hidden;
    }
    box.querySelector("[data-count]").textContent = shown < body.rows.length ? `${shown} of ${body.rows.length} rows` : "";
  };
  for (const input of [filter, mode, scored]) input?.addEventListener("input", update);
  extras?.addEventListener("input", () => box.classList.toggle("all", extras.checked));
}

function setUpTips() {
  const tip = document.getElementById("tip");
  for (const title of document.querySelectorAll("[data-tip] > title")) title.remove();  // or the browser shows both
  const hide = () => { tip.hidden = true; };
  const show = (mark, x, y) => {
    tip.textContent = mark.dataset.tip;
    tip.hidden = false;
    const wide = tip.offsetWidth, high = tip.offsetHeight;
    tip.style.left = `${Math.max(4, Math.min(x + 12, innerWidth - wide - 8))}px`;
    tip.style.top = `${y + 16 + high > innerHeight ? y - high - 8 : y + 16}px`;
  };
  for (const kind of ["pointermove", "pointerdown"]) document.addEventListener(kind, event => {
    const mark = event.target.closest?.("[data-tip]");
    if (mark) show(mark, event.clientX, event.clientY);
    else hide();
  });
  const beside = mark => {
    const box = (mark.querySelector(".dot, .heat, .bar") ?? mark).getBoundingClientRect();
    show(mark, box.left + box.width / 2, box.top + box.height / 2);
  };
  document.addEventListener("focusin", event => { if (event.target.matches("[data-tip]")) beside(event.target); });
  document.addEventListener("focusout", hide);
  document.addEventListener("scroll", () => {
    if (document.activeElement?.matches("[data-tip]:focus-visible")) beside(document.activeElement);
    else hide();
  }, { passive: true, capture: true });
  document.addEventListener("keydown", event => { if (event.key === "Escape") hide(); });
  for (const chart of document.querySelectorAll(".chart svg")) setUpMarks(chart);
}

// One mark of a chart is in the tab order; arrow keys, Home and End go on to the others.
function setUpMarks(chart) {
  const marks = [...chart.querySelectorAll("[data-tip]")];
  if (!marks.length) return;
  chart.setAttribute("role", "group");
  marks.forEach((mark, k) => {
    mark.setAttribute("tabindex", k ? -1 : 0);
    mark.setAttribute("role", "img");
    mark.setAttribute("aria-label", mark.dataset.tip);
  });
  chart.addEventListener("keydown", event => {
    const k = marks.indexOf(event.target), last = marks.length - 1;
    const to = { ArrowRight: k + 1, ArrowDown: k + 1, ArrowLeft: k - 1, ArrowUp: k - 1, Home: 0, End: last }[event.key];
    if (k < 0 || to === undefined) return;
    event.preventDefault();
    const next = marks[Math.min(Math.max(to, 0), last)];
    marks[k].setAttribute("tabindex", -1);
    next.setAttribute("tabindex", 0);
    next.focus();
  });
}

function setUpPairs(form) {
  const data = JSON.parse(document.querySelector("[data-pair-data]").textContent);
  const [first, second] = [form.querySelector("[data-first]"), form.querySelector("[data-second]")];
  for (const select of [first, second]) for (const name of data.names) select.append(new Option(name, name));
  second.selectedIndex = 1;
  const n = data.names.length;
  const say = () => {
    const [a, b] = [first.selectedIndex, second.selectedIndex], out = form.querySelector("[data-said]");
    if (a === b) { out.textContent = "Choose two different rows."; return; }
    const [i, k] = a < b ? [a, b] : [b, a];
    let [value, low, high, ahead, wins] = data.pairs[i * n - i * (i + 1) / 2 + (k - i - 1)];
    if (a > b) [value, low, high, ahead, wins] = [-value, -high, -low, 1 - ahead, 1 - wins];
    const digits = Math.abs(value) < 0.01 ? 4 : 3;
    const signed = x => (x < 0 ? "" : "+") + x.toFixed(digits).replace("-", "−");
    const clear = low > 0 ? "the first is clearly better" : high < 0 ? "the second is clearly better" : "not told apart";
    out.textContent = `Difference ${signed(value)} (${signed(low)} to ${signed(high)}): ${clear}. `
      + `Ahead on ${Math.round(100 * wins)} % of the ${data.unit}, in ${Math.round(100 * ahead)} % of the resamples.`;
  };
  first.addEventListener("input", say);
  second.addEventListener("input", say);
  form.hidden = false;
  say();
}

function setUpCopy(button) {
  if (!navigator.clipboard) return;
  button.hidden = false;
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(button.parentElement.querySelector("code").textContent);
    button.textContent = "copied";
  });
}

function showSection() {
  const link = document.querySelector("nav [aria-current]"), nav = link?.parentElement;
  if (nav) nav.scrollLeft = link.offsetLeft - nav.offsetLeft - (nav.clientWidth - link.offsetWidth) / 2;  // narrow screens
}

setUpTheme();
showSection();
document.querySelectorAll("[data-table]").forEach(setUpTable);
document.querySelectorAll("[data-pairs]").forEach(setUpPairs);
document.querySelectorAll("[data-copy]").forEach(setUpCopy);
setUpTips();
