// Asks for the guess of course_utils/predictions.py: a choice, a number or a curve. What is sent is checked there.

import { MINUS, add, niceStep, number, pieces, textInto, tickText, ticks } from "./labels.js";

const SVG = "http://www.w3.org/2000/svg";
const RAISED = "⁰¹²³⁴⁵⁶⁷⁸⁹"; // as our own words write powers
const PATIENCE = 3000; // milliseconds until we say that nobody answers
// JupyterLab's command mode takes the keys of whatever lacks this attribute.
const OWN_KEYS = { "data-lm-suppress-shortcuts": "true" };

function render({ model, el }) {
  const spec = model.get("spec");
  const unique = `predict-${Math.random().toString(36).slice(2)}`; // every widget has a module of its own: no counter
  let editing = model.get("state").value === null;
  let waiting; // timer: the kernel has not answered yet
  let complains = false; // the status says what is missing in the guess
  let keepFocus = false; // the focus was on what a commit hides

  const root = add(el, "div", { class: "predict", role: "group", "aria-labelledby": `${unique}-question` });
  textInto(add(root, "p", { class: "predict-question", id: `${unique}-question` }), spec.question);
  const input = INPUT[spec.kind](root, spec, unique, { commit, changed });
  const form = add(root, "div", { class: "predict-form" });
  const whyLabel = add(form, "label", { class: "predict-why" });
  whyLabel.append("Why? (one sentence, if you like)");
  const why = add(whyLabel, "textarea", { rows: 2, maxlength: 500, ...OWN_KEYS });
  const commitButton = button(form, "Commit", "predict-commit", commit);
  const done = add(root, "div", { class: "predict-done" });
  const status = add(root, "p", { class: "predict-status", role: "status", "aria-live": "polite", id: `${unique}-status` });

  function commit() {
    const { value, says } = input.read();
    input.invalid(Boolean(says));
    tell(says ?? "");
    complains = Boolean(says);
    if (says) return;
    try {
      model.send({ kind: "commit", value, why: why.value });
    } catch {
      // An exported page has nobody to send it to, and says so below.
    }
    clearTimeout(waiting);
    waiting = setTimeout(() => {
      tell("No answer yet. If another cell is running, your guess waits for it. If none is, run this cell first.");
    }, PATIENCE);
  }

  // What was missing may be there now: nothing old stays below a new guess.
  function changed() {
    if (!complains) return;
    complains = false;
    input.invalid(false);
    tell("");
  }

  function tell(text) {
    status.textContent = text;
  }

  function heard(message) {
    clearTimeout(waiting);
    if (message.kind === "refused") return tell(message.says);
    if (message.kind !== "taken") return;
    keepFocus = root.contains(document.activeElement);
    editing = false;
    tell("");
    show(); // or the state comes only after this message, and shows then
  }

  function show() {
    const state = model.get("state");
    if (state.revealed) editing = false;
    const locked = !editing && state.value !== null;
    input.lock(locked);
    form.hidden = locked;
    done.hidden = !locked;
    done.replaceChildren();
    root.dataset.state = locked ? "committed" : "open";
    if (!locked) return;
    input.write(state.value);
    const said = add(done, "p");
    said.append("Your guess: ");
    textInto(add(said, "strong"), state.words);
    said.append(". ");
    if (!state.revealed) button(said, "change", "predict-change", change);
    if (state.why) add(done, "p", { class: "predict-said" }).textContent = `Because: ${state.why}`;
    const next = state.next || "Now run the cells below: your guess will stand beside what is measured.";
    if (!state.revealed) add(done, "p").textContent = next;
    if (keepFocus) done.querySelector("button")?.focus();
    keepFocus = false;
  }

  function change() {
    const state = model.get("state");
    editing = true;
    why.value = state.why;
    show();
    input.focus();
  }

  show();
  model.on("change:state", show);
  model.on("msg:custom", heard);
  return () => {
    clearTimeout(waiting);
    input.end();
    model.off("change:state", show);
    model.off("msg:custom", heard);
  };
}

// ---------------------------------------------------------------- inputs
// Each is a function of (root, spec, unique, { commit, changed }), calls `changed` whenever its guess does, and returns
// read()      {value} to send, or {says} what is missing
// write(value), lock(whether), invalid(whether), focus(), end()

