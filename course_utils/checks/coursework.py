"""The assignments' exercises, by name."""

from course_utils.checks.ps1 import EXERCISES as PS1
from course_utils.checks.ps2 import EXERCISES as PS2
from course_utils.checks.ps3 import EXERCISES as PS3
from course_utils.checks.ps4 import EXERCISES as PS4

ASSIGNMENTS = {**PS1, **PS2, **PS3, **PS4}
