"""A question whose answer is the student's own runs: collected as data, recomputed, shown to who marks the report."""

from dataclasses import dataclass
from typing import Any

from coursework.evidence import Evidence, findings
from coursework.grader.assignment import Assignment
from coursework.grader.question import Question


@dataclass(frozen=True, kw_only=True)
class Collected(Question):
    """Earns its points if the runs are of the form that is asked for, and agree with what is recomputed from them.

    evidence  "ps5 runs" or another form of `coursework.evidence`.
    """

    evidence: str
    right: Any = None

    def cases(self, trials: int) -> list[Any]:
        """The only case: there are no inputs."""
        return [Evidence(self.evidence)]


def numbers(assignment: Assignment, values: dict[str, Any]) -> list[list[str]]:
    """The tables of all own runs of a submission, from {grade_id: value}: what its report is held against."""
    table = []
    for grade_id, question in assignment.questions.items():
        if isinstance(question, Collected):
            complaint, rows = findings(question.evidence, values.get(grade_id))
            table += [[f"{question.name} could not be read: {complaint}"]] if complaint else rows
    return table
