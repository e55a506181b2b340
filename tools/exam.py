"""Papers from the exam bank: `python -m tools.exam`, or `make exam`. Nothing is fetched.

`exam/bank.toml` holds slots of questions that may stand for each other: the same objective, kind and points. A paper
takes one question of each slot, so all papers have equal weight. With `--lessons 01 02 03` (LESSONS="01 02 03") it
takes none that needs another lesson, and a slot that has no question left is in no paper. Written are

| file | for |
|---|---|
| paper-SEED.html | the students: printable, answers left out |
| key-SEED.html | who marks: the answers, what is wrong with each usual mistake, and rubrics |
| moodle.xml | Moodle's question bank, the bank with a category for each slot; only with --moodle |

Two seeds give papers that differ; the same seed gives the same paper again. Without one, twelve digits are drawn.
"""

import argparse
import random
import secrets
import sys
import tomllib
import xml.etree.ElementTree as xml
from collections.abc import Collection
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import jinja2

from tools import formulas

ROOT = Path(__file__).resolve().parent.parent
BANK = ROOT / "exam" / "bank.toml"
KINDS = {"number": {"answer", "tolerance"}, "choice": {"right"}, "words": {"rubric"}}
COMMON = {"id", "text", "lesson", "solution", "mistakes"}
GUESSED = 10**11  # a seed below is found by trying, and the bank is public
ASPECTS = 5  # what a good answer in words says, and so many parts its points have


@dataclass(frozen=True)
class Slot:
    """Questions that may stand for each other. kind: "number", "choice" or "words"; points: of each of them.

    Each question has a "lesson", which is one of the slot's: the last one that it needs.
    """

    name: str
    lessons: tuple[str, ...]
    kind: str
    points: int
    objective: str
    questions: tuple[dict[str, Any], ...]


@dataclass(frozen=True)
class Drawn:
    """One question of a paper: its slot, itself, and the options of a choice in the order of this paper."""

    slot: Slot
    question: dict[str, Any]
    options: tuple[str, ...] = ()


def load(path: Path = BANK) -> list[Slot]:
    """The bank's slots. Raises ValueError naming the question that is not of the form."""
    with open(path, "rb") as file:
        entries = tomllib.load(file)["slot"]
    slots = []
    for entry in entries:
        questions = tuple(entry.pop("question"))
        if len(entry["lessons"]) == 1:
            questions = tuple({"lesson": entry["lessons"][0], **question} for question in questions)
        slots.append(Slot(**{**entry, "lessons": tuple(entry["lessons"]), "questions": questions}))
    ids = [question.get("id") for slot in slots for question in slot.questions]
    for slot in slots:
        if slot.kind not in KINDS:
            raise ValueError(f"{slot.name}: got the kind {slot.kind!r}, wants one of {', '.join(KINDS)}")
        for question in slot.questions:
            wanted = COMMON | KINDS[slot.kind]
            if set(question) != wanted or ids.count(question["id"]) != 1:
                raise ValueError(
                    f"{question.get('id')}: wants an id of its own and exactly {', '.join(sorted(wanted))}"
                )
            if question["lesson"] not in slot.lessons:
                raise ValueError(f"{question['id']}: got the lesson {question['lesson']!r}, wants one of its slot's")
            if not question["mistakes"]:
                raise ValueError(f"{question['id']}: wants a usual mistake or more, each with the reason")
            if slot.kind == "words" and (len(question["rubric"]) != ASPECTS or slot.points % ASPECTS):
                raise ValueError(f"{question['id']}: wants a rubric of {ASPECTS} aspects, and points that they share")
            if slot.kind == "number" and any(is_right(question, wrong) for wrong, _ in question["mistakes"]):
                raise ValueError(f"{question['id']}: a mistake lies within the tolerance of the answer")
    return slots


def taught(slots: list[Slot], lessons: Collection[str]) -> list[Slot]:
    """The slots with the questions that these lessons are enough for, such as {"01", "02"}.

    Raises ValueError if there are none.
    """
    kept = [
        replace(slot, questions=tuple(question for question in slot.questions if question["lesson"] in lessons))
        for slot in slots
    ]
    if not any(slot.questions for slot in kept):
        asked = sorted({question["lesson"] for slot in slots for question in slot.questions})
        raise ValueError(f"--lessons: got {' '.join(sorted(lessons))}, wants some of {' '.join(asked)}")
    return [slot for slot in kept if slot.questions]


def is_right(question: dict[str, Any], number: float) -> bool:
    """Whether a number is close enough to the answer of a question that asks for one."""
    return bool(abs(number - question["answer"]) <= question["tolerance"] * abs(question["answer"]) + 1e-12)


def draw(slots: list[Slot], seed: int) -> list[Drawn]:
    """A paper: one question of each slot, in the bank's order, from the seed alone."""
    rng = random.Random(seed)
    paper = []
    for slot in slots:
        question = rng.choice(slot.questions)
        options = [question["right"], *(wrong for wrong, _ in question["mistakes"])] if slot.kind == "choice" else []
        rng.shuffle(options)
        paper.append(Drawn(slot, question, tuple(options)))
    return paper


# ---------------------------------------------------------------------------------------------------------------------
# Pages to print

PAGE = ROOT / "exam" / "page.html"


def page(paper: list[Drawn], title: str, key: bool = False) -> str:
    """A paper as an HTML page without scripts and links; with `key`, answers, mistakes and rubrics as well."""
    words = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined)
    words.filters["md"] = lambda text: jinja2.utils.markupsafe.Markup(formulas.markdown(text))
    points = sum(drawn.slot.points for drawn in paper)
    paper = [Drawn(d.slot, {"mistakes": [], "rubric": [], **d.question}, d.options) for d in paper]
    return words.from_string(PAGE.read_text(encoding="utf-8")).render(paper=paper, title=title, key=key, points=points)


