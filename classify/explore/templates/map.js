"use strict";
// The map of a collection. Points are written straight into an image buffer: 100,000 of them take some milliseconds,
// where one drawing call for each would take seconds. Pictures, names and lines lie on a second canvas above.
(() => {
const $ = id => document.getElementById(id);
const data = JSON.parse($("data").textContent);
const bytes = text => Uint8Array.from(atob(text), c => c.charCodeAt(0));
const typed = (text, Type) => new Type(bytes(text).buffer);
const N = data.n, X = typed(data.x, Uint16Array), Y = typed(data.y, Uint16Array), SIDE = 65535;
const near = data.neighbours ? typed(data.neighbours, Uint32Array) : new Uint32Array(0), K = N ? near.length / N : 0;
const columns = data.columns.map(c => ({...c, codes: c.codes && typed(c.codes, Uint16Array), numbers: c.numbers && typed(c.numbers, Float32Array)}));
const classes = columns.filter(c => c.codes), numbers = columns.filter(c => c.numbers);
const year = numbers.find(c => c.name === "year");
const COLOURS = 8, NONE = 65535, NAMED = 400, LONGEST = 40;

// ---------------------------------------------------------------- state
const points = $("points"), marks = $("marks"), pen = marks.getContext("2d"), plain = points.getContext("2d");
const shown = new Uint8Array(N).fill(1);
const off = new Map(classes.map(c => [c.name, new Set()]));
let colour = columns.find(c => c.name === data.colour) || columns[0];
let zoom = 1, panX = 0, panY = 0, ratio = 1, width = 0, height = 0, unit = 1;
let image, buffer, palette = [], theme = {}, current = -1, found = [], lassoing = false, line = [], chosen = [], waiting = false;
let hits = new Set();

const screenX = i => (X[i] / SIDE - .5) * unit * zoom + width / 2 + panX;
const screenY = i => (Y[i] / SIDE - .5) * unit * zoom * data.aspect + height / 2 + panY;

// ---------------------------------------------------------------- colours and shapes
function readTheme() {
  const style = getComputedStyle(document.documentElement);
  const parse = name => { const h = style.getPropertyValue(name).trim(); return [1, 3, 5].map(n => parseInt(h.slice(n, n + 2), 16)); };
  const pack = ([r, g, b]) => (255 << 24 | b << 16 | g << 8 | r) >>> 0, dark = parse("--paper")[0] < 128;
  theme = {paper: parse("--paper"), ink: parse("--ink"), muted: parse("--muted"), accent: style.getPropertyValue("--accent").trim()};
  theme.paperWord = pack(theme.paper); theme.faint = pack(parse("--faint")); theme.unknown = parse("--unknown"); theme.unknownWord = pack(theme.unknown);
  theme.series = Array.from({length: COLOURS}, (_, n) => parse(`--c${n}`));
  theme.words = theme.series.map(pack);
  // viridis (van der Walt & Smith 2015) by some of its own colours: even steps also for colour-blind readers, in grey,
  // in print; without the end that can't be seen on the page's ground
  const stops = [[68, 1, 84], [59, 82, 139], [33, 145, 140], [94, 201, 98], [253, 231, 37]];
  theme.scale = Array.from({length: 256}, (_, n) => {
    const at = (dark ? .8 + n / 255 * 3.2 : n / 255 * 3.5), k = Math.min(3, at | 0), t = at - k;
    return stops[k].map((v, c) => Math.round(v + t * (stops[k + 1][c] - v)));
  });
  theme.scaleWords = theme.scale.map(pack);
}
// eight colours; classes beyond the eighth take the next shape, so that no difference rests on colour alone
const SHAPES = [
  (x, y, r) => x * x + y * y <= Math.max(1, r * r * .8), // less than half a pixel more and small discs look like squares
  (x, y, r) => Math.max(Math.abs(x), Math.abs(y)) <= r * .85,
  (x, y, r) => Math.abs(x) + Math.abs(y) <= r * 1.25,
  (x, y, r) => x * x + y * y <= r * r + .5 && x * x + y * y >= (r - Math.max(1, r * .4)) ** 2,
  (x, y, r) => (Math.abs(x) <= r * .3 || Math.abs(y) <= r * .3) && Math.max(Math.abs(x), Math.abs(y)) <= r,
];
function offsets(shape, r) {
  const out = [], reach = Math.ceil(r * 1.25);
  for (let y = -reach; y <= reach; y++) for (let x = -reach; x <= reach; x++) if (SHAPES[shape](x, y, r)) out.push(y * image.width + x);
  return Int32Array.from(out);
}
// names of classes without underscores, for people; the CSV has them as they are
const named = (name, c) => (c.name === "style" || c.name === "genre") && /[^_ ]/.test(name) ? name.replaceAll("_", " ") : name;
const cut = name => name.length > LONGEST ? name.slice(0, LONGEST - 1) + "…" : name;
const lookOf = code => [code % COLOURS, Math.min(SHAPES.length - 1, code / COLOURS | 0)];
const span = c => [c.low, Math.max(c.high, c.low + 1e-9)];

// ---------------------------------------------------------------- drawing
function resize() {
  const box = $("stage").getBoundingClientRect();
  ratio = Math.min(2, window.devicePixelRatio || 1);
  width = box.width; height = box.height;
  unit = Math.min(width, height / data.aspect) * .92;
  for (const canvas of [points, marks]) { canvas.width = Math.max(1, width * ratio | 0); canvas.height = Math.max(1, height * ratio | 0); }
  image = plain.createImageData(points.width, points.height);
  buffer = new Uint32Array(image.data.buffer);
  draw();
}
const radius = () => ratio * Math.min(7, (N > 20000 ? 1.2 : N > 3000 ? 1.8 : N > 800 ? 2.8 : 3.8) * (1 + .45 * Math.log2(Math.max(1, zoom))));
function draw() { if (!waiting) { waiting = true; requestAnimationFrame(() => { waiting = false; paint(); }); } }
function paint() {
  buffer.fill(theme.paperWord);
  const r = Math.max(1, radius()), reach = Math.ceil(r * 1.25) + 1, W = image.width, H = image.height;
  const shapes = SHAPES.map((_, n) => offsets(n, r)), small = offsets(0, Math.max(1, r * .7));
  const ax = unit * zoom * ratio / SIDE, bx = (width / 2 + panX - unit * zoom / 2) * ratio;
  const ay = ax * data.aspect, by = (height / 2 + panY - unit * zoom * data.aspect / 2) * ratio;
  const codes = colour && colour.codes, values = colour && colour.numbers, [low, high] = values ? span(colour) : [0, 1];
  found = [];
  for (let pass = 0; pass < 2; pass++) {
    for (let i = 0; i < N; i++) {
      if (shown[i] !== pass) continue;
      const x = X[i] * ax + bx | 0, y = Y[i] * ay + by | 0;
      if (x < reach || y < reach || x >= W - reach || y >= H - reach) continue;
      let word = theme.faint, mask = small;
      if (pass) {
        found.push(i); mask = shapes[0]; word = theme.unknownWord;
        if (codes && codes[i] !== NONE) { const [c, s] = lookOf(codes[i]); word = theme.words[c]; mask = shapes[s]; }
        else if (values && values[i] === values[i]) word = theme.scaleWords[Math.max(0, Math.min(255, (values[i] - low) / (high - low) * 255 | 0))];
        else if (!codes && !values) word = theme.words[0];
      }
      const at = y * W + x;
      for (let m = 0; m < mask.length; m++) buffer[at + mask[m]] = word;
    }
  }
  plain.putImageData(image, 0, 0);
  overlay();
}
function overlay() {
  pen.setTransform(ratio, 0, 0, ratio, 0, 0);
  pen.clearRect(0, 0, width, height);
  const few = data.mosaic ? square() >= 9 : found.length <= 160 && (zoom > 1.5 || N <= 160);
  if (data.atlas && found.length && few) thumbnails();
  else if (colour && colour.codes) names();
  const ring = (i, size, w) => { pen.beginPath(); pen.arc(screenX(i), screenY(i), size, 0, 7); pen.lineWidth = w; pen.stroke(); };
  pen.strokeStyle = theme.accent;
  if (hits.size <= 2000) for (const i of hits) ring(i, 7, 1.5);
  if (chosen.length <= 5000) for (const i of chosen) ring(i, 4, 1);
  if (current >= 0) {
    ring(current, 10, 3);
    pen.lineWidth = 1;
    for (let k = 0; k < K; k++) { const j = near[current * K + k]; pen.beginPath(); pen.moveTo(screenX(current), screenY(current)); pen.lineTo(screenX(j), screenY(j)); pen.stroke(); }
  }
  if (line.length) { pen.lineWidth = 2; pen.beginPath(); line.forEach(([x, y]) => pen.lineTo(x, y)); pen.stroke(); }
  const visible = count();
  $("count").textContent = `${visible.toLocaleString()} of ${N.toLocaleString()} pictures` + (hits.size ? `, ${hits.size.toLocaleString()} found` : "");
}
let visibleCount = N;
const count = () => visibleCount;
const square = () => data.mosaic ? unit * zoom / data.mosaic.columns : 0;
function thumbnails() {
  const side = data.mosaic ? square() * .94 : Math.max(26, Math.min(84, Math.sqrt(width * height / (found.length + 3)) * .62));
  for (const i of found) place(pen, i, screenX(i) - side / 2, screenY(i) - side / 2, side);
}
// names of classes where the middle of their pictures lies, largest class first, none over another
const middles = new Map();
function middle(column) {
  if (!middles.has(column.name)) {
    const xs = column.values.map(() => []), ys = column.values.map(() => []);
    for (let i = 0; i < N; i++) if (column.codes[i] !== NONE) { xs[column.codes[i]].push(X[i]); ys[column.codes[i]].push(Y[i]); }
    const mid = v => v.sort((a, b) => a - b)[v.length >> 1];
    middles.set(column.name, column.values.map((name, n) => ({name: cut(named(name, column)), n, size: xs[n].length, x: mid(xs[n]), y: mid(ys[n])})).filter(m => m.size));
  }
  return middles.get(column.name);
}
function names() {
  if (colour.values.length > 60) return;
  pen.font = `600 ${width < 600 ? 11 : 13}px ui-sans-serif, system-ui, sans-serif`;
  pen.textAlign = "center"; pen.textBaseline = "middle"; pen.lineJoin = "round";
  const taken = [], hidden = off.get(colour.name);
  for (const m of [...middle(colour)].sort((a, b) => b.size - a.size)) {
    if (hidden && hidden.has(m.n)) continue;
    let x = (m.x / SIDE - .5) * unit * zoom + width / 2 + panX;
    const y = (m.y / SIDE - .5) * unit * zoom * data.aspect + height / 2 + panY;
    const w = pen.measureText(m.name).width / 2 + 4;
    if (x >= 0 && x <= width) x = Math.max(w, Math.min(x, width - w)); // names at the edge stay whole
    const box = [x - w, y - 9, x + w, y + 9];
    if (taken.some(t => t[0] < box[2] && t[2] > box[0] && t[1] < box[3] && t[3] > box[1])) continue;
    taken.push(box);
    pen.strokeStyle = `rgb(${theme.paper} / .85)`.replaceAll(",", " "); pen.lineWidth = 4; pen.strokeText(m.name, x, y);
    pen.fillStyle = `rgb(${theme.ink})`; pen.fillText(m.name, x, y);
  }
}

// ---------------------------------------------------------------- thumbnails, sheet by sheet, when they are needed
const sheets = new Map();
function sheet(n) {
  if (!sheets.has(n)) {
    const picture = new Image();
    picture.onload = () => { draw(); if (current >= 0) show(current); };
    picture.src = data.atlas.sheets[n];
    sheets.set(n, picture);
  }
  return sheets.get(n);
}
function place(context, i, x, y, side) {
  const a = data.atlas;
  if (!a) return;
  const per = a.columns * a.rows, picture = sheet(i / per | 0), at = i % per;
  const sx = at % a.columns * a.side, sy = (at / a.columns | 0) * a.side;
  if (picture.complete && picture.naturalWidth) context.drawImage(picture, sx, sy, a.side, a.side, x, y, side, side);
}

// ---------------------------------------------------------------- finding a point under the pointer
const CELLS = 256;
const start = new Uint32Array(CELLS * CELLS + 1), order = new Uint32Array(N);
const cell = i => (Y[i] >> 8) * CELLS + (X[i] >> 8);
for (let i = 0; i < N; i++) start[cell(i) + 1]++;
for (let c = 0; c < CELLS * CELLS; c++) start[c + 1] += start[c];
{ const next = start.slice(); for (let i = 0; i < N; i++) order[next[cell(i)]++] = i; }
function under(x, y, reach) {
  const ux = ((x - width / 2 - panX) / (unit * zoom) + .5) * SIDE, uy = ((y - height / 2 - panY) / (unit * zoom * data.aspect) + .5) * SIDE;
  const rx = reach / (unit * zoom) * SIDE, ry = rx / data.aspect, clamp = v => Math.max(0, Math.min(CELLS - 1, v >> 8));
  let best = -1, least = reach * reach;
  for (let cy = clamp(uy - ry); cy <= clamp(uy + ry); cy++) for (let cx = clamp(ux - rx); cx <= clamp(ux + rx); cx++)
    for (let k = start[cy * CELLS + cx]; k < start[cy * CELLS + cx + 1]; k++) {
      const i = order[k];
      if (!shown[i]) continue;
      const d = (screenX(i) - x) ** 2 + (screenY(i) - y) ** 2;
      if (d < least) { least = d; best = i; }
    }
  return best;
}

// ---------------------------------------------------------------- the card of one picture
const text = (i, c) => c.codes ? (c.codes[i] === NONE ? "" : c.values[c.codes[i]]) : (c.numbers[i] === c.numbers[i] ? short(c.numbers[i]) : "");
const title = i => data.titles[i] || data.paths[i].split(/[\\/]|::/).pop();
function show(i) {
  current = i;
  $("card").hidden = i < 0;
  if (i < 0) return draw();
  const canvas = $("picture"), side = data.atlas ? data.atlas.side : 0;
  canvas.hidden = !side;
  if (side) { canvas.width = canvas.height = side; place(canvas.getContext("2d"), i, 0, 0, side); }
  $("name").textContent = title(i);
  $("facts").replaceChildren(...[...columns.map(c => [c.name, named(text(i, c), c)]), ["file", data.paths[i]]].filter(([, v]) => v).flatMap(([k, v]) => {
    const dt = document.createElement("dt"), dd = document.createElement("dd");
    dt.textContent = k;
    if (k === "file" && data.link) { const a = document.createElement("a"); a.href = data.link + v.split("/").map(encodeURIComponent).join("/"); a.textContent = v; a.style.color = "inherit"; dd.append(a); } else dd.textContent = v;
    return [dt, dd];
  }));
  $("near-title").hidden = !K;
  $("near").replaceChildren(...Array.from({length: K}, (_, k) => {
    const j = near[i * K + k], button = document.createElement("button"), small = document.createElement("canvas");
    button.type = "button"; button.title = title(j); button.setAttribute("aria-label", `similar: ${title(j)}`);
    small.width = small.height = Math.max(1, side); if (side) place(small.getContext("2d"), j, 0, 0, side);
    button.append(side ? small : title(j)); button.onclick = () => { centre(j); show(j); };
    return button;
  }));
  draw();
}
function centre(i) { panX -= screenX(i) - width / 2; panY -= screenY(i) - height / 2; draw(); }

// ---------------------------------------------------------------- filters
function filter() {
  const from = year ? +$("from").value : 0, to = year ? +$("to").value : 0, undated = !year || $("undated").checked;
  const active = classes.filter(c => off.get(c.name).size).map(c => [c.codes, off.get(c.name)]);
  const whole = !year || (from <= year.low && to >= year.high && undated);
  visibleCount = 0;
  for (let i = 0; i < N; i++) {
    let ok = 1;
    for (const [codes, hidden] of active) if (hidden.has(codes[i])) { ok = 0; break; }
    if (ok && !whole) { const v = year.numbers[i]; ok = v === v ? +(v >= from && v <= to) : +undated; }
    shown[i] = ok; visibleCount += ok;
  }
  if (year) $("years-text").textContent = `Years ${Math.min(from, to)}–${to}`;
  draw();
}
function legend() {
  $("legend-title").textContent = colour ? colour.name : "";
  const box = $("classes");
  if (!colour) return box.replaceChildren();
  if (colour.numbers) {
    const bar = document.createElement("span"); bar.id = "scale";
    bar.style.background = `linear-gradient(to right, ${[0, 64, 128, 191, 255].map(n => `rgb(${theme.scale[n]})`)})`;
    return box.replaceChildren(short(colour.low), bar, short(colour.high), ...without(colour.numbers.reduce((n, v) => n + (v !== v), 0)));
  }
  const sizes = new Uint32Array(colour.values.length), hidden = off.get(colour.name), more = colour.values.length - NAMED;
  let none = 0;
  for (let i = 0; i < N; i++) colour.codes[i] === NONE ? none++ : sizes[colour.codes[i]]++;
  const rest = [...without(none), ...(more > 0 ? [`and ${more.toLocaleString()} more, which the search finds`] : [])];
  box.replaceChildren(...colour.values.slice(0, NAMED).map((name, n) => {
    const button = document.createElement("button"), [c, s] = lookOf(n);
    button.type = "button"; button.setAttribute("aria-pressed", String(!hidden.has(n)));
    button.append(sign(SHAPES[s], theme.series[c]), cut(named(name, colour)), small(sizes[n])); button.title = name;
    // a click hides or shows a class; a double click leaves this one alone
    button.onclick = () => { hidden.has(n) ? hidden.delete(n) : hidden.add(n); button.setAttribute("aria-pressed", String(!hidden.has(n))); filter(); };
    button.ondblclick = () => { const only = hidden.size < colour.values.length - 1; hidden.clear(); if (only) colour.values.forEach((_, m) => m !== n && hidden.add(m)); legend(); filter(); };
    return button;
  }), ...rest);
}
const short = v => String(Math.round(v * 100) / 100);
function sign(shape, colour) {
  const dot = document.createElement("canvas"), p = dot.getContext("2d");
  dot.width = dot.height = 24; p.fillStyle = `rgb(${colour})`;
  for (let y = -11; y <= 11; y++) for (let x = -11; x <= 11; x++) if (shape(x, y, 8)) p.fillRect(x + 12, y + 12, 1, 1);
  return dot;
}
function small(count) {
  const size = document.createElement("span");
  size.className = "n"; size.textContent = count.toLocaleString();
  return size;
}
function without(count) {
  if (!count) return [];
  const box = document.createElement("span");
  box.className = "without"; box.append(sign(SHAPES[0], theme.unknown), `no ${colour.name}`, small(count));
  return [box];
}
const haystack = i => `${data.titles[i] || ""} ${data.paths[i]} ${classes.map(c => text(i, c)).join(" ")}`.toLowerCase();
let stacks = null;
function search() {
  const words = $("search").value.toLowerCase().split(/\s+/).filter(Boolean);
  hits = new Set();
  if (words.length) {
    stacks = stacks || Array.from({length: N}, (_, i) => haystack(i));
    for (let i = 0; i < N; i++) if (shown[i] && words.every(w => stacks[i].includes(w))) hits.add(i);
  }
  draw();
}

// ---------------------------------------------------------------- moving
function zoomAt(x, y, factor) {
  const wanted = Math.max(.5, Math.min(400, zoom * factor)), real = wanted / zoom;
  panX = x - width / 2 - (x - width / 2 - panX) * real; panY = y - height / 2 - (y - height / 2 - panY) * real;
  zoom = wanted; draw();
}
function whole() { zoom = 1; panX = panY = 0; draw(); }
const pointers = new Map();
let moved = 0;
const position = e => { const b = marks.getBoundingClientRect(); return [e.clientX - b.left, e.clientY - b.top]; };
marks.onpointerdown = e => { marks.setPointerCapture(e.pointerId); pointers.set(e.pointerId, position(e)); moved = 0; if (lassoing) line = [position(e)]; };
marks.onpointermove = e => {
  const [x, y] = position(e), before = pointers.get(e.pointerId);
  if (!before) { if (e.pointerType === "mouse") { const i = under(x, y, 14); if (i >= 0 && i !== current) show(i); } return; }
  moved += Math.abs(x - before[0]) + Math.abs(y - before[1]);
  if (lassoing) { line.push([x, y]); pointers.set(e.pointerId, [x, y]); return draw(); }
  if (pointers.size === 2) {
    const [other] = [...pointers].filter(([id]) => id !== e.pointerId).map(([, p]) => p);
    const was = Math.hypot(before[0] - other[0], before[1] - other[1]), now = Math.hypot(x - other[0], y - other[1]);
    if (was > 0) zoomAt((x + other[0]) / 2, (y + other[1]) / 2, now / was);
  }
  panX += (x - before[0]) / pointers.size; panY += (y - before[1]) / pointers.size;
  pointers.set(e.pointerId, [x, y]); draw();
};
marks.onpointerup = marks.onpointercancel = e => {
  if (lassoing && line.length > 2) choose();
  line = [];
  if (!lassoing && moved < 6 && pointers.size === 1) show(under(...position(e), e.pointerType === "touch" ? 26 : 14));
  pointers.delete(e.pointerId); draw();
};
marks.addEventListener("wheel", e => { e.preventDefault(); zoomAt(...position(e), Math.exp(-e.deltaY * (e.deltaMode ? .05 : .0016))); }, {passive: false});
marks.ondblclick = e => zoomAt(...position(e), 2);
marks.onkeydown = e => {
  const step = 60, act = {ArrowLeft: () => panX += step, ArrowRight: () => panX -= step, ArrowUp: () => panY += step, ArrowDown: () => panY -= step,
    "+": () => zoomAt(width / 2, height / 2, 1.4), "=": () => zoomAt(width / 2, height / 2, 1.4), "-": () => zoomAt(width / 2, height / 2, 1 / 1.4),
    0: whole, Enter: () => show(under(width / 2, height / 2, Math.max(width, height))), Escape: () => show(-1), l: toggleLasso, L: toggleLasso}[e.key];
  if (act) { e.preventDefault(); act(); draw(); }
};
// ---------------------------------------------------------------- selecting
function toggleLasso() { lassoing = !lassoing; $("lasso").setAttribute("aria-pressed", String(lassoing)); marks.classList.toggle("drawing", lassoing); }
function inside(x, y) {
  let odd = false;
  for (let a = 0, b = line.length - 1; a < line.length; b = a++) {
    const [xa, ya] = line[a], [xb, yb] = line[b];
    if (ya > y !== yb > y && x < (xb - xa) * (y - ya) / (yb - ya) + xa) odd = !odd;
  }
  return odd;
}
function choose() {
  chosen = [];
  for (let i = 0; i < N; i++) if (shown[i] && inside(screenX(i), screenY(i))) chosen.push(i);
  $("chosen").hidden = !chosen.length;
  $("chosen-text").textContent = `${chosen.length.toLocaleString()} selected`;
  if (lassoing) toggleLasso();
  draw();
}
const field = v => /[",\n\r;]/.test(v) ? `"${v.replaceAll('"', '""')}"` : v;
function csv() {
  const rows = [["id", "path", ...columns.map(c => c.name)], ...chosen.map(i => [data.ids[i], data.paths[i], ...columns.map(c => text(i, c))])];
  return "\ufeff" + rows.map(r => r.map(v => field(String(v))).join(",")).join("\r\n") + "\r\n";
}
$("save").onclick = () => {
  const a = document.createElement("a");
  a.href = URL.createObjectURL(new Blob([csv()], {type: "text/csv"})); a.download = "selected.csv"; a.click();
  setTimeout(() => URL.revokeObjectURL(a.href), 1000);
};
$("clear").onclick = () => { chosen = []; $("chosen").hidden = true; draw(); };

// ---------------------------------------------------------------- beginning
$("tools").onsubmit = e => e.preventDefault();
$("lasso").onclick = toggleLasso; $("whole").onclick = whole; $("close").onclick = () => show(-1);
$("in").onclick = () => zoomAt(width / 2, height / 2, 1.5); $("out").onclick = () => zoomAt(width / 2, height / 2, 1 / 1.5);
$("colour").replaceChildren(...columns.map(c => new Option(c.name, c.name, false, c === colour)));
$("colour").onchange = e => { colour = columns.find(c => c.name === e.target.value); legend(); draw(); };
let typing; $("search").oninput = () => { clearTimeout(typing); typing = setTimeout(search, 120); };
$("search").onkeydown = e => { if (e.key === "Enter") { clearTimeout(typing); search(); const [first] = hits; if (first !== undefined) { if (zoom < 4) zoom = 4; centre(first); show(first); } } };
if (year && year.high > year.low) {
  $("years").hidden = false;
  for (const [id, v] of [["from", year.low], ["to", year.high]]) Object.assign($(id), {min: year.low, max: year.high, step: 1, value: v, oninput: filter});
  $("undated").onchange = filter;
}
document.addEventListener("keydown", e => { if (e.key === "/" && !/INPUT|SELECT/.test(document.activeElement.tagName)) { e.preventDefault(); $("search").focus(); } });
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => { readTheme(); legend(); draw(); });
addEventListener("resize", resize);
readTheme(); legend(); resize(); filter();
// for tests and for those who script the page
window.map = {
  show, centre, zoomAt, whole, csv, inView: () => found.length,
  frames: ms => new Promise(done => { let n = 0; const t0 = performance.now(); (function step(t) { panX += n % 60 < 30 ? 4 : -4; paint(); n++; t - t0 < ms ? requestAnimationFrame(step) : done(n / ((t - t0) / 1000)); })(t0); }),
};
})();
