// What the scripts' own tests share.

import assert from "node:assert/strict";

// Numbers in [0, 1) that are the same in every run (a linear congruential generator, Numerical Recipes).
export function generator(seed) {
  let state = seed;
  return () => (state = (1664525 * state + 1013904223) % 2 ** 32) / 2 ** 32;
}

// Fails unless a is b, up to a tolerance that is relative where b is large.
export function close(a, b, tolerance = 1e-9) {
  assert.ok(Math.abs(a - b) <= tolerance * Math.max(1, Math.abs(b)), `${a} is not ${b}`);
}
