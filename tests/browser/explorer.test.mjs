// The explorer's own functions, those that need no page: `node --test tests/browser`.

import assert from "node:assert/strict";
import { test } from "node:test";

import explorer, * as own from "../../course_utils/explorer.js";
import * as labels from "../../course_utils/labels.js";
import { close, generator } from "./draws.mjs";

const MINUS = "\u2212";

test("anywidget finds render in the default export, and no other name that it knows", () => {
  assert.deepEqual(Object.keys(explorer), ["render"]);
  assert.ok(!("render" in own) && !("initialize" in own));
});

test("a nice step is 1, 2 or 5 times a power of ten, and the smallest that fits", () => {
  const next = [2, 2.5, 2];
  const draw = generator(1);
  for (let i = 0; i < 500; i++) {
    const [span, count] = [10 ** (12 * draw() - 6), 1 + 9 * draw()];
    const step = labels.niceStep(span, count);
    const leading = Number(step.toExponential(9).split("e")[0]);
    const which = [1, 2, 5].findIndex((n) => Math.abs(leading - n) < 1e-8);
    assert.ok(which >= 0, `${step}`);
    assert.ok(span / step <= count * (1 + 1e-6), "too many steps");
    const smaller = step / next[(which + 2) % 3];
    assert.ok(span / smaller > count * (1 - 1e-6), `${smaller} would do for ${span} in ${count}`);
  }
});

test("ticks are all multiples of one nice step within the limits, whichever comes first", () => {
  const draw = generator(2);
  for (let i = 0; i < 500; i++) {
    const scale = 10 ** (8 * draw() - 4);
    const low = scale * (2 * draw() - 1);
    const high = low + scale * (0.1 + draw());
    const count = 2 + Math.floor(6 * draw());
    const found = labels.ticks([low, high], count);
    assert.deepEqual(labels.ticks([high, low], count), found);
    const step = labels.niceStep(high - low, count);
    assert.equal(found.length, Math.floor(high / step + 1e-6) - Math.ceil(low / step - 1e-6) + 1);
    found.forEach((tick, k) => {
      close(tick / step, Math.round(tick / step), 1e-6);
      assert.ok(tick >= low - 1e-6 * step && tick <= high + 1e-6 * step);
      if (k) close(tick - found[k - 1], step, 1e-6);
    });
  }
});

test("ticks of known axes", () => {
  assert.deepEqual(labels.ticks([0, 1], 5).map((v) => labels.tickText(v)), ["0", "0.2", "0.4", "0.6", "0.8", "1"]);
  assert.deepEqual(labels.ticks([1, 4], 10, true), [1, 2, 3, 4]); // ten would fit, but there is nothing between them
  assert.deepEqual(labels.ticks([0, 40], 4, true).map(String), ["0", "10", "20", "30", "40"]);
  assert.deepEqual(own.decades([-8, 0], 4).map((v) => labels.tickText(v, true)), [
    `10^{${MINUS}8}`, `10^{${MINUS}6}`, `10^{${MINUS}4}`, `10^{${MINUS}2}`, "10^{0}",
  ]);
  assert.deepEqual(own.decades([-0.8, 0.4], 4).map((v) => labels.tickText(v, true)), ["0.2", "0.5", "10^{0}", "2"]);
  assert.deepEqual(labels.ticks([1, 1], 5), []);
});

test("numbers are short, and every minus is a minus", () => {
  assert.equal(labels.number(0.123456), "0.123");
  assert.equal(labels.number(-0.5), `${MINUS}0.5`);
  assert.equal(labels.number(1234567, 2), "1200000");
  assert.equal(labels.number(-1.5e-9), `${MINUS}1.5e${MINUS}9`);
  assert.equal(labels.tickText(-2e-7), `${MINUS}2e${MINUS}7`);
  assert.equal(labels.tickText(0.1 + 0.2), "0.3");
});

