// Draws what course_utils/widgets.py has computed. The only arithmetic here is that of pixels.

const FONT = '"DejaVu Sans", Verdana, system-ui, sans-serif';
const NOTHING = 255; // the shade of NaN
const LINE = 14; // height of a line of text in pixels
const MINUS = "\u2212";

function render({ model, el }) {
  const spec = model.get("spec");
  let at = [...model.get("at")];
  let ink; // the colour of text around us
  let ratio; // device pixels in a CSS pixel
  let waiting; // timer: a live explorer's answer has not come yet

  const root = add(el, "div", { class: "explorer", role: "group", "aria-label": "Interactive figure" });
  const bar = add(root, "div", { class: "explorer-controls" });
  const controls = spec.controls.map((control, k) => {
    const label = add(bar, "label");
    textInto(add(label, "span"), control.label);
    // JupyterLab's command mode takes the arrow keys of whatever lacks this attribute.
    const common = { "aria-label": control.label, "data-lm-suppress-shortcuts": "true" };
    const input = control.menu
      ? add(label, "select", common)
      : add(label, "input", { ...common, type: "range", min: 0, max: control.texts.length - 1, step: 1 });
    if (control.menu) control.texts.forEach((text, i) => (add(input, "option", { value: i }).textContent = text));
    const value = control.menu ? null : add(label, "span", { class: "explorer-value", "aria-hidden": "true" });
    input.addEventListener("input", () => moved(k, Number(input.value)));
    input.addEventListener("change", tell);
    return { ...control, input, value };
  });
  const status = add(root, "p", { class: "explorer-status", role: "status", "aria-live": "polite" });
  const row = add(root, "div", { class: "explorer-panels" });
  const panels = spec.panels.map((look) => {
    const figure = add(row, "figure");
    textInto(add(figure, "figcaption"), look.title);
    const canvas = add(figure, "canvas", { role: "img", "aria-label": look.title });
    const whole = Boolean(look.x) && look.x.every(Number.isInteger); // ticks at whole numbers only
    return { look: { ...look, whole }, canvas, paint: PAINT[look.kind], palette: look.palette && rgba(look.palette) };
  });
  let frames = unpack(model.get("frames"));

  function moved(k, index) {
    at[k] = index;
    showControls();
    if (!spec.live) return draw();
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

  function showControls() {
    controls.forEach(({ texts, menu, label, input, value }, k) => {
      if (Number(input.value) !== at[k]) input.value = at[k];
      if (menu) return;
      value.textContent = texts[at[k]];
      input.setAttribute("aria-valuetext", `${label} = ${texts[at[k]]}`);
    });
  }

  function draw() {
    const position = spec.live ? 0 : at.reduce((index, i, k) => index * controls[k].texts.length + i, 0);
    let n = position * total(panels, (panel) => panel.look.size);
    let s = position * total(panels, (panel) => pixels(panel.look));
    ink = getComputedStyle(root).color;
    ratio = devicePixelRatio;
    const dark = total((ink.match(/\d+/g) || []).slice(0, 3), Number) > 380; // light ink: dark page
    root.drawn = panels.map((panel) => {
      const { look, canvas } = panel;
      const data = take(look, frames.numbers.subarray(n, n + look.size), frames.shades.subarray(s, s + pixels(look)));
      n += look.size;
      s += pixels(look);
      const pen = prepare(canvas, ratio, ink, dark);
      if (pen) panel.paint(pen, look, data, panel.palette);
      canvas.setAttribute("aria-label", `${look.title}. ${inWords(look, data)}`);
      return data;
    });
    textInto(status, frames.words[position]);
    root.dataset.at = (spec.live ? frames.at : at).join(" ");
  }

  function fromModel() {
    at = [...model.get("at")];
    showControls();
    if (!spec.live) draw();
  }

  function answered() {
    clearTimeout(waiting);
    frames = unpack(model.get("frames"));
    draw();
  }

  showControls();
  draw();
  const sizes = new ResizeObserver(draw);
  panels.forEach(({ canvas }) => sizes.observe(canvas));
  // No event tells of every host's change of theme or zoom, and a look twice a second costs nothing.
  const looks = setInterval(() => (getComputedStyle(root).color !== ink || devicePixelRatio !== ratio) && draw(), 500);
  model.on("change:at", fromModel);
  model.on("change:frames", answered);
  return () => {
    sizes.disconnect();
    clearTimeout(waiting);
    clearInterval(looks);
    model.off("change:at", fromModel);
    model.off("change:frames", answered);
  };
}

// ---------------------------------------------------------------- data

// The bytes are copied, since a Float32Array can't begin where a message happens to put them.
/**
 * @param {{numbers: DataView, shades: DataView, words: string[], at?: number[]}} frames as the model holds them
 * @returns {{numbers: Float32Array, shades: Uint8Array, words: string[], at?: number[]}}
 */
function unpack({ numbers, shades, words, at }) {
  const copy = (view) => view.buffer.slice(view.byteOffset, view.byteOffset + view.byteLength);
  return { numbers: new Float32Array(copy(numbers)), shades: new Uint8Array(copy(shades)), words, at };
}

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

// ---------------------------------------------------------------- text

/** @param {number} v @param {number} [digits] significant ones @returns {string} */
function number(v, digits = 3) {
  return String(Number(v.toPrecision(digits))).replaceAll("-", MINUS);
}

/**
 * "h_t" and "10^{-3}" in pieces.
 * @param {string} text
 * @returns {[string, -1 | 0 | 1][]} each with its level: -1 an index, 1 a power
 */
function pieces(text) {
  return text
    .split(/([_^](?:\{[^}]*\}|\S))/)
    .filter((piece) => piece)
    .map((piece) => {
      if (!/^[_^]./.test(piece)) return [piece, 0];
      return [piece.slice(1).replace(/^\{|\}$/g, ""), piece[0] === "_" ? -1 : 1];
    });
}

