// The GRU's drawing, computing: course_utils/cell_view.py says where everything stands, here it gets its numbers.

const SVG = "http://www.w3.org/2000/svg";
const MINUS = "\u2212";
const PATHS = ["direct", "update", "candidate", "reset"];
const NAMES = ["h_prev", "x", "b_r", "b_z"];
const GAP = 6; // pixels between two paths that run side by side
const HEAD = 8; // length of an arrowhead in pixels
const ROW = "display:flex;align-items:center";

// ---------------------------------------------------------------- the step and its derivative

const sigmoid = (a) => 1 / (1 + Math.exp(-a));

/**
 * One step of a GRU with one unit, r multiplied in before the product (`gru_step` in cells.py).
 * @param {Record<string, number>} w weights: W_xr, W_xz, W_xn, W_hr, W_hz, W_hn, b_n
 * @param {{h_prev: number, x: number, b_r: number, b_z: number}} at
 * @returns {Record<string, number>} all numbers that the drawing shows forwards
 */
function step(w, { h_prev, x, b_r, b_z }) {
  const r = sigmoid(w.W_xr * x + w.W_hr * h_prev + b_r);
  const z = sigmoid(w.W_xz * x + w.W_hz * h_prev + b_z);
  const h_tilde = Math.tanh(w.W_xn * x + w.W_hn * (r * h_prev) + w.b_n);
  const [kept, added] = [z * h_prev, (1 - z) * h_tilde];
  return { h_prev, x, r, z, h_tilde, h: kept + added, rest: 1 - z, kept, added, read: r * h_prev };
}

/**
 * The four parts of the derivative of h_t in h_{t-1} (`gru_paths` in gradients.py).
 * @param {Record<string, number>} w @param {ReturnType<typeof step>} now
 * @returns {{direct: number, update: number, candidate: number, reset: number}}
 */
function paths(w, { h_prev, r, z, h_tilde }) {
  const into_n = (1 - z) * (1 - h_tilde ** 2);
  return {
    direct: z,
    update: (h_prev - h_tilde) * z * (1 - z) * w.W_hz,
    candidate: into_n * w.W_hn * r,
    reset: into_n * w.W_hn * h_prev * r * (1 - r) * w.W_hr,
  };
}

// ---------------------------------------------------------------- words

/** @param {number} v @returns {string} two digits behind the point, a true minus, no minus before 0 */
function number(v) {
  return v.toFixed(2).replace("-0.00", "0.00").replace("-", MINUS);
}

/** What the drawing says forwards; the same words as `sentence` in cell_view.py. */
function forwards({ z, kept, added, h }) {
  const words = `The gate keeps ${number(z)} of the old state: ${number(kept)} is kept, `;
  return `${words}${number(added)} is added, h_t = ${number(h)}.`;
}

/** What it says backwards: which path carries most, and of how much. */
function back(parts) {
  const sizes = PATHS.map((name) => Math.abs(parts[name]));
  const [most, whole] = [Math.max(...sizes), sizes.reduce((sum, size) => sum + size, 0)];
  const name = PATHS[sizes.indexOf(most)];
  const [part, total] = [parts[name], sum(parts)];
  const within = part * total > 0 && most <= Math.abs(total) + 0.005; // otherwise "0.60 of 0.53" would puzzle
  const words = within ? `: ${number(part)} of` : `, ${number(part)}; the four add up to`;
  const share = `${words} ${number(total)}.`;
  if (most > 0.5 * whole) return `Most of the change passes by the ${name} path${share}`;
  return `No path alone carries most of the change. The largest is the ${name} path${share}`;
}

const sum = (parts) => PATHS.reduce((total, name) => total + parts[name], 0);

// ---------------------------------------------------------------- where things lie

/** @param {number} v @param {[number, number]} widths of an arrow with 0 and with 1 @returns {number} pixels */
function thickness(v, [thinnest, thickest]) {
  return thinnest + (thickest - thinnest) * Math.min(Math.abs(v), 1.5);
}

