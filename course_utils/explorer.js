// Draws what course_utils/widgets.py has computed. The only arithmetic here is that of pixels.

import { MINUS, add, niceStep, number, pieces, textInto, tickText, ticks } from "./labels.js";

const FONT = '"DejaVu Sans", Verdana, system-ui, sans-serif';
const NOTHING = 255; // the shade of NaN
const FAINT = 0.28; // how much is seen of what was before
const GAP = 14; // between a panel's axis and its edge, where its names stand
const LINE = 14; // height of a line of text in pixels

const PAUSE = 1200; // milliseconds without a key after which the next one begins a new move
const RUN = 6000; // milliseconds that a play through a slider takes, about

function render({ model, el }) {
  const spec = model.get("spec");
  let at = [...model.get("at")];
  let ink; // the colour of text around us
  let ratio; // device pixels in a CSS pixel
  let waiting; // timer: a live explorer's answer has not come yet
  let playing = null; // timer, while a slider runs by itself
  let ghost = null; // what was drawn as the present move began
  let held = false; // a pointer holds a slider
  let movedAt = -Infinity; // when a slider last moved
  let cursor = {}; // {meaning of an axis: the value that is lit there}

  const root = add(el, "div", { class: "explorer", role: "group", "aria-label": "Interactive figure" });
  root.dataset.panels = Math.min(spec.panels.length, 3);
  const bar = add(root, "div", { class: "explorer-controls" });
  const controls = spec.controls.map((control, k) => {
    const holder = add(bar, "div", { class: "explorer-control" });
    const label = add(holder, "label");
    textInto(add(label, "span"), control.label);
    // JupyterLab's command mode takes the arrow keys of whatever lacks this attribute.
    const common = { "aria-label": control.label, "data-lm-suppress-shortcuts": "true" };
    const input = control.menu
      ? add(label, "select", common)
      : add(label, "input", { ...common, type: "range", min: 0, max: control.texts.length - 1, step: 1 });
    if (control.menu) control.texts.forEach((text, i) => (add(input, "option", { value: i }).textContent = text));
    const value = control.menu ? null : add(label, "span", { class: "explorer-value", "aria-hidden": "true" });
    input.addEventListener("pointerdown", () => {
      held = true;
      movedAt = -Infinity;
    });
    input.addEventListener("input", () => {
      stop();
      moved(k, Number(input.value));
    });
    input.addEventListener("change", () => {
      held = false;
      tell();
    });
    const play = k === spec.play ? add(holder, "button", { type: "button", class: "explorer-play" }) : null;
    play?.addEventListener("click", () => (playing ? stop() : run()));
    return { ...control, input, value, play };
  });
  const reset = add(bar, "button", { type: "button", class: "explorer-reset" });
  reset.textContent = "Reset";
  reset.addEventListener("click", toStart);
  const equations = add(root, "div", { class: "explorer-equations" });
  const status = add(root, "p", { class: "explorer-status", role: "status", "aria-live": "polite" });
  const row = add(root, "div", { class: "explorer-panels" });
  const readout = add(root, "p", { class: "explorer-readout", "aria-live": "polite" });
  const panels = spec.panels.map((look, i) => {
    const figure = add(row, "figure");
    textInto(add(figure, "figcaption"), look.title);
    const canvas = add(figure, "canvas", { role: "img", "aria-label": look.title });
    const whole = Boolean(look.x) && look.x.every(Number.isInteger); // ticks at whole numbers only
    const panel = { look: { ...look, ...meanings(look, i), whole }, canvas, paint: PAINT[look.kind] };
    if (look.kind !== "bars") listen(panel);
    return { ...panel, palette: look.palette && rgba(look.palette) };
  });
  let frames = read();

  function read() {
    const unpacked = unpack(model.get("frames"));
    let start = 0;
    for (const { look } of panels) {
      look.leaves = look.kind === "curves" && leaves(look, unpacked.numbers, start, total(panels, sizeOf));
      start += look.size;
    }
    return unpacked;
  }

  function moved(k, index) {
    const now = performance.now();
    if (!playing && now - movedAt > PAUSE && !(held && movedAt > 0)) ghost = root.drawn;
    movedAt = now;
    at[k] = index;
    showControls();
    if (!spec.live) return draw();
    ask();
  }

  function ask() {
    tell(); // the widget manager holds back and merges what comes while the kernel is busy: no queue
    clearTimeout(waiting);
    waiting = setTimeout(() => {
      status.textContent = "No answer: this figure needs a running kernel. Run its cell, then move it again.";
    }, 3000);
  }

  function tell() {
    model.set("at", [...at]);
    model.save_changes();
  }

  function run() {
    const last = controls[spec.play].texts.length - 1;
    const calm = matchMedia("(prefers-reduced-motion: reduce)").matches; // nothing starts by itself, and slowly then
    if (at[spec.play] === last) moved(spec.play, 0);
    ghost = root.drawn;
    status.setAttribute("aria-live", "off"); // nobody can listen that fast
    playing = setInterval(() => {
      if (spec.live && String(frames.at) !== String(at)) return; // the kernel sets the pace
      if (at[spec.play] >= last) return stop();
      moved(spec.play, at[spec.play] + 1);
    }, calm ? 1000 : Math.min(Math.max(RUN / last, 60), 700));
    showControls();
  }

  function stop() {
    if (!playing) return;
    clearInterval(playing);
    playing = null;
    status.setAttribute("aria-live", "polite");
    showControls();
    tell();
  }

  function toStart() {
    stop();
    [ghost, cursor, movedAt] = [null, {}, -Infinity];
    at = [...spec.start];
    showControls();
    if (spec.live) return ask();
    draw();
    tell();
  }

  function showControls() {
    controls.forEach(({ texts, menu, label, input, value, play }, k) => {
      if (play) play.textContent = playing ? "❚❚ Pause" : "▶\ufe0e Play";
      if (Number(input.value) !== at[k]) input.value = at[k];
      if (menu) return;
      value.textContent = texts[at[k]];
      input.setAttribute("aria-valuetext", `${label} = ${texts[at[k]]}`);
    });
  }

  function draw() {
    const position = spec.live ? 0 : at.reduce((index, i, k) => index * controls[k].texts.length + i, 0);
    let n = position * total(panels, sizeOf);
    let s = position * total(panels, (panel) => pixels(panel.look));
    root.drawn = panels.map(({ look, canvas }) => {
      const data = take(look, frames.numbers.subarray(n, n + look.size), frames.shades.subarray(s, s + pixels(look)));
      n += look.size;
      s += pixels(look);
      canvas.setAttribute("aria-label", `${look.title}. ${inWords(look, data)}`);
      return data;
    });
    paint();
    equations.replaceChildren();
    for (const line of frames.equations[position]) textInto(add(equations, "p"), line, italic);
    textInto(status, frames.words[position]);
    root.dataset.at = (spec.live ? frames.at : at).join(" ");
  }

  function paint() {
    ink = getComputedStyle(root).color;
    ratio = devicePixelRatio;
    const dark = total((ink.match(/\d+/g) || []).slice(0, 3), Number) > 380; // light ink: dark page
    root.ghost = ghost;
    root.lit = panels.map((panel, i) => {
      const { look, canvas, palette } = panel;
      const pen = prepare(canvas, ratio, ink, dark);
      if (!pen) return null;
      panel.box = panel.paint(pen, look, root.drawn[i], { palette, ghost: ghost?.[i] });
      const spot = lit(look, root.drawn[i], cursor);
      if (spot) paintLit(pen, look, root.drawn[i], panel.box, spot);
      return spot;
    });
  }

  // What lights up under a pointer, a finger or the arrow keys.
  function listen({ look, canvas }) {
    canvas.tabIndex = 0;
    canvas.dataset.lmSuppressShortcuts = "true";
    const clear = () => {
      if (!Object.keys(cursor).length) return;
      cursor = {};
      readout.textContent = "";
      paint();
    };
    const follow = (event) => {
      const { box } = panels.find((panel) => panel.canvas === canvas);
      if (!box) return;
      const inside = event.offsetX >= box.left - 6 && event.offsetX <= box.end + 6;
      if (!inside || event.offsetY > box.bottom + 20) return clear();
      readout.textContent = "";
      cursor = { [look.xMeans]: box.x(event.offsetX) };
      if (look.yMeans) cursor[look.yMeans] = box.y(event.offsetY);
      paint();
    };
    canvas.addEventListener("pointermove", follow);
    canvas.addEventListener("pointerdown", follow);
    canvas.addEventListener("pointerleave", (event) => event.pointerType === "mouse" && clear()); // a finger's stays
    canvas.addEventListener("blur", clear);
    canvas.addEventListener("keydown", (event) => {
      if (event.key === "Escape") return clear();
      const next = stepped(look, cursor, event.key);
      if (!next) return;
      event.preventDefault();
      cursor = next;
      paint();
      readout.textContent = plainly(litInWords(panels, root.lit, root.drawn));
    });
  }

  function fromModel() {
    at = [...model.get("at")];
    showControls();
    if (!spec.live) draw();
  }

  function answered() {
    clearTimeout(waiting);
    frames = read();
    draw();
  }

  showControls();
  draw();
  const sizes = new ResizeObserver(paint);
  panels.forEach(({ canvas }) => sizes.observe(canvas));
  // No event tells of every host's change of theme or zoom, and a look twice a second costs nothing.
  const looks = setInterval(() => (getComputedStyle(root).color !== ink || devicePixelRatio !== ratio) && paint(), 500);
  model.on("change:at", fromModel);
  model.on("change:frames", answered);
  return () => {
    sizes.disconnect();
    clearTimeout(waiting);
    clearInterval(looks);
    clearInterval(playing);
    model.off("change:at", fromModel);
    model.off("change:frames", answered);
  };
}

