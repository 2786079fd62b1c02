"use strict";
// Atoms of a glass as shaded circles on a canvas, sorted by depth. Data: see zoo/leaderboard/site/glass_view.py.

const STOPS = [[68, 1, 84], [59, 82, 139], [33, 145, 140], [94, 201, 98], [253, 231, 37]];
const SHADES = 64, MISSING = 255;

const decode = (text, Type) => new Type(Uint8Array.from(atob(text), c => c.charCodeAt(0)).buffer);

function mix(value) {
  const place = Math.min(Math.max(value, 0), 1) * (STOPS.length - 1), k = Math.min(Math.floor(place), STOPS.length - 2);
  return STOPS[k].map((a, i) => Math.round(a + (STOPS[k + 1][i] - a) * (place - k)));
}

function sprite([r, g, b]) {
  const size = 48, canvas = document.createElement("canvas");
  canvas.width = canvas.height = size;
  const draw = canvas.getContext("2d"), half = size / 2;
  const light = draw.createRadialGradient(half * 0.7, half * 0.65, 1, half, half, half);
  light.addColorStop(0, `rgb(${[r, g, b].map(c => Math.round(c + (255 - c) * 0.55))})`);
  light.addColorStop(0.45, `rgb(${[r, g, b]})`);
  light.addColorStop(1, `rgb(${[r, g, b].map(c => Math.round(c * 0.45))})`);
  draw.fillStyle = light;
  draw.beginPath();
  draw.arc(half, half, half - 1, 0, 2 * Math.PI);
  draw.fill();
  return canvas;
}

function setUpViewer(box) {
  const data = JSON.parse(document.querySelector("[data-viewer-data]").textContent);
  const canvas = box.querySelector("canvas"), draw = canvas.getContext("2d"), n = data.n;
  const fractions = decode(data.positions, Uint16Array), sizes = decode(data.radii, Uint8Array);
  const channels = data.channels.map(channel => ({ ...channel, values: decode(channel.values, Uint8Array) }));
  const flat = data.cell[2].every(x => x === 0);
  const at = new Float32Array(3 * n);
  let reach = 0;
  for (let i = 0; i < n; i++) for (let d = 0; d < 3; d++) {
    let x = 0;
    for (let k = 0; k < 3; k++) x += (fractions[3 * i + k] / 65535 - 0.5) * data.cell[k][d];
    at[3 * i + d] = x;
    reach = Math.max(reach, Math.abs(x));
  }
  const sprites = Array.from({ length: SHADES }, (_, k) => sprite(mix(k / (SHADES - 1)))), grey = sprite([150, 155, 160]);
  const select = box.querySelector("[data-channel]"), slice = box.querySelector("[data-slice]"), top = box.querySelector("[data-top]");
  for (const channel of channels) select.append(new Option(channel.name, channel.name));
  let turn = flat ? 0 : 0.6, tilt = flat ? 0 : 0.35, zoom = 1, wanted = false;

  function paint() {
    wanted = false;
    const { width, height } = canvas, channel = channels[select.selectedIndex].values;
    const [ct, st, cp, sp] = [Math.cos(turn), Math.sin(turn), Math.cos(tilt), Math.sin(tilt)];
    const scale = zoom * Math.min(width, height) / (2 * reach * (flat ? 1.05 : 1.5)), half = slice.value === slice.max ? Infinity : reach * slice.value / 100;
    const seen = [];
    for (let i = 0; i < n; i++) {
      const [x, y, z] = [at[3 * i], at[3 * i + 1], at[3 * i + 2]];
      if (!flat && Math.abs(z) > half) continue;
      if (top.checked && (channel[i] === MISSING || channel[i] < 228)) continue;
      const u = ct * x + st * y, w = -st * x + ct * y;  // turned about z, then tilted
      seen.push([u, flat ? w : cp * z - sp * w, flat ? 0 : cp * w + sp * z, i]);
    }
    seen.sort((a, b) => b[2] - a[2]);
    draw.clearRect(0, 0, width, height);
    for (const [u, v, , i] of seen) {
      const value = channel[i], r = scale * data.radius * sizes[i] / 255 * (value === MISSING ? 0.6 : 1);
      const image = value === MISSING ? grey : sprites[Math.round(value / 254 * (SHADES - 1))];
      draw.drawImage(image, width / 2 + scale * u - r, height / 2 - scale * v - r, 2 * r, 2 * r);
    }
    box.querySelector("[data-note]").textContent = channels[select.selectedIndex].note;
    canvas.dataset.painted = seen.length;
  }
  function drawKey() {
    const { marks, ramp, values } = channels[select.selectedIndex], key = box.querySelector("[data-key]");
    key.replaceChildren();
    const swatch = (background, kind) => {
      const dot = document.createElement("i");
      dot.className = kind;
      dot.style.background = background;
      key.append(dot);
    };
    const shade = value => `rgb(${mix(value)})`;
    if (ramp) {
      key.append(marks[0][0]);
      swatch(`linear-gradient(90deg, ${STOPS.map(stop => `rgb(${stop})`)})`, "ramp");
      key.append(marks[1][0]);
    } else for (const [text, value] of marks) { swatch(shade(value), "dot"); key.append(text); }
    if (values.includes(MISSING)) { swatch("rgb(150, 155, 160)", "dot"); key.append("no value"); }
  }
  const repaint = () => { if (!wanted) { wanted = true; requestAnimationFrame(paint); } };

  let from = null;
  canvas.addEventListener("pointerdown", event => { from = [event.clientX, event.clientY]; canvas.setPointerCapture(event.pointerId); });
  for (const kind of ["pointerup", "pointercancel"]) canvas.addEventListener(kind, () => { from = null; });
  canvas.addEventListener("pointermove", event => {
    if (!from) return;
    turn -= (event.clientX - from[0]) / 150;
    if (!flat) tilt += (event.clientY - from[1]) / 150;
    from = [event.clientX, event.clientY];
    repaint();
  });
  canvas.addEventListener("wheel", event => {
    if (!event.ctrlKey && !event.metaKey) return;  // the page scrolls on
    event.preventDefault();
    zoom = Math.min(Math.max(zoom * Math.exp(-event.deltaY / 700), 0.5), 8);
    repaint();
  }, { passive: false });
  const keys = {
    ArrowLeft: () => { turn += 0.1; }, ArrowRight: () => { turn -= 0.1; }, ArrowUp: () => { tilt -= 0.1; }, ArrowDown: () => { tilt += 0.1; },
    "+": () => { zoom = Math.min(zoom * 1.15, 8); }, "-": () => { zoom = Math.max(zoom / 1.15, 0.5); },
  };
  keys["="] = keys["+"];
  for (const button of box.querySelectorAll("[data-do]")) button.addEventListener("click", () => { keys[button.dataset.do](); repaint(); });
  canvas.addEventListener("keydown", event => {
    if (!(event.key in keys)) return;
    event.preventDefault();
    keys[event.key]();
    repaint();
  });
  for (const input of [select, slice, top]) input.addEventListener("input", repaint);
  select.addEventListener("input", drawKey);
  drawKey();
  if (flat) slice.parentElement.hidden = true;
  box.hidden = false;
  paint();
}

document.querySelectorAll("[data-viewer]").forEach(setUpViewer);
