"""Key of assignment 2, what decides: for instructors only."""

from course_utils.checks.ps2 import EXERCISES
from coursework.grader.question import Question

QUESTIONS = {
    "ps2_steps": Question(
        answer="steps_until_gone",
        points=15,
        exercise=EXERCISES["ps2 steps"],
        objective="Bound how long a gradient can last, by norm and slope.",
    ),
    "ps2_must_vanish": Question(
        answer="must_vanish",
        points=10,
        exercise=EXERCISES["ps2 must vanish"],
        objective="Choose the test that proves vanishing among several that do not.",
    ),
    "ps2_growth_curve": Question(
        answer="growth_curve",
        points=15,
        exercise=EXERCISES["ps2 growth curve"],
        objective="Measure the norm of a product of Jacobians, instead of bounding it.",
    ),
    "ps2_holding_bias": Question(
        answer="holding_bias",
        points=10,
        exercise=EXERCISES["ps2 holding bias"],
        objective="Build a network with a known resting state.",
    ),
    "ps2_rest_rate": Question(
        answer="rest_rate",
        points=15,
        exercise=EXERCISES["ps2 rest rate"],
        objective="Say whose eigenvalues decide in the long run, and when.",
    ),
    "ps2_scaled": Question(
        answer="scaled",
        points=10,
        exercise=EXERCISES["ps2 scaled"],
        objective="Design weights for a wanted lag.",
    ),
    "ps2_clip_by_norm": Question(
        answer="clip_by_norm",
        points=15,
        exercise=EXERCISES["ps2 clip by norm"],
        objective="Clip the gradients of several networks by norm, each by its own.",
    ),
    "ps2_turning": Question(
        answer="turning",
        points=10,
        exercise=EXERCISES["ps2 turning"],
        objective="Measure how far clipping by value turns a gradient.",
    ),
}
ESSAYS = {}