// ---------------------------------------------------------------- data

// The bytes are copied, since a Float32Array can't begin where a message happens to put them.
/**
 * @param {{numbers: DataView, shades: DataView, words: string[], equations: string[][], at: number[]}} frames
 * as the model holds them
 * @returns {{numbers: Float32Array, shades: Uint8Array, words: string[], equations: string[][], at: number[]}}
 */
function unpack({ numbers, shades, ...rest }) {
  const copy = (view) => view.buffer.slice(view.byteOffset, view.byteOffset + view.byteLength);
  return { numbers: new Float32Array(copy(numbers)), shades: new Uint8Array(copy(shades)), ...rest };
}

const sizeOf = ({ look }) => look.size;
const pixels = (look) => (look.shape ? look.shape[0] * look.shape[1] : 0);
const total = (list, value) => list.reduce((sum, each) => sum + value(each), 0);

/**
 * One frame's numbers by name: what is drawn, and what the tests read back. `marks` are [x, y].
 * @param {object} look a panel as widgets.py describes it
 * @param {Float32Array} numbers @param {Uint8Array} shades
 * @returns {{limits: number[], lines: Float32Array[], marks: number[][], shades: Uint8Array}}
 */
function take(look, numbers, shades) {
  const length = look.x?.length ?? look.length ?? 1; // a heatmap's path has as many x as y
  const lines = look.names.map((name, i) => numbers.subarray(i * length, (i + 1) * length));
  const start = look.size - 2 * (look.marks || []).length;
  const marks = (look.marks || []).map((words, i) => [numbers[start + 2 * i], numbers[start + 2 * i + 1]]);
  return { limits: look.limits, lines, marks, shades };
}