const nothing = () => {};

function inputChoices(root, spec, unique, { changed }) {
  const group = add(root, "div", { class: "predict-choices", role: "radiogroup", "aria-labelledby": `${unique}-question` });
  const radios = spec.choices.map((choice) => {
    const label = add(group, "label");
    const radio = add(label, "input", { type: "radio", name: unique, ...OWN_KEYS });
    textInto(add(label, "span"), choice);
    radio.addEventListener("change", changed);
    return radio;
  });
  const chosen = () => radios.findIndex((radio) => radio.checked);
  return {
    read: () => (chosen() < 0 ? { says: "Choose one of the answers first." } : { value: spec.choices[chosen()] }),
    write: (value) => radios.forEach((radio, i) => (radio.checked = spec.choices[i] === value)),
    lock: (locked) => (group.hidden = locked),
    invalid: nothing,
    focus: () => (radios[chosen()] || radios[0]).focus(),
    end: nothing,
  };
}

function inputNumber(root, spec, unique, { commit, changed }) {
  const place = add(root, "div", { class: "predict-number" });
  const label = add(place, "label");
  label.append("Your guess ");
  const described = `${unique}-range ${unique}-status`;
  const field = add(label, "input", {
    type: "text", inputmode: "decimal", autocomplete: "off", size: 9, "aria-describedby": described, ...OWN_KEYS,
  });
  label.append(` ${spec.unit}`);
  add(place, "span", { class: "predict-range", id: `${unique}-range` }).textContent = `a ${kindOf(spec)} ${spec.range}`;
  field.addEventListener("input", changed);
  field.addEventListener("keydown", (event) => {
    if (event.key !== "Enter") return;
    event.preventDefault();
    commit();
  });
  return {
    read: () => readNumber(field.value, spec),
    write: (value) => (field.value = String(value)),
    lock: (locked) => (place.hidden = locked),
    invalid: (wrong) => {
      field.setAttribute("aria-invalid", String(wrong));
      if (wrong) field.focus();
    },
    focus: () => field.focus(),
    end: nothing,
  };
}

/** @param {{whole?: boolean}} spec @returns {string} */
const kindOf = ({ whole }) => (whole ? "whole number" : "number");

/**
 * What was typed as a number: 40, 0.5, 0,5, 1e-3, 10^3, 10³, with or without the unit. A count is a whole one.
 * @param {string} text @param {{limits: number[], unit: string, range: string, whole?: boolean}} spec
 * @returns {{value?: number, says?: string}}
 */
function readNumber(text, spec) {
  const { limits, unit, range, whole } = spec;
  let plain = text.trim().replaceAll(MINUS, "-");
  if (unit && plain.endsWith(unit)) plain = plain.slice(0, -unit.length).trim();
  if (plain === "") return { says: `Write a ${kindOf(spec)} ${range} first.` };
  if (/^-?[1-9]\d{0,2}(,\d{3})+$/.test(plain)) {
    const bare = plain.replaceAll(",", "");
    return { says: `“${text.trim()}” can be read in two ways. Write it without a comma, as ${bare}.` };
  }
  const powerOfTen = /^(?:(.*?)\s*[*×·]\s*)?10\^\{?(-?\d+)\}?$/;
  plain = plain.replace(/^([+-]?\d*),(\d+)/, "$1.$2"); // a decimal comma
  const lowered = (power) => `^${[...power].map((sign) => (sign === "⁻" ? "-" : RAISED.indexOf(sign))).join("")}`;
  plain = plain.replace(/[⁻⁰¹²³⁴⁵⁶⁷⁸⁹]+$/, lowered);
  plain = plain.replace(powerOfTen, (_, factor, power) => `${factor ?? 1}e${power}`);
  if (!/^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(plain)) {
    return { says: `“${text.trim()}” is not a number. Write it as 40, 0.5 or 1e-3.` };
  }
  const value = Number(plain);
  if (!(value >= limits[0] && value <= limits[1])) {
    return { says: `${text.trim()} lies outside. Write a ${kindOf(spec)} ${range}.` };
  }
  if (whole && !Number.isInteger(value)) {
    const [below, above] = [Math.floor(value), Math.ceil(value)];
    return { says: `${text.trim()} lies between two counts. Write a whole number, such as ${below} or ${above}.` };
  }
  return { value };
}