/**
 * Where lines of these widths run side by side, centred on 0.
 * @param {number[]} widths @returns {number[]} the middle of each
 */
function lanes(widths) {
  const whole = widths.reduce((total, width) => total + width + GAP, -GAP);
  let edge = -whole / 2;
  return widths.map((width) => {
    const middle = edge + width / 2;
    edge += width + GAP;
    return middle;
  });
}

/**
 * The corners of every path, from h_t back to h_{t-1}. A path may have several lines; the first ends at h_{t-1}.
 * @param {(column: string, row: string) => [number, number]} place
 * @param {{direct: number, update: number, candidate: number, reset: number}} widths in pixels
 * @param {number} half width of a box
 * @returns {[string, number[][]][]}
 */
function ways(place, widths, half) {
  const all = lanes(PATHS.map((name) => widths[name]));
  const low = lanes(PATHS.slice(1).map((name) => widths[name])); // the three that leave the state line
  const shared = lanes([widths.candidate, widths.reset]); // between r's product and h_t
  const lane = Object.fromEntries(PATHS.map((name, i) => [name, place("old", "state")[1] + all[i]]));
  const down = Object.fromEntries(PATHS.slice(1).map((name, i) => [name, place("bus", "state")[0] - low[i]]));
  const up = Object.fromEntries(PATHS.slice(1).map((name, i) => [name, place("n", "state")[0] + low[i]]));
  const [begin, end] = [place("old", "state")[0] + half, place("new", "state")[0] - half];
  const [[z, zRow], [r, rRow], nRow] = [place("z", "z"), place("r", "r"), place("n", "n")[1]];
  const row = { candidate: nRow + shared[0], reset: nRow + shared[1] };
  const home = (name, y) => [[down[name], y], [down[name], lane[name]], [begin, lane[name]]];
  const out = (name, y) => [[end, lane[name]], [up[name], lane[name]], [up[name], y]];
  return [
    ["direct", [[end, lane.direct], [begin, lane.direct]]],
    ["update", [[z, zRow], ...home("update", zRow)]],
    ["update", [[end, lane.update], [z, lane.update], [z, zRow]]],
    ["update", [[up.update, lane.update], [up.update, zRow], [z, zRow]]],
    ["candidate", [...out("candidate", row.candidate), ...home("candidate", row.candidate)]],
    ["reset", [[r, rRow], ...home("reset", rRow)]],
    ["reset", [...out("reset", row.reset), [r, row.reset], [r, rRow]]],
  ];
}

/**
 * A line through corners that are rounded, and the head at its end.
 * @param {number[][]} corners @param {number} width @param {boolean} head
 * @returns {{line: string, head: string}} what `d` of a path and `points` of a polygon take
 */
function arrow(corners, width, head) {
  const [tip, before] = [corners[corners.length - 1], corners[corners.length - 2]];
  const far = Math.hypot(tip[0] - before[0], tip[1] - before[1]) || 1;
  const [ux, uy] = [(tip[0] - before[0]) / far, (tip[1] - before[1]) / far];
  const length = head ? Math.min(HEAD, 0.8 * far) : 0;
  const neck = [tip[0] - length * ux, tip[1] - length * uy];
  const way = [...corners.slice(0, -1), neck];
  let line = `M${way[0]}`;
  for (let i = 1; i < way.length - 1; i++) {
    const near = [way[i - 1], way[i + 1]].map((end) => {
      const long = Math.hypot(end[0] - way[i][0], end[1] - way[i][1]) || 1;
      const share = Math.min(9, long / 2) / long;
      return [way[i][0] + share * (end[0] - way[i][0]), way[i][1] + share * (end[1] - way[i][1])];
    });
    line += `L${near[0]}Q${way[i]} ${near[1]}`;
  }
  line += `L${neck}`;
  const half = width / 2 + 2.5;
  const wings = [[neck[0] - half * uy, neck[1] + half * ux], [neck[0] + half * uy, neck[1] - half * ux]];
  return { line, head: head ? [tip, ...wings].map((point) => point.join(",")).join(" ") : "" };
}