/**
 * Whether any line ever leaves its axis, in any frame: then there is room for its value beside it.
 * @param {object} look @param {Float32Array} numbers of all frames
 * @param {number} start where the panel begins in a frame @param {number} stride numbers of a frame
 * @returns {boolean}
 */
function leaves(look, numbers, start, stride) {
  const count = look.names.length * look.x.length;
  for (let frame = start; frame < numbers.length; frame += stride) {
    for (let i = frame; i < frame + count; i++) {
      if (numbers[i] < look.limits[0] || numbers[i] > look.limits[1]) return true;
    }
  }
  return false;
}

/**
 * @param {number[]} palette red, green, blue of one shade after the other
 * @returns {Uint32Array} a pixel for each shade, as an ImageData's buffer holds it; that of NOTHING is transparent
 */
function rgba(palette) {
  const colours = new Uint32Array(256);
  for (let i = 0; i < NOTHING; i++) {
    colours[i] = (255 << 24) | (palette[3 * i + 2] << 16) | (palette[3 * i + 1] << 8) | palette[3 * i];
  }
  return colours;
}

/**
 * What a screen reader says of a panel's numbers.
 * @param {object} look @param {ReturnType<typeof take>} data
 * @returns {string}
 */
function inWords(look, { lines, marks, shades }) {
  const value = (v) => (Number.isNaN(v) ? "nothing" : number(look.log ? 10 ** v : v));
  const said = look.names.map((name, i) => {
    if (look.kind === "bars") return `${name}: ${value(lines[i][0])}`;
    return `${name}: from ${value(lines[i][0])} to ${value(lines[i][lines[i].length - 1])}`;
  });
  if (look.kind === "heatmap") {
    let low = NOTHING;
    let high = 0;
    for (const shade of shades) {
      if (shade === NOTHING) continue;
      low = Math.min(low, shade);
      high = Math.max(high, shade);
    }
    const [from, to] = look.limits;
    const unshade = (shade) => number(from + ((to - from) * shade) / (NOTHING - 1));
    const range = low === NOTHING ? "nothing" : `values from ${unshade(low)} to ${unshade(high)}`;
    said.push(`${look.shape[0]} by ${look.shape[1]} ${range}`);
  }
  marks.forEach(([x, y], i) => said.push(`${look.marks[i]} at ${number(x)}, ${value(y)}`));
  return said.join("; ") + ".";
}

// ---------------------------------------------------------------- what is lit

// Axes of the same name mean the same; one without a name means itself.
function meanings(look, i) {
  const own = { xMeans: look.xlabel || `x of ${i}` };
  return look.kind === "heatmap" ? { ...own, yMeans: look.ylabel || `y of ${i}` } : own;
}

// The centres of a heatmap's cells along one side, from `from` to `to`.
const centres = (count, from, to) => Array.from({ length: count }, (_, i) => from + ((i + 0.5) / count) * (to - from));
const columnsOf = ({ shape, extent }) => centres(shape[1], extent[0], extent[1]);
const rowsOf = ({ shape, extent }) => centres(shape[0], extent[3], extent[2]);

/**
 * @param {number[]} xs in order, rising or falling @param {number} x
 * @returns {number} place of the nearest one, -1 if x lies beyond the ends by more than half a step
 */
function nearest(xs, x) {
  if (x === undefined || Number.isNaN(x)) return -1;
  let best = 0;
  xs.forEach((each, k) => {
    if (Math.abs(each - x) < Math.abs(xs[best] - x)) best = k;
  });
  const beside = xs[best === 0 ? 1 : best - 1] ?? xs[best];
  return Math.abs(xs[best] - x) <= (0.5 + 1e-6) * Math.abs(xs[best] - beside) || xs[best] === x ? best : -1;
}

/**
 * What of a panel is lit.
 * @param {object} look with xMeans, and yMeans if it is a heatmap @param {ReturnType<typeof take>} data
 * @param {Object<string, number>} cursor {meaning: value}
 * @returns {null | {k: number, x: number, row?: number, y?: number, values: number[]}} places and values; -1 for none
 */
function lit(look, { lines, shades }, cursor) {
  if (look.kind === "bars") return null;
  if (look.kind !== "heatmap") {
    const k = nearest(look.x, cursor[look.xMeans]);
    return k < 0 ? null : { k, x: look.x[k], values: lines.map((line) => line[k]) };
  }
  const [k, row] = [nearest(columnsOf(look), cursor[look.xMeans]), nearest(rowsOf(look), cursor[look.yMeans])];
  if (k < 0 && row < 0) return null;
  const shade = k < 0 || row < 0 ? NOTHING : shades[row * look.shape[1] + k];
  return { k, row, x: columnsOf(look)[k], y: rowsOf(look)[row], values: shade === NOTHING ? [] : [shade] };
}

/**
 * The cursor after a key on a panel, null if the key isn't for it.
 * @param {object} look @param {Object<string, number>} cursor @param {string} key
 */
