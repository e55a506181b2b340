"""The assignments' exercises, by name."""

from course_utils.checks import ps1, ps2, ps3, ps4

COURSEWORK = (ps1, ps2, ps3, ps4)
ASSIGNMENTS = {name: exercise for module in COURSEWORK for name, exercise in module.EXERCISES.items()}