function textInto(node, text) {
  node.replaceChildren();
  for (const [piece, level] of pieces(text)) {
    if (level) add(node, level < 0 ? "sub" : "sup").textContent = piece;
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
function niceStep(span, count) {
  const unit = 10 ** Math.floor(Math.log10(span / count));
  return unit * [1, 2, 5, 10].find((n) => n * unit >= (span / count) * (1 - 1e-9));
}

/**
 * @param {[number, number]} limits of an axis, either one first
 * @param {number} count about how many steps fit @param {boolean} [whole] whole numbers only
 * @returns {number[]} multiples of a nice step, within the limits
 */
function ticks([a, b], count, whole) {
  const [low, high] = a < b ? [a, b] : [b, a];
  let step = niceStep(high - low, count);
  if (whole) step = Math.max(1, Math.round(step));
  const result = [];
  for (let i = Math.ceil(low / step - 1e-6); i * step <= high + 1e-6 * step; i++) result.push(i * step);
  return result;
}

/** @param {number} v @param {boolean} [log] v is a power of ten @returns {string} */
const tickText = (v, log) => (log ? `10^{${String(v)}}` : String(Number(v.toPrecision(6)))).replaceAll("-", MINUS);

// Frame, grid, ticks and labels. Returns the pixel of an x and of a y.
function axes(pen, look, { xlim, ylim, right, xticks = true, grid = true }) {
  const { c, width, height, ink } = pen;
  const top = 8;
  const bottom = height - (xticks ? (look.xlabel ? 40 : 24) : 32);
  const marks = ticks(ylim, (bottom - top) / 40, look.log);
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
  return { X, Y, left, end, top, bottom };
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

// How much room the names at the right need, each wrapped to a third of the width.
function nameRoom(pen, look) {
  const names = look.names.map((name) => wrap(pen.c, name, pen.width * 0.3));
  const widest = Math.max(0, ...names.flat().map((line) => widthOf(pen.c, line)));
  return { names, room: widest + 14 };
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

function nameEnds(pen, names, ys, colours, box) {
  const heights = names.map((lines) => lines.length * LINE);
  apart(ys, heights, box).forEach((y, k) => {
    if (Number.isNaN(y)) return;
    pen.c.fillStyle = colours[k];
    names[k].forEach((line, i) => write(pen.c, line, box.end + 7, y - heights[k] / 2 + LINE * (i + 0.5)));
  });
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

function paintCurves(pen, look, data) {
  const { c, tone, ink } = pen;
  const { names, room } = nameRoom(pen, look);
  const xlim = [look.x[0], look.x[look.x.length - 1]];
  const box = axes(pen, look, { xlim, ylim: look.limits, right: room });
  const { X, Y, left, end, top, bottom } = box;
  const colours = look.styles.map(({ colour }) => tone(colour));
  clipped(c, box, () => {
    if (look.reference !== null) {
      c.strokeStyle = ink;
      c.globalAlpha = 0.6;
      c.lineWidth = 1;
      c.beginPath();
      c.moveTo(left, Y(look.reference));
      c.lineTo(end, Y(look.reference));
      c.stroke();
      c.globalAlpha = 1;
    }
    data.lines.forEach((line, i) => {
      c.strokeStyle = c.fillStyle = colours[i];
      c.lineWidth = 1.9;
      c.setLineDash(look.styles[i].dash);
      const dots = Array.from(line, (y, k) => [X(look.x[k]), Y(y)]);
      strokeThrough(c, dots);
      c.setLineDash([]);
      if (look.points) fillDots(c, dots, 3);
    });
  });
  // A name stands where its line is last inside the axes.
  const ys = data.lines.map((line) => {
    const last = line.findLastIndex((y) => y >= look.limits[0] && y <= look.limits[1]);
    return last < 0 ? NaN : Y(line[last]);
  });
  nameEnds(pen, names, ys, colours, box);
  paintMarks(pen, look, data, box);
}

function paintStacked(pen, look, data) {
  const { c, tone, page } = pen;
  const { names, room } = nameRoom(pen, look);
  const xlim = [look.x[0], look.x[look.x.length - 1]];
  const box = axes(pen, look, { xlim, ylim: look.limits, right: room });
  const { X, Y } = box;
  const colours = look.styles.map(({ colour }) => tone(colour));
  const ys = [];
  clipped(c, box, () => {
    let below = new Float32Array(look.x.length);
    data.lines.forEach((line, i) => {
      const above = below.map((y, k) => y + line[k]);
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
      below = above;
    });
  });
  nameEnds(pen, names, ys, colours, box);
  paintMarks(pen, look, data, box);
}

function paintBars(pen, look, data) {
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
}

function paintHeatmap(pen, look, data, palette) {
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
  if (look.length) clipped(c, box, () => paintPath(c, data, box));
  paintMarks(pen, look, data, box);
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

const PAINT = { curves: paintCurves, stacked: paintStacked, bars: paintBars, heatmap: paintHeatmap };

function add(parent, tag, attributes = {}) {
  const node = parent.appendChild(document.createElement(tag));
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  return node;
}

// anywidget takes the default; the names are for the tests.
export default { render };
export { apart, inWords, niceStep, number, pieces, rgba, take, ticks, tickText, unpack, wrap };
