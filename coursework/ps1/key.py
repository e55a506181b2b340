"""Key of assignment 1, by hand: for instructors only."""

from course_utils.checks.ps1 import EXERCISES
from coursework.grader.question import Question

QUESTIONS = {
    "ps1_states": Question(
        answer="states",
        points=10,
        exercise=EXERCISES["ps1 states"],
        objective="Run a recurrent unit by hand, and in code that takes any sequence.",
    ),
    "ps1_rate": Question(
        answer="rate",
        points=10,
        exercise=EXERCISES["ps1 rate"],
        objective="Tell a resting state from the rate at which it forgets.",
    ),
    "ps1_gradients_to_past": Question(
        answer="gradients_to_past",
        points=15,
        exercise=EXERCISES["ps1 gradients to past"],
        objective="Compute how much the last state feels each earlier one.",
    ),
    "ps1_slopes": Question(
        answer="slopes",
        points=10,
        exercise=EXERCISES["ps1 slopes"],
        objective="Write the slope of an activation in its output, at the right step.",
    ),
    "ps1_step_jacobian": Question(
        answer="step_jacobian",
        points=10,
        exercise=EXERCISES["ps1 step jacobian"],
        objective="Carry the step's derivative over from one unit to many.",
    ),
    "ps1_requests": Question(
        answer="requests",
        points=15,
        exercise=EXERCISES["ps1 requests"],
        objective="Tell the direct from the total gradient of a state, and walk back through time.",
    ),
    "ps1_share": Question(
        answer="share",
        points=10,
        exercise=EXERCISES["ps1 share"],
        objective="Write one use's share in the gradient of a weight matrix.",
    ),
    "ps1_gradient_of_Wh": Question(
        answer="gradient_of_Wh",
        points=20,
        exercise=EXERCISES["ps1 gradient of Wh"],
        objective="Assemble backpropagation through time, with its sum over all uses of a weight.",
    ),
}
ESSAYS = {}