function stepped(look, cursor, key) {
  const sideways = { ArrowLeft: -1, ArrowRight: 1, Home: -Infinity, End: Infinity }[key];
  const upwards = look.yMeans ? { ArrowUp: -1, ArrowDown: 1 }[key] : undefined;
  if (sideways === undefined && upwards === undefined) return null;
  const move = (values, value, step) => {
    const k = nearest(values, value);
    const from = k >= 0 ? k : step > 0 ? -1 : values.length;
    return values[Math.min(Math.max(from + step, 0), values.length - 1)];
  };
  const xs = look.kind === "heatmap" ? columnsOf(look) : look.x;
  if (!look.yMeans) return { [look.xMeans]: move(xs, cursor[look.xMeans], sideways) };
  const ys = rowsOf(look);
  const [x, y] = [cursor[look.xMeans] ?? xs[0], cursor[look.yMeans] ?? ys[0]];
  const fresh = cursor[look.xMeans] === undefined;
  if (sideways === undefined) return { [look.xMeans]: x, [look.yMeans]: fresh ? y : move(ys, y, upwards) };
  return { [look.xMeans]: move(xs, cursor[look.xMeans], sideways), [look.yMeans]: y };
}

/** @param {object} look of a heatmap @param {number} shade @returns {string} the value behind it, as far as it is known */
function shadeText(look, shade) {
  const [low, high] = look.limits;
  const unit = 10 ** Math.floor(Math.log10((high - low) / (NOTHING - 1)));
  const text = number(Math.round((low + ((high - low) * shade) / (NOTHING - 1)) / unit) * unit);
  if (shade === 0 && look.beyond?.[0]) return `≤ ${text}`;
  return shade === NOTHING - 1 && look.beyond?.[1] ? `≥ ${text}` : text;
}

/** What a screen reader says of all that is lit. */
function litInWords(panels, spots, drawn) {
  const said = panels.flatMap(({ look }, i) => {
    if (!spots[i]) return [];
    const { k, row, x, y, values } = spots[i];
    const place = [];
    if (k >= 0) place.push(`${look.xlabel || "x"} ${look.ticks ? look.ticks[k] : number(x)}`);
    if (row >= 0) place.push(`${look.ylabel || "y"} ${number(y)}`);
    let numbers = values.map((v, n) => `${look.names[n]} ${Number.isNaN(v) ? "nothing" : valueText(look, v)}`);
    if (look.kind === "heatmap") numbers = values.length ? [shadeText(look, values[0])] : ["nothing"];
    return [`${look.title}, ${place.join(", ")}: ${numbers.join(", ")}.`];
  });
  return said.join(" ");
}

// ---------------------------------------------------------------- text

/** @param {number} v @param {number} [digits] significant ones @returns {string} */

/** @param {object} look @param {number} v as the table holds it @returns {string} with powers of ten as `pieces` takes */
function valueText(look, v) {
  if (look.log && (v < -3 || v >= 5)) {
    const digits = Number((10 ** (v - Math.floor(v))).toPrecision(2));
    const [front, power] = digits === 10 ? [1, Math.floor(v) + 1] : [digits, Math.floor(v)];
    return `${front === 1 ? "" : `${front}·`}10^{${String(power).replace("-", MINUS)}}`;
  }
  const [front, power] = number(look.log ? 10 ** v : v).split("e");
  return power === undefined ? front : `${front}·10^{${power.replace("+", "")}}`;
}

/** @param {string} text @returns {string} without the braces that nobody should hear */
const plainly = (text) => text.replace(/\^\{([^}]*)\}/g, "^$1").replace(/_\{([^}]*)\}/g, "_$1");

/**
 * "h_t" and "10^{-3}" in pieces.
 * @param {string} text
 * @returns {[string, -1 | 0 | 1][]} each with its level: -1 an index, 1 a power
 */

// As mathematics is set: a letter that stands alone is a variable, several are a word such as tanh.
function italic(node, text) {
  for (const piece of text.split(/(?<!\p{L})(\p{L})(?!\p{L})/u)) {
    if (/^\p{L}$/u.test(piece)) add(node, "i").textContent = piece;
    else node.append(piece);
  }
}

function write(c, text, x, y, { align = "left", size = 12, halo = null } = {}) {
  // The strokes of ‖ lie so close that they blur into a block where the text is turned.
  const parts = pieces(text.replaceAll("‖", "||")).map(([piece, level]) => {
    c.font = `${level ? Math.round(size * 0.75) : size}px ${FONT}`;
    return { piece, level, font: c.font, width: c.measureText(piece).width };
  });
  const width = total(parts, (part) => part.width);
  if (align !== "none") {
    x -= align === "right" ? width : align === "centre" ? width / 2 : 0;
    for (const part of parts) {
      c.font = part.font;
      const base = y - 0.35 * size * part.level;
      if (halo) {
        c.lineWidth = 3;
        c.strokeStyle = halo;
        c.strokeText(part.piece, x, base);
      }
      c.fillText(part.piece, x, base);
      x += part.width;
    }
  }
  return width;
}

const widthOf = (c, text, size) => write(c, text, 0, 0, { align: "none", size });

/**
 * @param {CanvasRenderingContext2D} c @param {string} text @param {number} most width of a line in pixels
 * @returns {string[]} lines; a word that is too long has one of its own
 */
function wrap(c, text, most) {
  const lines = [];
  for (const word of text.split(" ")) {
    const longer = lines.length ? `${lines[lines.length - 1]} ${word}` : word;
    if (lines.length && widthOf(c, longer) <= most) lines[lines.length - 1] = longer;
    else lines.push(word);
  }
  return lines;
}

