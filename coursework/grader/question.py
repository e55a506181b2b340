"""What an assignment's key says of each question: the answer's name, its points, and what it is held against."""

from dataclasses import dataclass

from course_utils.checks.exercise import Exercise


@dataclass(frozen=True)
class Question:
    """A question that the grader marks.

    answer     name of the function or variable in the student's notebook.
    points     what a right answer earns.
    exercise   the right answer, the inputs to draw and the known mistakes with their hints.
    objective  the learning objective that it measures.
    """

    answer: str
    points: int
    exercise: Exercise
    objective: str


@dataclass(frozen=True)
class Essay:
    """A question that a person marks.

    points  what the best level earns.
    prompt  as it stands in the notebook.
    rubric  {"2: names the mechanism": what an answer of this level says}: points, a colon, the level's name.
    model   a model answer, never shown to students before the deadline.
    """

    points: int
    prompt: str
    rubric: dict[str, str]
    model: str
