// What a board says after it was sorted twice and filtered, two rows were compared, and the theme was changed.
(() => {
  const table = document.querySelector("table"), column = i => [...table.tBodies[0].rows].map(r => r.cells[i]);
  const heads = [...table.tHead.rows[0].cells], ap = heads.findIndex(h => h.textContent.trim() === "AP");
  const values = () => column(ap).map(c => "v" in c.dataset ? parseFloat(c.dataset.v) : null).filter(v => v !== null);
  const said = {};
  heads[ap].querySelector("button").click();
  [said.down, said.sorted] = [values(), heads[ap].getAttribute("aria-sort")];
  heads[ap].querySelector("button").click();
  said.up = values();
  const filter = document.querySelector("[data-filter]");
  filter.value = "voronoi";
  filter.dispatchEvent(new Event("input"));
  said.shown = [...table.tBodies[0].rows].filter(r => !r.hidden).map(r => [r.cells[1].textContent.trim(), r.className]);
  const second = document.querySelector("[data-second]");
  second.selectedIndex = 2;
  second.dispatchEvent(new Event("input"));
  said.pair = document.querySelector("[data-said]").textContent;
  said.painted = document.querySelector("canvas").dataset.painted;
  document.querySelector("[data-theme-toggle]").click();
  said.theme = document.documentElement.dataset.theme;
  localStorage.removeItem("theme");
  return said;
})()