// ---------------------------------------------------------------- the page

function render({ model, el }) {
  const spec = model.get("spec");
  let at = { ...model.get("at") };
  let backwards = model.get("backwards");
  let ink; // the colour of text around us

  const root = add(el, "div", { class: "explorer", role: "group", "aria-label": "One step of a GRU, computing" });
  const bar = add(root, "div", { class: "explorer-controls" });
  const outputs = {};
  const inputs = {};
  for (const [name, words, min, max] of spec.sliders) {
    const label = add(bar, "label", { style: `${ROW};flex:1 1 18em;gap:0.75em;max-width:100%` });
    textInto(add(label, "span"), words);
    // JupyterLab's command mode takes the arrow keys of whatever lacks this attribute.
    const range = { type: "range", min, max, step: spec.step, "data-lm-suppress-shortcuts": "true" };
    inputs[name] = add(label, "input", { ...range, "aria-label": words });
    outputs[name] = add(label, "span", { class: "explorer-value", "aria-hidden": "true" });
    inputs[name].addEventListener("input", () => {
      at = { ...at, [name]: Number(inputs[name].value) };
      draw();
    });
    inputs[name].addEventListener("change", tell);
  }
  const toggle = add(bar, "label", { style: `${ROW};gap:0.5em` });
  const box = add(toggle, "input", { type: "checkbox", "data-lm-suppress-shortcuts": "true", style: "flex:none" });
  textInto(add(toggle, "span"), "backwards: the derivative of h_t in h_{t-1}");
  box.addEventListener("change", () => {
    backwards = box.checked;
    draw();
    tell();
  });
  const status = add(root, "p", { class: "explorer-status", role: "status", "aria-live": "polite" });
  const figure = add(root, "div", { style: "max-width:760px" });
  const svg = drawn(figure, "svg", { role: "img", width: "100%", height: spec.height, style: "display:block" });
  const legend = add(root, "p", { style: "margin:0.25em 0" });
  const fixed = add(root, "p", { style: "margin:0.25em 0" });
  const listed = Object.entries(spec.weights).map(([name, w]) => `${name.replace(/_(\w+)/, "_{$1}")} = ${w}`);
  const words = `Fixed: ${listed.join(", ")}; r_t is multiplied in before the product with W_hn.`;
  textInto(fixed, words.replaceAll("-", MINUS));

  function tell() {
    model.set("at", at);
    model.set("backwards", backwards);
    model.save_changes();
  }

  function draw() {
    const now = step(spec.weights, at);
    const parts = paths(spec.weights, now);
    ink = getComputedStyle(root).color;
    const dark = (ink.match(/\d+/g) || []).slice(0, 3).reduce((total, part) => total + Number(part), 0) > 380;
    for (const name of NAMES) {
      if (Number(inputs[name].value) !== at[name]) inputs[name].value = at[name];
      outputs[name].textContent = number(at[name]);
      inputs[name].setAttribute("aria-valuetext", `${name} = ${number(at[name])}`);
    }
    box.checked = backwards;
    const words = backwards ? back(parts) : forwards(now);
    textInto(status, words);
    textInto(
      legend,
      backwards
        ? "An arrow is as thick as its path's derivative is large, and dashed where that is negative. The four add up."
        : "An arrow is as thick as the number that it carries is large: red is positive, blue is negative.",
    );
    svg.setAttribute("aria-label", backwards ? backInWords(parts) : nowInWords(now));
    const width = svg.clientWidth || 700;
    svg.replaceChildren();
    const pen = { svg, width, spec, tone: (hex) => toned(hex, dark), page: dark ? "#111111" : "#ffffff" };
    paint(pen, now, backwards ? parts : null);
    root.drawn = { ...now, ...parts };
    root.dataset.mode = backwards ? "backwards" : "forwards";
  }

  function slidersFromModel() {
    at = { ...model.get("at") };
    draw();
  }

  function sideFromModel() {
    backwards = model.get("backwards");
    draw();
  }

  draw();
  let seen = svg.clientWidth;
  const sizes = new ResizeObserver(() => {
    if (svg.clientWidth !== seen) draw();
    seen = svg.clientWidth;
  });
  sizes.observe(figure);
  // No event tells of every host's change of theme, and a look twice a second costs nothing.
  const looks = setInterval(() => getComputedStyle(root).color !== ink && draw(), 500);
  model.on("change:at", slidersFromModel);
  model.on("change:backwards", sideFromModel);
  return () => {
    sizes.disconnect();
    clearInterval(looks);
    model.off("change:at", slidersFromModel);
    model.off("change:backwards", sideFromModel);
  };
}

