"""05 · paths."""

EXERCISES = {}