test("indices and powers are pieces of their own, and nothing is lost", () => {
  assert.deepEqual(labels.pieces("h_t"), [["h", 0], ["t", -1]]);
  assert.deepEqual(labels.pieces("10^{-3} of h_{t-1}."), [["10", 0], ["-3", 1], [" of h", 0], ["t-1", -1], [".", 0]]);
  assert.deepEqual(labels.pieces("plain words"), [["plain words", 0]]);
  assert.deepEqual(labels.pieces("a_ b"), [["a_ b", 0]]); // nothing hangs on it
  assert.deepEqual(labels.pieces(""), []);
  for (const text of ["‖∂h_T/∂h_k‖_2", "λ^{t}_{max} − x", "σ(W_z x_t)"]) {
    const together = labels.pieces(text).map(([piece]) => piece).join("");
    assert.equal(together, text.replace(/[_^{}]/g, ""));
  }
});

test("lines are wrapped at words and hold what they can", () => {
  const c = { measureText: (text) => ({ width: 10 * text.length }) };
  assert.deepEqual(own.wrap(c, "LSTM, forget bias 1", 120), ["LSTM, forget", "bias 1"]);
  assert.deepEqual(own.wrap(c, "a incomprehensibilities b", 50), ["a", "incomprehensibilities", "b"]);
  const text = "one two three four five six seven eight nine ten";
  for (let most = 10; most < 600; most += 7) {
    const lines = own.wrap(c, text, most);
    assert.equal(lines.join(" "), text);
    lines.forEach((line, i) => {
      assert.ok(10 * line.length <= most || !line.includes(" "));
      const first = lines[i + 1]?.split(" ")[0];
      if (first) assert.ok(10 * `${line} ${first}`.length > most, "the next word had room here");
    });
  }
});

test("names move apart until none overlaps, keep their order, and stay where they have room", () => {
  const draw = generator(3);
  const box = { top: 8, bottom: 260 };
  for (let i = 0; i < 300; i++) {
    const n = 1 + Math.floor(6 * draw());
    const heights = Array.from({ length: n }, () => 14 * (1 + Math.floor(2 * draw())));
    const ys = heights.map(() => (draw() < 0.1 ? NaN : box.top + (box.bottom - box.top) * draw()));
    const moved = own.apart(ys, heights, box);
    const seen = ys.flatMap((y, k) => (Number.isNaN(y) ? [] : [k])).sort((a, b) => ys[a] - ys[b]);
    moved.forEach((y, k) => {
      assert.equal(Number.isNaN(y), Number.isNaN(ys[k]));
      if (!Number.isNaN(y)) assert.ok(y - heights[k] / 2 > box.top - 7 && y + heights[k] / 2 < box.bottom + 7);
    });
    const gaps = seen.slice(1).map((k, j) => moved[k] - moved[seen[j]] - (heights[k] + heights[seen[j]]) / 2);
    assert.ok(gaps.every((gap) => gap > -0.5), `${ys} became ${moved}`);
    const alone = seen.slice(1).every((k, j) => ys[k] - ys[seen[j]] > (heights[k] + heights[seen[j]]) / 2);
    const inside = seen.every((k) => ys[k] - heights[k] / 2 > box.top - 6 && ys[k] + heights[k] / 2 < box.bottom + 6);
    if (alone && inside) assert.deepEqual(moved, ys);
  }
});

test("a screen reader hears both ends of a line, what lies on the map, and where the marks are", () => {
  const line = (...values) => Float32Array.from(values);
  const none = { lines: [], marks: [], shades: new Uint8Array() };
  const curves = { kind: "curves", names: ["RNN", "GRU"], log: true, marks: ["now"] };
  const data = { ...none, lines: [line(0, -1, -3), line(NaN, 0, 2)], marks: [[4, -1]] };
  assert.equal(own.inWords(curves, data), "RNN: from 1 to 0.001; GRU: from nothing to 100; now at 4, 0.1.");
  const bars = { kind: "bars", names: ["z", "r"] };
  assert.equal(own.inWords(bars, { ...none, lines: [line(0.5), line(-2)] }), `z: 0.5; r: ${MINUS}2.`);
  const map = { kind: "heatmap", names: [], shape: [1, 3], limits: [-1, 1] };
  const shades = Uint8Array.from([0, 255, 254]); // 255 is NaN
  assert.equal(own.inWords(map, { ...none, shades }), `1 by 3 values from ${MINUS}1 to 1.`);
  assert.equal(own.inWords(map, { ...none, shades: shades.fill(255) }), "1 by 3 nothing.");
});