// On a dark page every colour keeps its hue and moves towards white.
function toned(hex, dark) {
  if (!dark) return hex;
  const parts = [1, 3, 5].map((i) => parseInt(hex.slice(i, i + 2), 16));
  return `rgb(${parts.map((part) => Math.round(part + 0.45 * (255 - part))).join(",")})`;
}

function nowInWords(now) {
  const gates = { r: "reset gate", z: "update gate", h_tilde: "candidate" };
  const named = { h_prev: "old state", x: "input", ...gates, h: "new state" };
  return `${Object.entries(named).map(([name, words]) => `${words} ${number(now[name])}`).join(", ")}.`;
}

function backInWords(parts) {
  return `${PATHS.map((name) => `${name} path ${number(parts[name])}`).join(", ")}, their sum ${number(sum(parts))}.`;
}

function paint(pen, now, parts) {
  const { svg, width, spec, tone, page } = pen;
  const shrink = width < 480 ? 0.8 : 1; // of all that is as wide on any screen
  const [wide, tall] = [shrink * spec.box[0], spec.box[1]];
  const place = (column, row, right = 0, down = 0) => [
    spec.margin + spec.columns[column] * (width - 2 * spec.margin) + shrink * right,
    spec.rows[row] + down,
  ];
  const line = (corners, colour, thick, head, dash, name) => {
    const { line: d, head: points } = arrow(corners, thick, head);
    const path = drawn(svg, "path", { d, fill: "none", stroke: colour, "stroke-width": thick, "data-carries": name });
    if (dash) path.setAttribute("stroke-dasharray", "7 4");
    if (head) drawn(svg, "polygon", { points, fill: colour });
  };
  const write = ([x, y], words, { anchor = "middle", size = 13, colour = "currentColor", bold = false } = {}) => {
    const attributes = { x, y, "text-anchor": anchor, "dominant-baseline": "central", "font-size": size, fill: colour };
    const text = drawn(svg, "text", bold ? { ...attributes, "font-weight": "bold" } : attributes);
    // A rim of the page's colour, so that words stay readable where an arrow is thick.
    const rim = { stroke: page, "stroke-width": 3, "paint-order": "stroke" };
    for (const [name, value] of Object.entries(rim)) text.setAttribute(name, value);
    spell(text, words);
  };
  if (parts) {
    const widths = Object.fromEntries(PATHS.map((name) => [name, thickness(parts[name], spec.widths)]));
    ways(place, widths, wide / 2).forEach(([name, corners]) => {
      const home = corners[corners.length - 1][0] < place("bus", "state")[0];
      line(corners, tone(spec.colours[name]), widths[name], home, parts[name] < 0, name);
    });
  } else {
    for (const [name, corners] of spec.wires) {
      const colour = tone(spec.signs[now[name] < 0 ? 0 : 1]);
      line(corners.map((corner) => place(...corner)), colour, thickness(now[name], spec.widths), true, false, name);
    }
  }
  const radius = shrink * (parts ? 16 : spec.ring);
  for (const [column, row, sign] of spec.circles) circle(svg, place(column, row), sign, radius, page);
  for (const [name, column, row, letter, colour] of spec.boxes) {
    const [x, y] = place(column, row);
    const corner = { x: x - wide / 2, y: y - tall / 2, width: wide, height: tall, rx: 7 };
    drawn(svg, "rect", { ...corner, fill: page });
    const [fill, stroke] = [tone(spec.colours[colour]), tone(spec.colours[colour])];
    drawn(svg, "rect", { ...corner, fill, stroke, "fill-opacity": 0.14, "stroke-width": 1.6 });
    const middle = { x, "text-anchor": "middle", "dominant-baseline": "central", fill: "currentColor" };
    spell(drawn(svg, "text", { ...middle, y: y - 10, "font-size": 15, "font-style": "italic" }), letter);
    spell(drawn(svg, "text", { ...middle, y: y + 11, "font-size": 12 }), number(now[name]));
  }
  if (!parts) {
    for (const [name, where, anchor] of spec.labels) {
      write(place(...where), name === "x" ? `x_t = ${number(now.x)}` : number(now[name]), { anchor });
    }
    return;
  }
  const between = (a, b) => (a + b) / 2;
  const middle = (a, b, row, down) => [between(place(a, row)[0], place(b, row)[0]), place(a, row)[1] + down];
  const label = (name) => `${name} ${number(parts[name])}`;
  const look = { bold: true, size: shrink < 1 ? 11 : 13 };
  write([4, 14], `∂h_t/∂h_{t-1} = ${number(sum(parts))}`, { ...look, anchor: "start", size: 15 });
  write(middle("z", "n", "state", -42), label("direct"), look);
  write(middle("bus", "z", "z", shrink < 1 ? -34 : -18), label("update"), look);
  write(middle("r", "n", "n", -22), label("candidate"), look);
  write(place("r", "r", spec.box[0] / 2 + 10, 0), label("reset"), { ...look, anchor: "start" });
}

