"""09 · weather."""

EXERCISES = {}
