"""06 · how far back."""

EXERCISES = {}