function inputCurve(root, spec, unique, { changed }) {
  const limits = spec.limits.map((y) => toScale(y, spec.log));
  const points = spec.x.map(() => null); // heights on the scale, null where none is set yet
  const steps = stepsOf(limits, spec.log);
  let box;
  let stroke = null; // where the pointer was last while it is down
  let locked = false;

  const place = add(root, "div", { class: "predict-curve" });
  const help = add(place, "p", { class: "predict-help" });
  help.textContent = "Draw with mouse or finger, or step through the points with Tab and move them with the arrow keys.";
  const svg = addSvg(place, "svg", { class: "predict-plot", role: "group", "aria-label": "Axes to draw your guess on" });
  const scenery = addSvg(svg, "g", { "aria-hidden": "true" });
  const path = addSvg(svg, "path", { class: "predict-line", "aria-hidden": "true" });
  const handles = points.map((_, i) => {
    const handle = addSvg(svg, "g", { class: "predict-point", role: "slider", tabindex: 0, ...OWN_KEYS });
    addSvg(handle, "circle", { class: "predict-ring", r: 11 });
    addSvg(handle, "circle", { class: "predict-dot", r: 5.5 });
    const where = `${spec.ylabel || "height"} at ${spec.xlabel || "x"} ${number(spec.x[i])}`;
    for (const [name, value] of Object.entries({
      "aria-label": where, "aria-valuemin": limits[0], "aria-valuemax": limits[1], "aria-orientation": "vertical",
      "aria-valuenow": (limits[0] + limits[1]) / 2, // until it is drawn, which waits until it is in sight
    })) handle.setAttribute(name, value);
    handle.addEventListener("keydown", (event) => typed(event, i));
    return handle;
  });
  const clear = button(place, "Clear", "predict-clear", () => {
    points.fill(null);
    redraw();
  });

  function typed(event, i) {
    if (locked || event.ctrlKey || event.metaKey || event.altKey) return;
    const aside = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    const moved = keyed(event.key, points[i] ?? nearestHeight(points, i, limits), limits, steps);
    if (aside === undefined && moved === null) return;
    event.preventDefault();
    event.stopPropagation();
    if (aside !== undefined) return handles[i + aside]?.focus();
    points[i] = moved;
    redraw();
  }

  const at = (event) => {
    const { left, top } = svg.getBoundingClientRect();
    return [event.clientX - left, event.clientY - top];
  };
  const heightAt = (y) => clamp(limits[0] + ((box.bottom - y) / (box.bottom - box.top)) * (limits[1] - limits[0]), limits);
  function move(to) {
    strokeTo(spec.x.map(box.X), stroke, to).forEach((y, i) => {
      if (y !== null) points[i] = heightAt(y);
    });
    stroke = to;
    redraw();
  }
  svg.addEventListener("pointerdown", (event) => {
    if (locked || event.button) return;
    event.preventDefault();
    svg.setPointerCapture(event.pointerId);
    stroke = at(event);
    move(stroke);
    const [x] = stroke;
    const xs = spec.x.map(box.X);
    handles[nearest(xs, x)].focus({ preventScroll: true });
  });
  svg.addEventListener("pointermove", (event) => {
    if (stroke === null) return;
    for (const each of event.getCoalescedEvents?.() ?? []) move(at(each));
    move(at(event));
  });
  for (const name of ["pointerup", "pointercancel"]) svg.addEventListener(name, () => (stroke = null));

  function redraw() {
    draw();
    changed();
  }

  function draw() {
    if (!box) return;
    const dots = points.map((y, i) => [box.X(spec.x[i]), box.Y(y ?? (limits[0] + limits[1]) / 2)]);
    let d = "";
    points.forEach((y, i) => {
      if (y !== null) d += `${i && points[i - 1] !== null ? "L" : "M"}${dots[i].map((v) => v.toFixed(1)).join(" ")}`;
    });
    path.setAttribute("d", d);
    handles.forEach((handle, i) => {
      handle.setAttribute("transform", `translate(${dots[i].map((v) => v.toFixed(1)).join(" ")})`);
      handle.classList.toggle("predict-unset", points[i] === null);
      const words = points[i] === null ? "not drawn yet" : heightWords(points[i], spec.log);
      handle.setAttribute("aria-valuetext", words);
      handle.setAttribute("aria-valuenow", points[i] ?? (limits[0] + limits[1]) / 2);
    });
    clear.disabled = points.every((y) => y === null);
  }

  function scene() {
    const width = svg.clientWidth;
    if (!width) return;
    const height = svg.clientHeight;
    box = drawAxes(scenery, spec, limits, width, height);
    draw();
  }
  const sizes = new ResizeObserver(scene);
  sizes.observe(svg);

  return {
    read() {
      const missing = points.filter((y) => y === null).length;
      if (missing === points.length) return { says: "Draw your curve first." };
      const few = missing === 1 ? "One point has" : `${missing} points have`;
      if (missing) return { says: `${few} no height yet. Draw over the whole width.` };
      return { value: points.map((y) => fromScale(y, spec)) };
    },
    write(values) {
      values.forEach((y, i) => (points[i] = clamp(toScale(y, spec.log), limits)));
      draw();
    },
    lock(whether) {
      locked = whether;
      help.hidden = clear.hidden = locked;
      svg.classList.toggle("predict-locked", locked);
      handles.forEach((handle) => {
        handle.setAttribute("tabindex", locked ? -1 : 0);
        handle.setAttribute("aria-disabled", String(locked));
      });
    },
    invalid: nothing,
    focus: () => handles[0].focus(),
    end: () => sizes.disconnect(),
  };
}

