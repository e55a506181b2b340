"""03 · what decides."""

EXERCISES = {}