// ---------------------------------------------------------------- axes

function prepare(canvas, ratio, ink, dark) {
  const { clientWidth: width, clientHeight: height } = canvas;
  if (!width || !height) return null;
  const [wide, high] = [Math.round(width * ratio), Math.round(height * ratio)];
  if (canvas.width !== wide) canvas.width = wide;
  if (canvas.height !== high) canvas.height = high;
  const c = canvas.getContext("2d");
  c.setTransform(ratio, 0, 0, ratio, 0, 0);
  c.clearRect(0, 0, width, height);
  c.lineJoin = "round";
  c.textBaseline = "middle";
  // On a dark page every colour keeps its hue and moves towards white.
  const tone = (hex) => {
    if (!dark) return hex;
    const parts = [1, 3, 5].map((i) => parseInt(hex.slice(i, i + 2), 16));
    return `rgb(${parts.map((part) => Math.round(part + 0.45 * (255 - part))).join(",")})`;
  };
  return { c, width, height, ink, tone, page: dark ? "#111111" : "#ffffff" };
}

/**
 * @param {number} span @param {number} count how many steps it may hold at most
 * @returns {number} the smallest 1, 2 or 5 times a power of ten
 */

/**
 * @param {[number, number]} limits of an axis, either one first
 * @param {number} count about how many steps fit @param {boolean} [whole] whole numbers only
 * @returns {number[]} multiples of a nice step, within the limits
 */

/**
 * Ticks of a logarithmic axis, as powers of ten.
 * @param {[number, number]} limits the same @param {number} count about how many steps fit
 * @returns {number[]} multiples of 1, 2, 3, 5, 10, 20, ... whole decades; 1, 2 and 5 times where there are too few
 */
function decades([low, high], count) {
  if (high - low <= 1.5) {
    const all = [];
    for (let k = Math.floor(low); k <= high; k++) all.push(k, k + Math.log10(2), k + Math.log10(5));
    return all.filter((v) => v >= low - 1e-9 && v <= high + 1e-9);
  }
  let step;
  for (let k = 0; step === undefined; k++) step = [1, 2, 3, 5].map((n) => n * 10 ** k).find((n) => (high - low) / n <= count);
  const result = [];
  for (let i = Math.ceil(low / step - 1e-9); i * step <= high + 1e-9; i++) result.push(i * step + 0);
  return result;
}

/** @param {number} v @param {boolean} [log] v is a power of ten @returns {string} */

// Frame, grid, ticks and labels. Returns the pixel of an x and of a y.
function axes(pen, look, { xlim, ylim, right, xticks = true, grid = true }) {
  const { c, width, height, ink } = pen;
  const top = 11;
  const bottom = height - (xticks ? (look.xlabel ? 40 : 24) : 32);
  const marks = (look.log ? decades : ticks)(ylim, (bottom - top) / 40);
  const left = (look.ylabel ? 22 : 4) + 8 + Math.max(...marks.map((v) => widthOf(c, tickText(v, look.log), 11)));
  const end = Math.max(left + 40, width - right);
  const X = (v) => left + ((v - xlim[0]) / (xlim[1] - xlim[0])) * (end - left);
  const Y = (v) => bottom - ((v - ylim[0]) / (ylim[1] - ylim[0])) * (bottom - top);
  const rule = (x0, y0, x1, y1, alpha) => {
    c.globalAlpha = alpha;
    c.beginPath();
    c.moveTo(x0, y0);
    c.lineTo(x1, y1);
    c.stroke();
    c.globalAlpha = 1;
  };
  c.strokeStyle = c.fillStyle = ink;
  c.lineWidth = 0.8;
  for (const v of marks) {
    if (grid) rule(left, Y(v), end, Y(v), 0.14);
    rule(left - 4, Y(v), left, Y(v), 1);
    write(c, tickText(v, look.log), left - 7, Y(v), { align: "right", size: 11 });
  }
  if (xticks) {
    (look.ticks ? look.x : ticks(xlim, (end - left) / 60, look.whole)).forEach((v, i) => {
      if (grid) rule(X(v), top, X(v), bottom, 0.14);
      rule(X(v), bottom, X(v), bottom + 4, 1);
      write(c, look.ticks ? look.ticks[i] : tickText(v, false), X(v), bottom + 13, { align: "centre", size: 11 });
    });
  }
  rule(left, top, left, bottom, 1);
  rule(left, bottom, end, bottom, 1);
  write(c, look.xlabel, (left + end) / 2, height - 9, { align: "centre" });
  c.save();
  c.translate(9, (top + bottom) / 2);
  c.rotate(-Math.PI / 2);
  write(c, look.ylabel, 0, 0, { align: "centre" });
  c.restore();
  const x = (pixel) => xlim[0] + ((pixel - left) / (end - left)) * (xlim[1] - xlim[0]);
  const y = (pixel) => ylim[0] + ((bottom - pixel) / (bottom - top)) * (ylim[1] - ylim[0]);
  return { X, Y, x, y, left, end, top, bottom };
}

function clipped(c, { left, end, top, bottom }, paint) {
  c.save();
  c.beginPath();
  c.rect(left - 1, top - 4, end - left + 4, bottom - top + 6);
  c.clip();
  paint();
  c.restore();
}

const isGap = (dot) => dot === undefined || dot.some(Number.isNaN);

// A line through dots in pixels, NaN a gap.
function strokeThrough(c, dots) {
  c.beginPath();
  dots.forEach((dot, k) => {
    if (isGap(dot)) return;
    if (isGap(dots[k - 1])) c.moveTo(...dot);
    else c.lineTo(...dot);
  });
  c.stroke();
}

