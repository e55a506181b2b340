"""07 · learning to remember."""

EXERCISES = {}
