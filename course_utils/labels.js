// Numbers, ticks and small marks in words, for all that is drawn in the page. `_page.script` puts this text in place of
// the line that imports it, since a widget's script is one file.

const MINUS = "\u2212";

function number(v, digits = 3) {
  return String(Number(v.toPrecision(digits))).replaceAll("-", MINUS);
}

function pieces(text) {
  return text
    .split(/([_^](?:\{[^}]*\}|\S))/)
    .filter((piece) => piece)
    .map((piece) => {
      if (!/^[_^]./.test(piece)) return [piece, 0];
      return [piece.slice(1).replace(/^\{|\}$/g, ""), piece[0] === "_" ? -1 : 1];
    });
}

function textInto(node, text, set = (inner, piece) => inner.append(piece)) {
  node.replaceChildren();
  for (const [piece, level] of pieces(text)) set(level ? add(node, level < 0 ? "sub" : "sup") : node, piece);
}

function niceStep(span, count) {
  const unit = 10 ** Math.floor(Math.log10(span / count));
  return unit * [1, 2, 5, 10].find((n) => n * unit >= (span / count) * (1 - 1e-9));
}

function ticks([a, b], count, whole) {
  const [low, high] = a < b ? [a, b] : [b, a];
  let step = niceStep(high - low, count);
  if (whole) step = Math.max(1, Math.round(step));
  const result = [];
  for (let i = Math.ceil(low / step - 1e-6); i * step <= high + 1e-6 * step; i++) result.push(i * step);
  return result;
}

function tickText(v, log) {
  if (!log) return String(Number(v.toPrecision(6))).replaceAll("-", MINUS);
  const whole = Math.round(v);
  return Math.abs(v - whole) < 1e-9 ? `10^{${whole}}`.replace("-", MINUS) : number(10 ** v, 1);
}

function add(parent, tag, attributes = {}) {
  const node = parent.appendChild(document.createElement(tag));
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  return node;
}

export { MINUS, add, niceStep, number, pieces, textInto, tickText, ticks };