# ---------------------------------------------------------------------------------------------------------------------
# Moodle


def moodle(slots: list[Slot]) -> str:
    """The bank as Moodle XML, a category for each slot, so that a quiz may draw one at random of each."""
    quiz = xml.Element("quiz")
    for slot in slots:
        _text(
            _add(_add(quiz, "question", type="category"), "category"),
            f"$course$/top/Gradients through time/{slot.name}",
        )
        for question in slot.questions:
            kind = {"number": "numerical", "choice": "multichoice", "words": "essay"}[slot.kind]
            entry = _add(quiz, "question", type=kind)
            _text(_add(entry, "name"), question["id"])
            _html(_add(entry, "questiontext", format="html"), question["text"])
            _html(_add(entry, "generalfeedback", format="html"), "" if slot.kind == "words" else question["solution"])
            for name, value in (
                ("defaultgrade", slot.points),
                ("penalty", 0),
                ("hidden", 0),
                ("idnumber", question["id"]),
            ):
                _add(entry, name).text = str(value)
            {"number": _numerical, "choice": _multichoice, "words": _essay}[slot.kind](entry, slot, question)
    xml.indent(quiz, " ")
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + xml.tostring(quiz, encoding="unicode") + "\n"


def _add(parent: xml.Element, name: str, **attributes: str) -> xml.Element:
    return xml.SubElement(parent, name, attributes)


def _text(parent: xml.Element, text: str) -> None:
    _add(parent, "text").text = text


def _html(parent: xml.Element, text: str) -> None:
    """Words with formulas as Moodle's MathJax filter reads them, \\( ... \\)."""
    words = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    _text(parent, formulas.FORMULA.sub(lambda found: rf"\({found[1] or found[2]}\)", words))


def _answer(entry: xml.Element, fraction: int, text: str, feedback: str, form: str) -> xml.Element:
    answer = _add(entry, "answer", fraction=str(fraction), format=form)
    (_html if form == "html" else _text)(answer, text)
    _html(_add(answer, "feedback", format="html"), feedback)
    return answer


def _numerical(entry: xml.Element, slot: Slot, question: dict[str, Any]) -> None:
    width = question["tolerance"] * abs(question["answer"])
    answers = [(100, question["answer"], "")] + [(0, wrong, f"{why}.") for wrong, why in question["mistakes"]]
    for fraction, number, why in answers:
        answer = _answer(entry, fraction, repr(number), why, "moodle_auto_format")
        _add(answer, "tolerance").text = f"{width if fraction else min(width, 0.002 * abs(number)):.6g}"


def _multichoice(entry: xml.Element, slot: Slot, question: dict[str, Any]) -> None:
    for name, value in (("single", "true"), ("shuffleanswers", "true"), ("answernumbering", "ABCD")):
        _add(entry, name).text = value
    _answer(entry, 100, question["right"], "", "html")
    for wrong, why in question["mistakes"]:
        _answer(entry, 0, wrong, f"{why}.", "html")


def _essay(entry: xml.Element, slot: Slot, question: dict[str, Any]) -> None:
    each = slot.points // ASPECTS
    rubric = "; ".join(question["rubric"])
    mistakes = "; ".join(f"“{wrong}” {why}" for wrong, why in question["mistakes"])
    for name, value in (
        ("responseformat", "editor"),
        ("responserequired", 1),
        ("responsefieldlines", 15),
        ("attachments", 0),
    ):
        _add(entry, name).text = str(value)
    _html(
        _add(entry, "graderinfo", format="html"),
        f"{each} points for each: {rubric}. For example: {question['solution']} Usual mistakes: {mistakes}.",
    )
    _text(_add(entry, "responsetemplate", format="html"), "")
    _answer(entry, 0, "", "", "moodle_auto_format")


def main(arguments: list[str] | None = None) -> int:
    """Write a paper and its key, and Moodle's file where it is asked for."""
    parser = argparse.ArgumentParser(prog="python -m tools.exam", description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, help="of twelve digits, for you alone: draws the paper (a new one)")
    parser.add_argument("--lessons", nargs="+", metavar="01", help="those that were taught (all)")
    parser.add_argument("--out", type=Path, default=ROOT / "exam" / "papers", help="a folder (exam/papers)")
    parser.add_argument("--moodle", action="store_true", help="write the bank for Moodle, too")
    options = parser.parse_args(arguments)
    lessons = sorted({name.zfill(2) for name in options.lessons or []})
    try:
        slots = taught(load(), lessons) if lessons else load()
    except ValueError as error:
        print(error, file=sys.stderr)
        return 2
    seed = GUESSED + secrets.randbelow(9 * GUESSED) if options.seed is None else options.seed
    if seed < GUESSED:
        print(f"--seed {seed} can be guessed: for a paper that counts take one of twelve digits.", file=sys.stderr)
    paper, title = draw(slots, seed), f"Gradients through time, paper {seed}"
    title += f", lessons {', '.join(lessons)}" if lessons else ""
    texts = {f"paper-{seed}.html": page(paper, title), f"key-{seed}.html": page(paper, f"{title}: key", key=True)}
    if options.moodle:
        texts["moodle.xml"] = moodle(slots)
    options.out.mkdir(parents=True, exist_ok=True)
    for name, text in texts.items():
        (options.out / name).write_text(text, encoding="utf-8")
        print(options.out / name)
    return 0


if __name__ == "__main__":
    sys.exit(main())