const INPUT = { choices: inputChoices, number: inputNumber, curve: inputCurve };

// ---------------------------------------------------------------- a curve's arithmetic

const clamp = (v, [low, high]) => Math.min(Math.max(v, low), high);
const toScale = (y, log) => (log ? Math.log10(y) : y);

/** @param {number} y on the scale @param {{log: boolean, limits: number[]}} spec @returns {number} within the limits */
const fromScale = (y, { log, limits }) => clamp(log ? 10 ** y : y, limits);

/** @param {number} y on the scale @param {boolean} log @returns {string} what a screen reader says */
function heightWords(y, log) {
  if (!log) return number(y);
  return Math.abs(y) < 3 ? number(10 ** y) : `10 to the power ${number(y, Math.abs(y) < 10 ? 2 : 3)}`;
}

/**
 * How far the keys move a point.
 * @param {number[]} limits on the scale @param {boolean} log
 * @returns {{small: number, large: number}} about a hundredth and a tenth of the axis; on a log scale, at most half a
 *   decade and at least a whole one
 */
function stepsOf([low, high], log) {
  const [small, large] = [100, 10].map((count) => niceStep(high - low, count));
  return log ? { small: Math.min(small, 0.5), large: Math.max(1, Math.round(large)) } : { small, large };
}

/**
 * @param {string} key @param {number} y @param {number[]} limits @param {{small: number, large: number}} steps
 * @returns {number | null} where the key puts the point; null for a key that doesn't move it
 */
function keyed(key, y, limits, { small, large }) {
  if (key === "Home") return limits[0];
  if (key === "End") return limits[1];
  const by = { ArrowUp: small, ArrowDown: -small, PageUp: large, PageDown: -large }[key];
  if (by === undefined) return null;
  const next = y + by;
  return clamp(Math.abs(next) < 1e-9 * Math.abs(by) ? 0 : next, limits);
}

/**
 * Where a point without a height begins: beside the nearest that has one, in the middle if none has.
 * @param {(number | null)[]} points @param {number} i @param {number[]} limits
 */
function nearestHeight(points, i, limits) {
  const set = points.map((y, k) => [Math.abs(k - i), y]).filter(([, y]) => y !== null);
  return set.length ? set.reduce((a, b) => (b[0] < a[0] ? b : a))[1] : (limits[0] + limits[1]) / 2;
}

/** @param {number[]} xs @param {number} x @returns {number} index of the nearest */
const nearest = (xs, x) => xs.reduce((best, each, i) => (Math.abs(each - x) < Math.abs(xs[best] - x) ? i : best), 0);

/**
 * What one piece of a stroke does to the points, all in pixels.
 * @param {number[]} xs increasing, where the points stand
 * @param {number[]} from @param {number[]} to ends of the piece, [x, y]
 * @returns {(number | null)[]} new heights; null where the stroke leaves a point alone. A point that it passes takes
 *   the height of the stroke there. A point within a third of a gap follows the pointer while that comes nearer, or
 *   goes up or down.
 */
