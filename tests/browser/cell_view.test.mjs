// The cell view's own functions, those that need no page: `node --test tests/browser`.

import assert from "node:assert/strict";
import { test } from "node:test";

import view, * as own from "../../course_utils/cell_view.js";
import { generator } from "./draws.mjs";

const W = { W_xr: 0.3, W_xz: -0.8, W_xn: 1.1, W_hr: 0.9, W_hz: -1.2, W_hn: 1.7, b_n: 0.2 };

test("anywidget finds render in the default export, and no other name that it knows", () => {
  assert.deepEqual(Object.keys(view), ["render"]);
  assert.ok(!("render" in own) && !("initialize" in own));
});

test("the four paths add up to the slope of the step", () => {
  const draw = generator(1);
  for (let i = 0; i < 200; i++) {
    const at = { h_prev: 2 * draw() - 1, x: 4 * draw() - 2, b_r: 12 * draw() - 6, b_z: 12 * draw() - 6 };
    const eps = 1e-5;
    const [more, less] = [eps, -eps].map((nudge) => own.step(W, { ...at, h_prev: at.h_prev + nudge }).h);
    const slope = (more - less) / (2 * eps);
    assert.ok(Math.abs(own.sum(own.paths(W, own.step(W, at))) - slope) < 1e-8, JSON.stringify(at));
  }
});

test("thickness grows with size, not with sign, and has its ends", () => {
  assert.equal(own.thickness(0, [1, 9]), 1);
  assert.equal(own.thickness(1, [1, 9]), 9);
  assert.equal(own.thickness(-0.5, [1, 9]), 5);
  assert.equal(own.thickness(7, [1, 9]), own.thickness(1.5, [1, 9]));
});

test("paths side by side neither touch nor lean to a side", () => {
  const draw = generator(2);
  for (let i = 0; i < 200; i++) {
    const widths = Array.from({ length: 2 + Math.floor(3 * draw()) }, () => 1 + 12 * draw());
    const middles = own.lanes(widths);
    middles.slice(1).forEach((middle, k) => {
      const room = middle - widths[k + 1] / 2 - (middles[k] + widths[k] / 2);
      assert.ok(Math.abs(room - 6) < 1e-9);
    });
    const [first, last] = [middles[0] - widths[0] / 2, middles.at(-1) + widths.at(-1) / 2];
    assert.ok(Math.abs(first + last) < 1e-9);
  }
});

test("every path leads from the new state home to the old one, on straight lines", () => {
  const spots = { old: 0, bus: 60, r: 120, z: 300, minus: 350, n: 420, new: 600, state: 50, row_z: 140, row_n: 230, row_r: 320 };
  const place = (column, row) => [spots[column], row === "state" ? spots.state : spots[`row_${row}`]];
  const widths = { direct: 7, update: 2, candidate: 4, reset: 1 };
  const found = own.ways(place, widths, 25);
  for (const name of Object.keys(widths)) {
    const lines = found.filter(([whose]) => whose === name).map(([, corners]) => corners);
    assert.ok(lines.some((corners) => corners.at(-1)[0] === 25), `${name} reaches h_{t-1}`);
    assert.ok(lines.some((corners) => corners[0][0] === 575), `${name} leaves h_t`);
    for (const corners of lines) {
      corners.slice(1).forEach(([x, y], i) => assert.ok(x === corners[i][0] || y === corners[i][1], `${name} slants`));
    }
  }
});

test("an arrow ends at its tip and its line at the head's neck", () => {
  const { line, head } = own.arrow([[0, 0], [50, 0], [50, 40]], 4, true);
  assert.match(line, /^M0,0L41,0Q50,0 50,9L50,32$/);
  assert.equal(head.split(" ")[0], "50,40");
  assert.equal(own.arrow([[0, 0], [9, 0]], 4, false).head, "");
});

test("the sentence names the largest path, and says so where none carries most", () => {
  const most = own.back({ direct: 0.88, update: -0.01, candidate: 0.05, reset: 0.01 });
  assert.equal(most, "Most of the change passes by the direct path: 0.88 of 0.93.");
  const reset = own.back({ direct: 0.1, update: 0, candidate: 0.1, reset: 0.9 });
  assert.equal(reset, "Most of the change passes by the reset path: 0.90 of 1.10.");
  assert.equal(
    own.back({ direct: 0.6, update: -0.24, candidate: 0.29, reset: -0.12 }),
    "No path alone carries most of the change. The largest is the direct path, 0.60; the four add up to 0.53.",
  );
});

test("numbers have two digits and no minus before zero", () => {
  assert.equal(own.number(-0.004), "0.00");
  assert.equal(own.number(-1.5), "\u22121.50");
});

test("an index is set apart", () => {
  assert.deepEqual(own.pieces("h_{t-1} or h_t"), [["h", false], ["t\u22121", true], [" or h", false], ["t", true]]);
});
