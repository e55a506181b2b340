// The guess's own functions, those that need no page: `node --test tests/browser`.

import assert from "node:assert/strict";
import { test } from "node:test";

import * as labels from "../../course_utils/labels.js";
import predict, * as own from "../../course_utils/predict.js";
import { close, generator } from "./draws.mjs";

test("anywidget finds render in the default export, and no other name that it knows", () => {
  assert.deepEqual(Object.keys(predict), ["render"]);
  assert.ok(!("render" in own) && !("initialize" in own));
});

test("ticks of a log axis are whole decades", () => {
  assert.deepEqual(labels.ticks([-60, 3], 6, true), [-60, -40, -20, 0].map((v) => v || 0));
  assert.deepEqual(labels.ticks([-2, 1], 8, true), [-2, -1, 0, 1].map((v) => v || 0));
});

test("a typed number is read, or refused with a reason", () => {
  const spec = { limits: [0.001, 1000], unit: "steps", range: "from 0.001 to 1000 steps" };
  const reads = {
    "40": 40, " 40 steps": 40, "0.5": 0.5, "0,5": 0.5, "2,75": 2.75, "1,5": 1.5, "+1,5": 1.5, "1,5e2": 150, ".5": 0.5, "1e-3": 1e-3, "1E2": 100, "10^2": 100,
    "10^{-2}": 0.01, "3*10^2": 300, "3 × 10^-1": 0.3, "3·10^2": 300, "+7": 7, "1000": 1000,
    "10²": 100, "10⁻² steps": 0.01, "2.5×10²": 250,
  };
  for (const [text, value] of Object.entries(reads)) assert.deepEqual(own.readNumber(text, spec), { value }, text);
  const says = {
    "": /first/, "steps": /first/, "many": /not a number/, "4 5": /not a number/, "NaN": /not a number/,
    "Infinity": /not a number/, "0x10": /not a number/, "1/2": /not a number/, "5²": /not a number/,
    "1,000": /without a comma, as 1000/,
    "0": /outside/, "-5": /outside/, "\u22125": /outside/, "1001": /outside/, "1e999": /outside/, "<b>": /“<b>”/,
  };
  for (const [text, reason] of Object.entries(says)) assert.match(own.readNumber(text, spec).says, reason, text);
});

test("a count is a whole number, and a fraction is refused with the counts beside it", () => {
  const spec = { limits: [0, 41], unit: "", range: "from 0 to 41", whole: true };
  const reads = { "0": 0, "41": 41, "3.0": 3, "3,0": 3, "4e1": 40, "10¹": 10, "+7": 7 };
  for (const [text, value] of Object.entries(reads)) assert.deepEqual(own.readNumber(text, spec), { value }, text);
  const says = {
    "3.7": /such as 3 or 4\.$/, "1,5": /^1,5 lies between two counts.* 1 or 2\.$/, ".5": /0 or 1/, "405e-1": /40 or 41/,
    "41.5": /outside\. Write a whole number from 0 to 41\.$/, "-0.5": /outside/, "": /^Write a whole number from 0 to 41 first/,
    "many": /not a number/,
  };
  for (const [text, reason] of Object.entries(says)) assert.match(own.readNumber(text, spec).says, reason, text);
});

test("keys move a point by a small or a large step, and never off the axis", () => {
  const draw = generator(2);
  for (let i = 0; i < 300; i++) {
    const low = 200 * draw() - 100;
    const limits = [low, low + 10 ** (4 * draw() - 1)];
    const log = draw() < 0.5;
    const steps = own.stepsOf(limits, log);
    const span = limits[1] - limits[0];
    assert.ok(0 < steps.small && steps.small < steps.large);
    if (log) assert.ok(steps.small <= 0.5 && Number.isInteger(steps.large));
    else assert.ok(steps.large >= span / 10.001 && steps.large <= span / 3.9 && steps.small >= span / 100.001);
    const y = limits[0] + span * draw();
    for (const key of ["ArrowUp", "ArrowDown", "PageUp", "PageDown", "Home", "End"]) {
      const next = own.keyed(key, y, limits, steps);
      assert.ok(next >= limits[0] && next <= limits[1]);
      if (key === "Home" || key === "End") assert.equal(next, limits[Number(key === "End")]);
      else assert.ok(key.endsWith("Up") ? next >= y : next <= y);
    }
    for (const key of ["Tab", "a", "Enter", "F5"]) assert.equal(own.keyed(key, y, limits, steps), null);
  }
  assert.deepEqual(own.stepsOf([-6, 0], true), { small: 0.1, large: 1 });
  assert.deepEqual(own.stepsOf([0, 1], false), { small: 0.01, large: 0.1 });
});

test("a point without a height begins beside the nearest that has one", () => {
  assert.equal(own.nearestHeight([null, null, null], 1, [2, 4]), 3);
  assert.equal(own.nearestHeight([7, null, null, 9], 1, [0, 10]), 7);
  assert.equal(own.nearestHeight([7, null, null, 9], 2, [0, 10]), 9);
});

const XS = [0, 100, 200, 300, 400, 500, 600, 700];

test("a straight stroke in pieces of any length, either way, sets every point it passes onto its line", () => {
  const draw = generator(3);
  for (let i = 0; i < 200; i++) {
    const [slope, height] = [1.8 * draw() - 0.9, 300 * draw()];
    const line = (x) => height + slope * x;
    const stops = [-5, ...Array.from({ length: Math.floor(12 * draw()) }, () => 710 * draw() - 5).sort((a, b) => a - b), 705];
    if (draw() < 0.5) stops.reverse();
    const heights = XS.map(() => null);
    for (let k = 1; k < stops.length; k++) {
      const piece = own.strokeTo(XS, [stops[k - 1], line(stops[k - 1])], [stops[k], line(stops[k])]);
      piece.forEach((y, p) => { if (y !== null) heights[p] = y; });
    }
    heights.forEach((y, p) => close(y, line(XS[p])));
  }
});

test("a press sets the point at hand and no other, and one between two points sets none", () => {
  const set = (x) => own.strokeTo(XS, [x, 50], [x, 50]).map((y, i) => (y === null ? null : i)).filter((i) => i !== null);
  assert.deepEqual(set(210), [2]);
  assert.deepEqual(set(190), [2]);
  assert.deepEqual(set(250), []);
});

test("a point that is held follows up and down although the hand trembles", () => {
  assert.equal(own.strokeTo(XS, [203, 50], [206, 90])[2], 90);
  assert.equal(own.strokeTo(XS, [203, 50], [240, 52])[2], null);
});

test("heights stay within the limits on their way back from the scale", () => {
  const spec = { log: true, limits: [1e-60, 1e3] };
  assert.equal(own.fromScale(-60, spec), 1e-60);
  assert.equal(own.fromScale(-61, spec), 1e-60);
  close(own.fromScale(2, spec), 100);
  assert.equal(own.fromScale(0.25, { log: false, limits: [0, 1] }), 0.25);
});

test("what a screen reader says of a height", () => {
  assert.equal(own.heightWords(-1, true), "0.1");
  assert.equal(own.heightWords(-42.5, true), "10 to the power \u221242.5");
  assert.equal(own.heightWords(-0.25, false), "\u22120.25");
});
