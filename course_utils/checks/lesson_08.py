"""08 · remedies."""

EXERCISES = {}