test("a frame's numbers: the lines one after the other, then x and y of each mark", () => {
  const look = { x: [0, 1, 2], names: ["a", "b"], marks: ["p", "q"], size: 10, limits: [0, 9] };
  const { lines, marks, limits } = own.take(look, Float32Array.from({ length: 10 }, (_, i) => i), new Uint8Array());
  assert.deepEqual(lines.map((values) => [...values]), [[0, 1, 2], [3, 4, 5]]);
  assert.deepEqual([marks, limits], [[[6, 7], [8, 9]], [0, 9]]);
});

test("bytes are read wherever in a message they begin", () => {
  const message = new Uint8Array(11);
  message.set(new Uint8Array(Float32Array.from([1.5, -2]).buffer), 1);
  message.set([7, 255], 9);
  const view = (start, length) => new DataView(message.buffer, start, length);
  const { numbers, shades, words } = own.unpack({ numbers: view(1, 8), shades: view(9, 2), words: ["w"] });
  assert.deepEqual([[...numbers], [...shades], words], [[1.5, -2], [7, 255], ["w"]]);
});

test("a shade's pixel is opaque and holds red, green, blue in this order; nothing's is transparent", () => {
  const palette = Array.from({ length: 255 * 3 }, (_, i) => (7 * i) % 256);
  const bytes = new Uint8Array(own.rgba(palette).buffer); // little-endian, as every browser's machine is
  for (let i = 0; i < 255; i++) assert.deepEqual([...bytes.slice(4 * i, 4 * i + 4)], [...palette.slice(3 * i, 3 * i + 3), 255]);
  assert.deepEqual([...bytes.slice(4 * 255)], [0, 0, 0, 0]);
});

test("a logarithmic axis ticks at multiples of whole decades, and at 10^0 where it is in range", () => {
  const draw = generator(4);
  for (let i = 0; i < 500; i++) {
    const low = -300 * draw() ** 3;
    const [high, count] = [low + 1.6 + 300 * draw() ** 3, 2 + Math.floor(6 * draw())];
    const found = own.decades([low, high], count);
    assert.ok(found.length <= count + 1 && found.length >= 1, `${low} to ${high}: ${found}`);
    assert.ok(found.every((v) => Number.isInteger(v) && v >= low - 1e-6 && v <= high + 1e-6));
    if (low <= 0 && high >= 0) assert.ok(found.includes(0), `${found}`);
    const step = found[1] - found[0];
    found.slice(1).forEach((v, k) => assert.equal(v - found[k], step));
    if (found.length > 1) {
      assert.ok([1, 2, 3, 5].includes(Number(step.toExponential()[0])) && found.every((v) => v % step === 0));
    }
  }
});

test("the nearest place, none beyond the ends by more than half a step", () => {
  assert.equal(own.nearest([0, 1, 2], 1.4), 1);
  assert.equal(own.nearest([0, 1, 2], 2.4), 2);
  assert.equal(own.nearest([0, 1, 2], 2.6), -1);
  assert.equal(own.nearest([3, 2, 1], 0.6), 2);
  assert.equal(own.nearest([0, 1], undefined), -1);
  assert.equal(own.nearest([7], 7), 0);
});

const LINE = { kind: "curves", names: ["RNN", "GRU"], x: [0, 2, 4], xlabel: "lag", limits: [-1, 1] };
const MAP = { kind: "heatmap", names: [], shape: [2, 3], extent: [0, 3, 10, 30], xlabel: "lag", ylabel: "unit" };