function fillDots(c, dots, radius) {
  for (const dot of dots) {
    c.beginPath();
    if (!isGap(dot)) c.arc(...dot, radius, 0, 2 * Math.PI);
    c.fill();
  }
}

// The names at the right: wrapped, and in smaller type if a word is too long, so that they take .3 of the width at most.
function nameRoom(pen, look) {
  const most = pen.width * 0.3 - GAP;
  const all = [...look.names, ...(look.called || [])];
  const names = all.map((name) => wrap(pen.c, name, most));
  const leaving = look.leaves ? [`↓ 8.8·10^{${MINUS}88}`] : [];
  const widest = Math.max(0, ...[...names.flat(), ...leaving].map((line) => widthOf(pen.c, line)));
  const size = Math.max(9, Math.min(12, Math.floor((12 * most) / widest)));
  return { names, size, room: Math.min(most, widest) + GAP };
}

/**
 * Heights for names beside their lines' ends, moved apart until none overlaps.
 * @param {number[]} ys pixels where the names would stand; NaN for one whose line is not seen now
 * @param {number[]} heights of the names @param {{top: number, bottom: number}} box
 * @returns {number[]} in the same order, NaN where it was
 */
function apart(ys, heights, { top, bottom }) {
  const ends = ys.map((y, i) => ({ y, half: heights[i] / 2 }));
  const seen = ends.filter(({ y }) => Number.isFinite(y)).sort((a, b) => a.y - b.y);
  for (let round = 0; round < 100; round++) {
    for (const one of seen) one.y = Math.min(Math.max(one.y, top + one.half - 6), bottom - one.half + 6);
    for (let i = 1; i < seen.length; i++) {
      const overlap = seen[i - 1].y + seen[i - 1].half + seen[i].half - seen[i].y;
      if (overlap <= 0.01) continue;
      seen[i - 1].y -= overlap / 2;
      seen[i].y += overlap / 2;
    }
  }
  return ends.map(({ y }) => (Number.isFinite(y) ? y : NaN));
}

function nameEnds(pen, names, size, ys, colours, box) {
  const line = (LINE * size) / 12;
  const heights = names.map((lines) => lines.length * line);
  apart(ys, heights, box).forEach((y, k) => {
    if (Number.isNaN(y)) return;
    pen.c.fillStyle = colours[k];
    names[k].forEach((text, i) => write(pen.c, text, box.end + 7, y - heights[k] / 2 + line * (i + 0.5), { size }));
  });
}

/**
 * Where a line's name stands: at the height of its last number, or at the edge that it has left, with that number.
 * @param {object} look @param {Float32Array} line @param {(y: number) => number} Y
 * @returns {[number, string | null]} the height in pixels, NaN for a line of nothing but gaps, and the value beyond
 */
function nameSpot(look, line, Y) {
  const [low, high] = look.limits;
  const last = line.findLast((y) => !Number.isNaN(y));
  if (last === undefined) return [NaN, null];
  if (last < low) return [Y(low), `↓ ${valueText(look, last)}`];
  return last > high ? [Y(high), `↑ ${valueText(look, last)}`] : [Y(last), null];
}

// Where the marks were: rings without words.
function paintGhostMarks({ c, ink }, { marks }, { X, Y }) {
  c.strokeStyle = ink;
  c.globalAlpha = 2 * FAINT;
  c.lineWidth = 1.5;
  for (const [x, y] of marks) {
    c.beginPath();
    if (!Number.isNaN(x + y)) c.arc(X(x), Y(y), 4, 0, 2 * Math.PI);
    c.stroke();
  }
  c.globalAlpha = 1;
}

function paintMarks(pen, look, { marks }, { X, Y, left, end }) {
  const { c, ink, page } = pen;
  marks.forEach(([x, y], i) => {
    if (Number.isNaN(x) || Number.isNaN(y)) return;
    c.beginPath();
    c.arc(X(x), Y(y), 4.5, 0, 2 * Math.PI);
    c.fillStyle = ink;
    c.strokeStyle = page;
    c.lineWidth = 1.5;
    c.fill();
    c.stroke();
    const onRight = X(x) > (left + end) / 2;
    write(c, look.marks[i], X(x) + (onRight ? -8 : 8), Y(y) - 11, { align: onRight ? "right" : "left", halo: page });
  });
}

// ---------------------------------------------------------------- panels

function paintCurves(pen, look, data, { ghost }) {
  const { c, tone, ink } = pen;
  const { names, size, room } = nameRoom(pen, look);
  const xlim = [look.x[0], look.x[look.x.length - 1]];
  const box = axes(pen, look, { xlim, ylim: look.limits, right: room });
  const { X, Y, left, end } = box;
  const colours = look.styles.map(({ colour }) => tone(colour));
  const dotsOf = (line) => Array.from(line, (y, k) => [X(look.x[k]), Y(y)]);
  clipped(c, box, () => {
    c.strokeStyle = ink;
    c.globalAlpha = 0.6;
    c.lineWidth = 1;
    for (const y of look.reference) strokeThrough(c, [[left, Y(y)], [end, Y(y)]]);
    for (const [of, alpha] of [[ghost, FAINT], [data, 1]]) {
      of?.lines.forEach((line, i) => {
        c.globalAlpha = alpha;
        c.strokeStyle = c.fillStyle = colours[i];
        c.lineWidth = 1.9;
        c.setLineDash(look.styles[i].dash);
        const dots = dotsOf(line);
        strokeThrough(c, dots);
        c.setLineDash([]);
        if (look.points) fillDots(c, dots, 3);
      });
    }
    c.globalAlpha = 1;
  });
  const spots = data.lines.map((line) => nameSpot(look, line, Y));
  const within = (y) => (y >= look.limits[0] && y <= look.limits[1] ? Y(y) : NaN);
  const ys = [...spots.map(([y]) => y), ...look.reference.map((y, i) => (look.called[i] ? within(y) : NaN))];
  const full = names.map((lines, i) => (spots[i]?.[1] ? [...lines, spots[i][1]] : lines));
  nameEnds(pen, full, size, ys, [...colours, ...look.reference.map(() => tone("#767676"))], box);
  if (ghost) paintGhostMarks(pen, ghost, box);
  paintMarks(pen, look, data, box);
  return box;
}

