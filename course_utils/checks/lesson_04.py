"""04 · gates."""

EXERCISES = {}