function strokeTo(xs, from, to) {
  const result = xs.map((x) => {
    if (from[0] === to[0] || (x - from[0]) * (x - to[0]) > 0) return null;
    return from[1] + ((x - from[0]) / (to[0] - from[0])) * (to[1] - from[1]);
  });
  const i = nearest(xs, to[0]);
  const atHand = Math.abs(xs[i] - to[0]) < 0.35 * (xs[1] - xs[0]);
  const comesNearer = Math.abs(xs[i] - to[0]) <= Math.abs(xs[i] - from[0]);
  const upOrDown = Math.abs(to[1] - from[1]) > 2 * Math.abs(to[0] - from[0]);
  if (result[i] === null && atHand && (comesNearer || upOrDown)) result[i] = to[1];
  return result;
}

// ---------------------------------------------------------------- axes

/**
 * @param {number} span @param {number} count how many steps it may hold at most
 * @returns {number} the smallest 1, 2 or 5 times a power of ten
 */

/**
 * @param {number[]} limits @param {number} count about how many steps fit @param {boolean} [whole] decades only
 * @returns {number[]} multiples of a nice step, within the limits
 */

/** @param {number} v @param {boolean} [log] v is a power of ten @returns {string} */

// Returns the pixel of an x and of a y, and the edges.
function drawAxes(scenery, spec, limits, width, height) {
  scenery.replaceChildren();
  const [top, bottom] = [14, height - (spec.xlabel ? 44 : 26)];
  const [left, right] = [spec.ylabel ? 64 : 46, width - 16];
  const [first, last] = [spec.x[0], spec.x[spec.x.length - 1]];
  const X = (v) => left + ((v - first) / (last - first)) * (right - left);
  const Y = (v) => bottom - ((v - limits[0]) / (limits[1] - limits[0])) * (bottom - top);
  const rule = (x1, y1, x2, y2, kind) => addSvg(scenery, "line", { x1, y1, x2, y2, class: `predict-${kind}` });
  for (const v of ticks(limits, (bottom - top) / 34, spec.log)) {
    rule(left, Y(v), right, Y(v), "grid");
    svgText(scenery, tickText(v, spec.log), { x: left - 8, y: Y(v) + 4, "text-anchor": "end" });
  }
  for (const v of ticks([first, last], (right - left) / 60)) {
    rule(X(v), top, X(v), bottom, "grid");
    svgText(scenery, tickText(v), { x: X(v), y: bottom + 16, "text-anchor": "middle" });
  }
  rule(left, top, left, bottom, "axis");
  rule(left, bottom, right, bottom, "axis");
  svgText(scenery, spec.xlabel, { x: (left + right) / 2, y: height - 8, "text-anchor": "middle" });
  const turned = `translate(14 ${(top + bottom) / 2}) rotate(-90)`;
  svgText(scenery, spec.ylabel, { transform: turned, "text-anchor": "middle" });
  return { X, Y, left, right, top, bottom };
}

// ---------------------------------------------------------------- text and nodes

/** @param {number} v @param {number} [digits] significant ones @returns {string} */

/**
 * "h_t" and "10^{-3}" in pieces.
 * @param {string} text
 * @returns {[string, -1 | 0 | 1][]} each with its level: -1 an index, 1 a power
 */

function svgText(parent, text, attributes) {
  const node = addSvg(parent, "text", attributes);
  let raised = 0;
  for (const [piece, level] of pieces(text)) {
    const span = addSvg(node, "tspan", { dy: `${(0.35 * (raised - level)).toFixed(2)}em` });
    if (level) span.setAttribute("class", "predict-small");
    span.textContent = piece;
    raised = level;
  }
  return node;
}

function button(parent, text, kind, clicked) {
  const node = add(parent, "button", { type: "button", class: kind, ...OWN_KEYS });
  node.textContent = text;
  node.addEventListener("click", clicked);
  return node;
}

const set = (node, attributes) => {
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  return node;
};
const addSvg = (parent, tag, attributes) => set(parent.appendChild(document.createElementNS(SVG, tag)), attributes);

// anywidget takes the default; the names are for the tests.
export default { render };
export { fromScale, heightWords, keyed, nearestHeight, readNumber, stepsOf, strokeTo };