function circle(svg, [cx, cy], sign, r, page) {
  drawn(svg, "circle", { cx, cy, r, fill: page, stroke: "currentColor", "stroke-width": 1.6 });
  if (sign === "times") drawn(svg, "circle", { cx, cy, r: 3, fill: "currentColor" });
  else if (sign === "plus") {
    const d = `M${cx - 0.6 * r},${cy}h${1.2 * r}M${cx},${cy - 0.6 * r}v${1.2 * r}`;
    drawn(svg, "path", { d, stroke: "currentColor", "stroke-width": 1.8 });
  } else {
    const middle = { x: cx, y: cy, "text-anchor": "middle", "dominant-baseline": "central", "font-size": Math.min(12, r) };
    drawn(svg, "text", { ...middle, fill: "currentColor" }).textContent = `1${MINUS}`;
  }
}

/**
 * "h_{t-1}" in pieces.
 * @param {string} text @returns {[string, boolean][]} each piece, and whether it is an index
 */
function pieces(text) {
  return text
    .split(/(_(?:\{[^}]*\}|[A-Za-z0-9]))/)
    .filter((piece) => piece)
    .map((piece) => {
      if (!/^_./.test(piece)) return [piece, false];
      return [piece.slice(1).replace(/^\{|\}$/g, "").replace("-", MINUS), true];
    });
}

function textInto(node, text) {
  node.replaceChildren();
  for (const [piece, index] of pieces(text)) {
    if (index) add(node, "sub").textContent = piece;
    else node.append(piece);
  }
}

function spell(text, words) {
  let lowered = 0;
  for (const [piece, index] of pieces(words)) {
    const dy = (index ? 4 : 0) - lowered;
    lowered += dy;
    drawn(text, "tspan", index ? { dy, "font-size": "75%" } : { dy }).textContent = piece;
  }
}

function add(parent, tag, attributes = {}) {
  return attach(parent, document.createElement(tag), attributes);
}

function drawn(parent, tag, attributes = {}) {
  return attach(parent, document.createElementNS(SVG, tag), attributes);
}

function attach(parent, node, attributes) {
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  return parent.appendChild(node);
}

// anywidget takes the default; the names are for the tests.
export default { render };
export { arrow, back, forwards, lanes, number, paths, pieces, step, sum, thickness, ways };