function paintStacked(pen, look, data, { ghost }) {
  const { c, tone, page, ink } = pen;
  const { names, size, room } = nameRoom(pen, look);
  const xlim = [look.x[0], look.x[look.x.length - 1]];
  const box = axes(pen, look, { xlim, ylim: look.limits, right: room });
  const { X, Y } = box;
  const colours = look.styles.map(({ colour }) => tone(colour));
  const ys = [];
  clipped(c, box, () => {
    piled(data.lines).forEach(([below, above], i) => {
      c.beginPath();
      above.forEach((y, k) => c.lineTo(X(look.x[k]), Y(y)));
      for (let k = below.length - 1; k >= 0; k--) c.lineTo(X(look.x[k]), Y(below[k]));
      c.closePath();
      c.fillStyle = colours[i];
      c.fill();
      c.strokeStyle = page; // a seam, so that neighbours differ by more than colour
      c.lineWidth = 1;
      c.stroke();
      const last = above.length - 1;
      ys.push(Y((above[last] + below[last]) / 2));
    });
    c.strokeStyle = ink;
    c.globalAlpha = 2 * FAINT;
    c.setLineDash([3, 3]);
    for (const [, above] of ghost ? piled(ghost.lines) : []) {
      strokeThrough(c, Array.from(above, (y, k) => [X(look.x[k]), Y(y)]));
    }
    c.setLineDash([]);
    c.globalAlpha = 1;
  });
  nameEnds(pen, names, size, ys, colours, box);
  paintMarks(pen, look, data, box);
  return box;
}

/** @param {Float32Array[]} lines @returns {[Float32Array, Float32Array][]} lower and upper edge of each, on top of each other */
function piled(lines) {
  let below = new Float32Array(lines[0].length);
  return lines.map((line) => {
    const band = [below, below.map((y, k) => y + line[k])];
    below = band[1];
    return band;
  });
}

function paintBars(pen, look, data, { ghost }) {
  const { c, tone, ink } = pen;
  const box = axes(pen, look, { xlim: [0, look.names.length], ylim: look.limits, right: 8, xticks: false });
  const { X, Y, top, bottom } = box;
  const slot = X(1) - X(0);
  const base = look.log ? bottom : Math.min(Y(0), bottom);
  const unit = 10 ** Math.floor(Math.log10(look.limits[1] - look.limits[0]) - 3); // no digits that no eye sees
  data.lines.forEach(([height], i) => {
    const middle = X(i + 0.5);
    const end = Math.min(Math.max(Y(Number.isNaN(height) ? look.limits[0] : height), top), bottom);
    c.fillStyle = tone(look.styles[i].colour);
    const wide = Math.min(0.6 * slot, 90);
    c.fillRect(middle - wide / 2, Math.min(base, end), wide, Math.abs(base - end));
    if (ghost) {
      const was = Math.min(Math.max(Y(ghost.lines[i][0]), top), bottom);
      c.strokeStyle = ink;
      c.globalAlpha = 2 * FAINT;
      c.setLineDash([3, 3]);
      if (!Number.isNaN(was)) c.strokeRect(middle - wide / 2, Math.min(base, was), wide, Math.abs(base - was));
      c.setLineDash([]);
      c.globalAlpha = 1;
    }
    c.fillStyle = ink;
    let text = "0";
    if (!Number.isNaN(height)) text = look.log ? number(10 ** height, 2) : number(Math.round(height / unit) * unit);
    const down = end > base + 0.5; // a negative bar's height stands below it
    const room = (down ? bottom - end : end - top) > LINE;
    if (!room) c.fillStyle = "#ffffff";
    const y = end + (down === room ? 10 : -8);
    write(c, text, middle, y, { align: "centre", halo: room ? null : "#222222" });
    c.fillStyle = ink;
    wrap(c, look.names[i], slot).forEach((line, k) => {
      write(c, line, middle, bottom + 11 + LINE * k, { align: "centre" });
    });
  });
  return box;
}

