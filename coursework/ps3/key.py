"""Key of assignment 3, the gated cell: for instructors only."""

from course_utils.checks.ps3 import EXERCISES
from coursework.grader.question import Question

QUESTIONS = {
    "ps3_GRU_steps": Question(
        answer="gru_steps",
        points=15,
        exercise=EXERCISES["ps3 GRU steps"],
        objective="Write a step of the GRU, with the reset gate before and after the product.",
    ),
    "ps3_import_weights": Question(
        answer="import_weights",
        points=10,
        exercise=EXERCISES["ps3 import weights"],
        objective="Translate weights between two conventions of the update gate and of the row order.",
    ),
    "ps3_repaired_run": Question(
        answer="repaired_run",
        points=10,
        exercise=EXERCISES["ps3 repaired run"],
        objective="Find and repair the mistake that turns a memory into none.",
    ),
    "ps3_readout_loss": Question(
        answer="readout_loss",
        points=10,
        exercise=EXERCISES["ps3 readout loss"],
        objective="Find a broadcasting bug that raises no error.",
    ),
    "ps3_gate_by_state": Question(
        answer="gate_by_state",
        points=10,
        exercise=EXERCISES["ps3 gate by state"],
        objective="Differentiate a gate by the state it reads.",
    ),
    "ps3_state_by_gate": Question(
        answer="state_by_gate",
        points=5,
        exercise=EXERCISES["ps3 state by gate"],
        objective="Differentiate the new state by the gate that mixes it.",
    ),
    "ps3_reset_by_state": Question(
        answer="reset_by_state",
        points=10,
        exercise=EXERCISES["ps3 reset by state"],
        objective="Use the product rule where a state is multiplied by a gate that reads it.",
    ),
    "ps3_candidate_by_state": Question(
        answer="candidate_by_state",
        points=10,
        exercise=EXERCISES["ps3 candidate by state"],
        objective="Put matrices and diagonals of a chain in the right order.",
    ),
    "ps3_GRU_jacobian": Question(
        answer="gru_jacobian",
        points=20,
        exercise=EXERCISES["ps3 GRU jacobian"],
        objective="Assemble the four paths of a GRU's gradient.",
    ),
}
ESSAYS = {}