test("panels share what is lit by the names of their axes", () => {
  const line = { ...LINE, ...own.meanings(LINE, 0) };
  const map = { ...MAP, ...own.meanings(MAP, 1) };
  const lines = { lines: [[1, 2, 3], [4, NaN, 6]] };
  const shades = { lines: [], shades: Uint8Array.from([0, 1, 2, 3, 4, 255]) };
  assert.deepEqual(own.lit(line, lines, { lag: 1.2 }), { k: 1, x: 2, values: [2, NaN] });
  assert.equal(own.lit(line, lines, { step: 1 }), null);
  assert.equal(own.lit(line, lines, { lag: 9 }), null);
  assert.deepEqual(own.lit(map, shades, { lag: 1.2, unit: 14 }), { k: 1, row: 1, x: 1.5, y: 15, values: [4] });
  assert.deepEqual(own.lit(map, shades, { lag: 2.5, unit: 14 }).values, []); // a cell of NaN
  assert.deepEqual(own.lit(map, shades, { lag: 0.2 }), { k: 0, row: -1, x: 0.5, y: undefined, values: [] });
  assert.equal(own.lit({ kind: "bars" }, lines, { lag: 1 }), null);
  const bare = { ...LINE, xlabel: "" };
  assert.notEqual(own.meanings(bare, 0).xMeans, own.meanings(bare, 1).xMeans); // no name, nothing in common
});

test("keys walk along a panel and stay on it", () => {
  const line = { ...LINE, ...own.meanings(LINE, 0) };
  const map = { ...MAP, ...own.meanings(MAP, 1) };
  const walk = (look, keys) => keys.reduce((cursor, key) => own.stepped(look, cursor, key), {});
  assert.deepEqual(walk(line, ["ArrowRight"]), { lag: 0 });
  assert.deepEqual(walk(line, ["ArrowLeft"]), { lag: 4 });
  assert.deepEqual(walk(line, ["ArrowRight", "ArrowRight", "ArrowRight", "ArrowRight"]), { lag: 4 });
  assert.deepEqual(walk(line, ["End", "ArrowLeft"]), { lag: 2 });
  assert.equal(own.stepped(line, {}, "ArrowUp"), null);
  assert.deepEqual(walk(map, ["ArrowRight", "ArrowRight", "ArrowDown", "ArrowUp"]), { lag: 1.5, unit: 25 });
  assert.deepEqual(walk(map, ["ArrowRight", "ArrowUp"]), { lag: 0.5, unit: 25 });
  assert.deepEqual(walk(map, ["ArrowRight", "ArrowDown"]), { lag: 0.5, unit: 15 });
});

test("a name stands at its line's last number, or at the edge with the number beyond it", () => {
  const Y = (y) => 100 - 10 * y;
  const log = { log: true, limits: [-2, 2] };
  assert.deepEqual(own.nameSpot(log, [0, 1, NaN], Y), [90, null]);
  assert.deepEqual(own.nameSpot(log, [0, -13.16], Y), [120, `↓ 6.9·10^{${MINUS}14}`]);
  assert.deepEqual(own.nameSpot({ limits: [0, 1] }, [0, 4], Y), [90, "↑ 4"]);
  assert.ok(Number.isNaN(own.nameSpot(log, [NaN], Y)[0]));
});

test("a panel knows whether any line leaves it in any frame, whatever stands around it", () => {
  const look = { names: ["a"], x: [0, 1], limits: [0, 1] };
  const frames = [9, 0, 1, 9, 9, 0.5, 1, 9];
  assert.equal(own.leaves(look, frames, 1, 4), false);
  frames[6] = 1.5;
  assert.equal(own.leaves(look, frames, 1, 4), true);
});

test("values are short, powers are powers, and a clipped shade says so", () => {
  const log = { log: true };
  assert.equal(own.valueText(log, -345.2), `6.3·10^{${MINUS}346}`);
  assert.equal(own.valueText(log, -10), `10^{${MINUS}10}`);
  assert.equal(own.valueText(log, Math.log10(9.99e-8)), `10^{${MINUS}7}`);
  assert.equal(own.valueText(log, Math.log10(0.25)), "0.25");
  assert.equal(own.valueText({}, -2e-9), `${MINUS}2·10^{${MINUS}9}`);
  const map = { limits: [-8, 1], beyond: [true, false] };
  assert.deepEqual([0, 254].map((shade) => own.shadeText(map, shade)), [`≤ ${MINUS}8`, "1"]);
});