function paintHeatmap(pen, look, data, { palette, ghost }) {
  const { c, ink } = pen;
  const [rows, columns] = look.shape;
  const [left, right, bottom, top] = look.extent;
  const scale = ticks(look.limits, 5);
  const room = 34 + Math.max(...scale.map((v) => widthOf(c, tickText(v), 11))) + (look.label ? 18 : 0);
  const box = axes(pen, look, { xlim: [left, right], ylim: [bottom, top], right: room, grid: false });
  const picture = (values, wide, high, x, y, w, h) => {
    const image = new ImageData(wide, high);
    const out = new Uint32Array(image.data.buffer);
    for (let i = 0; i < values.length; i++) out[i] = palette[values[i]];
    const small = new OffscreenCanvas(wide, high);
    small.getContext("2d").putImageData(image, 0, 0);
    c.imageSmoothingEnabled = false;
    c.drawImage(small, x, y, w, h);
  };
  picture(data.shades, columns, rows, box.left, box.top, box.end - box.left, box.bottom - box.top);
  const ramp = Uint8Array.from({ length: NOTHING }, (_, i) => NOTHING - 1 - i);
  picture(ramp, 1, NOTHING, box.end + 12, box.top, 12, box.bottom - box.top);
  c.fillStyle = ink;
  const [low, high] = look.limits;
  for (const v of scale) {
    const y = box.bottom - ((v - low) / (high - low)) * (box.bottom - box.top);
    c.fillRect(box.end + 24, y - 0.4, 3, 0.8);
    write(c, tickText(v), box.end + 29, y, { size: 11 });
  }
  c.save();
  c.translate(pen.width - 8, (box.top + box.bottom) / 2);
  c.rotate(-Math.PI / 2);
  write(c, look.label, 0, 0, { align: "centre" });
  c.restore();
  if (look.length) {
    clipped(c, box, () => {
      c.globalAlpha = 2 * FAINT;
      if (ghost) paintPath(c, ghost, box);
      c.globalAlpha = 1;
      paintPath(c, data, box);
    });
  }
  paintMarks(pen, look, data, box);
  return box;
}

// Dots that a line joins, outlined because the map has light and dark.
function paintPath(c, { lines: [xs, ys] }, { X, Y }) {
  const dots = Array.from(xs, (x, i) => [X(x), Y(ys[i])]);
  for (const [colour, width] of [["#222222", 2.6], ["#ffffff", 1]]) {
    c.strokeStyle = c.fillStyle = colour;
    c.lineWidth = width;
    strokeThrough(c, dots);
    fillDots(c, dots, 1 + width / 2);
  }
}

// What is lit: a rule or a cell, its place at the axes, and the numbers there.
function paintLit(pen, look, data, box, { k, row, x, y, values }) {
  const { c, ink, page, tone } = pen;
  const { X, Y, left, end, top, bottom } = box;
  const label = (text, px, py, align) => {
    const wide = widthOf(c, text, 11) + 8;
    const from = align === "right" ? px - wide + 4 : Math.min(Math.max(px - wide / 2, 0), pen.width - wide);
    c.fillStyle = ink;
    c.fillRect(from, py - 8, wide, 16);
    c.fillStyle = page;
    write(c, text, from + 4, py, { size: 11 });
  };
  c.strokeStyle = ink;
  c.lineWidth = 1;
  const beside = (text, px, py, colour, ground = 0) => {
    const onRight = px < (left + end) / 2;
    const wide = widthOf(c, text);
    c.fillStyle = page;
    c.globalAlpha = ground; // a line that runs level would strike its own number through
    c.fillRect(onRight ? px + 6 : px - wide - 10, py - 7, wide + 4, 14);
    c.globalAlpha = 1;
    c.fillStyle = colour;
    write(c, text, px + (onRight ? 8 : -8), py, { align: onRight ? "left" : "right", halo: page });
  };
  if (look.kind === "heatmap") {
    const [rows, columns] = look.shape;
    const [wide, high] = [(end - left) / columns, (bottom - top) / rows];
    const [from, over] = k < 0 ? [left, end - left] : [left + k * wide, wide];
    const [start, down] = row < 0 ? [top, bottom - top] : [top + row * high, high];
    for (const [colour, thick] of [[page, 3], [ink, 1.2]]) {
      c.strokeStyle = colour;
      c.lineWidth = thick;
      c.strokeRect(from, start, over, down);
    }
    if (values.length) beside(shadeText(look, values[0]), from + over / 2, Math.max(start - 9, top + 6), ink);
    if (row >= 0) label(number(y), left - 4, Y(y), "right");
  } else {
    c.globalAlpha = 0.55;
    strokeThrough(c, [[X(x), top], [X(x), bottom]]);
    c.globalAlpha = 1;
    const bands = look.kind === "stacked" ? piled(data.lines).map(([a, b]) => (a[k] + b[k]) / 2) : values;
    const ys = bands.map((v) => Math.min(Math.max(Y(v), top), bottom));
    const heights = ys.map(() => LINE);
    values.forEach((v, i) => {
      if (Number.isNaN(v) || look.kind === "stacked") return;
      c.fillStyle = tone(look.styles[i].colour);
      if (v >= look.limits[0] && v <= look.limits[1]) fillDots(c, [[X(x), Y(v)]], 3.6);
    });
    apart(ys, heights, box).forEach((at, i) => {
      if (Number.isNaN(at)) return;
      if (look.kind === "stacked") return beside(valueText(look, values[i]), X(x), at, ink);
      const arrow = values[i] < look.limits[0] ? "↓ " : values[i] > look.limits[1] ? "↑ " : "";
      beside(arrow + valueText(look, values[i]), X(x), at, tone(look.styles[i].colour), 0.85);
    });
  }
  if (k >= 0) label(look.ticks ? look.ticks[k] : number(x, 4), X(x), bottom + 13, "centre");
}

const PAINT = { curves: paintCurves, stacked: paintStacked, bars: paintBars, heatmap: paintHeatmap };

// anywidget takes the default; the names are for the tests.
export default { render };
export { apart, decades, inWords, leaves, lit, meanings, nameSpot, nearest, rgba, shadeText, stepped, take, unpack, valueText, wrap };
