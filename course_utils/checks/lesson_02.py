"""02 · where every term of the gradient comes from."""

EXERCISES = {}
