"""A guess that the reader commits to before a cell is run, and what was measured beside it.

    guess = predict("After how many steps is half left?", number=(1, 1000), unit="steps", log=True)

shows the question and an input, and returns at once. In a later cell, after the measurement,

    guess.draw(ax)
    guess.compare(38, meanings={4: "A guess near 4 would mean that ..."})

put the guess into a figure and beside the number. Where nobody has guessed, `draw` does nothing and `compare` says only
what was measured, so that a notebook runs from top to bottom without anybody there. What was measured, and what a wrong
guess would mean, come in `compare`, since the page holds all that `predict` is given.

Text is plain, as in `course_utils.widgets`: h_t or W_{xr} for an index, 10^k for a power.
"""

import html
import json
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import anywidget
import numpy as np
import traitlets
from IPython.display import display
from matplotlib.axes import Axes
from numpy.typing import ArrayLike

from course_utils import _page, _validate, figures

POINTS = 8  # of a drawn curve
LONGEST_WHY = 500  # letters
RIGHT = 1.1  # a number is right within this factor, or a tenth of itself
NEAR = 2.0  # and near within this one, on a log scale
NAME = "your guess"
COLOUR = "#8C6D00"  # no model's and no path's

_committed: dict[str, tuple[Any, str]] = {}  # {spec: value, why}: running a cell once more keeps its guess


def predict(
    question: str,
    *,
    choices: Sequence[str] | None = None,
    number: tuple[float, float] | None = None,
    curve: Mapping[str, tuple[float, float]] | None = None,
    unit: str = "",
    log: bool = False,
    whole: bool = False,
    xlabel: str = "",
    ylabel: str = "",
) -> "Guess":
    """Show a question with an input for a guess. See the head of this module for an example.

    Exactly one of these says what kind of guess it is:

    choices  two or more different answers, one of which is chosen.
    number   (lowest, highest) number that can be guessed.
    curve    {"x": (left, right), "y": (lowest, highest)}, axes to draw a curve on.

    unit            of a number, written after it.
    log             True: number or y counts in factors; its limits are above 0.
    whole           True: number is a count, and a fraction is refused.
    xlabel, ylabel  of the axes of a curve.

    Returns the Guess; its `value` is None until the reader commits. A question that is shown again in the same session
    keeps the guess that was committed. Raises ValueError naming the argument.
    """
    if not isinstance(question, str) or not question.strip():
        raise ValueError(f"question: got {question!r}, wants a question in words")
    given = [name for name, kind in (("choices", choices), ("number", number), ("curve", curve)) if kind is not None]
    if len(given) != 1:
        raise ValueError(f"choices, number, curve: got {' and '.join(given) or 'none'}, wants exactly one of them")
    spec: dict[str, Any] = {"kind": given[0], "question": question, "log": bool(log)}
    spec |= {name: _words(name, text) for name, text in {"unit": unit, "xlabel": xlabel, "ylabel": ylabel}.items()}
    if whole and number is None:
        raise ValueError(f"whole: got {whole!r} with {given[0]}, wants it with a number only")
    if choices is not None:
        spec["choices"] = _choices(choices)
    elif number is not None:
        spec["limits"] = _limits("number", number, log)
        if whole and not all(end.is_integer() for end in spec["limits"]):
            raise ValueError(f"number: got {number!r}, wants whole limits, since whole=True")
        spec |= {"whole": True} if whole else {}
        spec["range"] = f"from {_number(spec['limits'][0])} to {_number(spec['limits'][1], unit)}"
    elif curve is not None:
        if not isinstance(curve, Mapping) or set(curve) != {"x", "y"}:
            raise ValueError(f'curve: got {curve!r}, wants {{"x": (left, right), "y": (lowest, highest)}}')
        spec["x"] = _evenly(_limits('curve["x"]', curve["x"], False), POINTS).tolist()
        spec["limits"] = _limits('curve["y"]', curve["y"], log)
    guess = Guess(spec)
    data, metadata = guess._repr_mimebundle_()  # display(guess) would leave out words with ipywidgets 7
    display(data, metadata=metadata, raw=True)
    return guess


class Guess(anywidget.AnyWidget):
    """What the reader guesses; made by `predict`.

    spec   what is asked, for the page.
    state  {"value", "why", "words", "revealed"} of the guess that is committed, for the page. Nothing is read back from
           it: a guess comes as a message, and is taken only where it answers the question.
    """

    _esm = _page.script("predict")
    _css = Path(__file__).with_name("predict.css")
    spec = traitlets.Dict().tag(sync=True)
    state = traitlets.Dict().tag(sync=True)

    def __init__(self, spec: dict) -> None:
        self._asked = spec
        self._value, self._why = _committed.get(json.dumps(spec), (None, ""))
        self._revealed = False
        super().__init__(spec=spec, state=self._told())
        self.on_msg(self._receive)

    @property
    def value(self) -> Any:
        """The guess that was committed: a choice (str), a number (float), a curve (8,) at `x`, or None."""
        return self._value.copy() if isinstance(self._value, np.ndarray) else self._value

    @property
    def why(self) -> str:
        """The reader's own sentence on it, "" if there is none."""
        return self._why

    @property
    def x(self) -> np.ndarray | None:
        """(8,) where a curve's points stand; None for another kind of guess."""
        return np.array(self._asked["x"]) if self._asked["kind"] == "curve" else None

    def draw(self, ax: Axes, axis: str = "x") -> Axes:
        """Put the guess into a figure: a curve as a dashed line, a number as one across the axes.

        axis  "x" or "y", the one that a number is guessed on.

        Without a guess nothing is drawn. Returns the axes. Raises ValueError where the guess is one of several choices.
        """
        _validate.choice("axis", axis, ("x", "y"))
        if self._asked["kind"] == "choices":
            raise ValueError("draw: got a guess among choices, wants one of a number or of a curve")
        if self._value is None:
            return ax
        self._reveal()
        if self._asked["kind"] == "curve":
            return _draw_curve(ax, np.array(self._asked["x"]), self._value)
        return _draw_number(ax, self._value, axis, f"{NAME}: {self._said()}")

    def compare(self, measured: Any, *, x: ArrayLike | None = None, meanings: Mapping | None = None) -> None:
        """Display what was measured, and beside it the guess, if one was made.

        measured  of the kind that was asked for: one of the choices, a number, or (N,) of a curve; NaN is a gap.
        x         (N,) increasing, where a curve was measured; evenly over the axes unless given.
        meanings  {wrong guess: what it would mean, in a sentence}, shown where the guess is nearer to that one than to
                  what was measured. For a curve {name: (N,)} or {name: ((N,), sentence)}, at the same x.

        Raises ValueError naming the argument, whether or not there is a guess.
        """
        answers: dict[str, Callable] = {"choices": self._of_choice, "number": self._of_number, "curve": self._of_curve}
        if x is not None and self._asked["kind"] != "curve":
            raise ValueError(f"x: got one for a guess of kind {self._asked['kind']}, wants it with a curve only")
        truth, verdict, meaning = answers[self._asked["kind"]](measured, x, dict(meanings or {}))
        if self._value is None:
            return _say([f"Measured: {truth}."])
        self._reveal()
        _say([f"Your guess: {self._said()}. Measured: {truth}.", verdict, *filter(None, [meaning])], self._why)

    def __repr__(self) -> str:
        return f"Guess: {self._asked['question']}"

    # ------------------------------------------------------------ with the page

    def _receive(self, _: object, content: object, buffers: object) -> None:
        """A message from the page: a guess that is taken, or refused with a reason."""
        if not isinstance(content, dict) or content.get("kind") != "commit":
            return
        try:
            if self._revealed:
                raise ValueError("What was measured has been shown, so this guess stays as it is.")
            value, why = self._checked(content.get("value")), _one_sentence(content.get("why", ""))
        except ValueError as error:
            self.send({"kind": "refused", "says": str(error)})
            return
        self._value, self._why = value, why
        _committed[json.dumps(self._asked)] = value, why
        self.state = self._told()
        self.send({"kind": "taken"})

    def _checked(self, value: object) -> Any:
        """What the page sent as a value, if it answers the question."""
        if self._asked["kind"] == "choices":
            if not isinstance(value, str) or value not in self._asked["choices"]:
                raise ValueError("Please choose one of the answers.")
            return value
        count = 1 if self._asked["kind"] == "number" else POINTS
        given = value if isinstance(value, list) else [value]
        if len(given) != count or isinstance(value, list) != (self._asked["kind"] == "curve"):
            raise ValueError(f"Please give {'a number' if count == 1 else f'all {count} points'}.")
        try:
            numbers = [_validate.number("value", each) for each in given]
        except (ValueError, TypeError, OverflowError):  # an int may be too large for a float
            raise ValueError("Please give a number.") from None
        low, high = self._asked["limits"]
        hair = 1e-9  # what a point at the very end of an axis may lose on its way
        if not all(low - hair * abs(low) <= each <= high + hair * abs(high) for each in numbers):
            raise ValueError(f"Please stay within {_number(low)} and {_number(high)}.")
        if self._asked.get("whole") and not numbers[0].is_integer():
            raise ValueError("Please give a whole number: it is a count.")
        inside = np.clip(numbers, low, high)
        return float(inside[0]) if count == 1 else inside

    def _told(self) -> dict:
        """What the page knows of the guess."""
        value = self._value.tolist() if isinstance(self._value, np.ndarray) else self._value
        words = "" if value is None else self._said()
        return {"value": value, "why": self._why, "words": words, "revealed": self._revealed}

    def _reveal(self) -> None:
        self._revealed = True
        self.state = self._told()

    def _said(self) -> str:
        """The guess in words."""
        if self._asked["kind"] == "choices":
            return self._value
        return _number(self._value, self._asked["unit"]) if self.x is None else _curve_words(self._value)

    def _repr_mimebundle_(self, **kwargs: Any) -> tuple[dict, dict]:
        """The widget, and for a page without a kernel the question in words."""
        shown = super()._repr_mimebundle_(**kwargs)  # (data, metadata), or data alone
        data, metadata = shown if isinstance(shown, tuple) else (shown or {}, {})
        spec = self._asked
        how = {
            "choices": "".join(f"<li>{_marked(choice)}</li>" for choice in spec.get("choices", ())),
            "number": f"<li>a {'whole ' * ('whole' in spec)}number {_marked(spec.get('range', ''))}</li>",
            "curve": f"<li>a curve: {_marked(spec['ylabel'] or 'y')} over {_marked(spec['xlabel'] or 'x')}</li>",
        }[spec["kind"]]
        words = f"<p><strong>{_marked(spec['question'])}</strong></p><ul>{how}</ul>"
        words = f"<div>{words}<p><em>Run this cell to make a guess.</em></p></div>"
        return {**data, "text/html": words, "text/plain": spec["question"]}, metadata

    # ------------------------------------------------------------ the guess beside what was measured

    def _of_choice(self, measured: Any, x: None, meanings: dict) -> tuple[str, str, str]:
        """What was measured, how near the guess is to it, and what the guess would mean; each in words."""
        truth = _validate.choice("measured", measured, self._asked["choices"])
        for wrong, sentence in meanings.items():
            _validate.choice("meanings", wrong, self._asked["choices"])
            _sentence(wrong, sentence)
        if self._value == truth:
            return truth, "That is right.", ""
        return truth, f"The measurement says otherwise. {TONE}", meanings.get(self._value, "")

    def _of_number(self, measured: Any, x: None, meanings: dict) -> tuple[str, str, str]:
        truth = self._counted("measured", measured)
        wrong = [(self._counted("meanings", at), _sentence(at, sentence)) for at, sentence in meanings.items()]
        words = _number(truth, self._asked["unit"])
        if self._value is None:
            return words, "", ""
        right, verdict = _number_verdict(self._value, truth, self._asked["limits"], self._asked["log"])
        scale = np.log if self._asked["log"] else float
        return (
            words,
            verdict,
            ""
            if right
            else _nearer(
                abs(scale(self._value) - scale(truth)),
                [(abs(scale(self._value) - scale(at)), sentence) for at, sentence in wrong],
            ),
        )

    def _of_curve(self, measured: Any, x: ArrayLike | None, meanings: dict) -> tuple[str, str, str]:
        seen = self._a_curve("measured", measured, "N")
        xs = _evenly(self._asked["x"], len(seen)) if x is None else _validate.array("x", x, (len(seen),))
        if not np.all(np.diff(xs) > 0):
            raise ValueError("x: got values that don't increase, wants each above the one before")
        truth, rivals = self._at_points("measured", xs, seen), []
        for name, given in meanings.items():
            pair = isinstance(given, tuple) and len(given) == 2 and isinstance(given[1], str)
            values, sentence = given if pair else (given, f"It lies nearer to “{name}” than to what was measured.")
            rival = self._a_curve(f"meanings[{name!r}]", values, len(seen))
            rivals.append((self._at_points(f"meanings[{name!r}]", xs, rival), _sentence(name, sentence)))
        words = _curve_words(seen[np.isfinite(seen)])
        if self._value is None:
            return words, "", ""
        guess, (low, high) = self._scaled(self._value), self._scaled(np.array(self._asked["limits"]))
        gaps = [np.abs(guess - each) for each in (truth, *(rival for rival, _ in rivals))]
        right, verdict = _curve_verdict(gaps[0], high - low, self._asked["log"])
        apart = [float(np.nanmean(gap)) for gap in gaps]
        others = [(distance, sentence) for distance, (_, sentence) in zip(apart[1:], rivals, strict=True)]
        return words, verdict, "" if right else _nearer(apart[0], others)

    def _counted(self, name: str, value: Any) -> float:
        """A number that has a place on the scale of the guess."""
        number = _validate.number(name, value)
        if self._asked["log"] and number <= 0:
            raise ValueError(f"{name}: got {number:g}, wants a number above 0, since log=True")
        return number

    def _a_curve(self, name: str, values: ArrayLike, length: int | str) -> np.ndarray:
        """(N,) with NaN for gaps, one number at least."""
        found = np.asarray(values, dtype=float)
        if found.ndim != 1 or found.size == 0 or (length != "N" and len(found) != length):
            raise ValueError(f"{name}: got shape {found.shape}, wants ({length},)")
        if np.any(np.isinf(found)) or np.all(np.isnan(found)):
            raise ValueError(f"{name}: got inf or nothing but NaN, wants numbers")
        if self._asked["log"] and np.any(found < 0):
            raise ValueError(f"{name}: got a negative number, wants none, since log=True")
        return found

    def _scaled(self, values: np.ndarray) -> np.ndarray:
        """On the axis as it is drawn: log10 if log, and nothing outside, where nobody could have drawn."""
        inside = np.clip(values, *self._asked["limits"])
        return np.log10(inside) if self._asked["log"] else inside

    def _at_points(self, name: str, xs: np.ndarray, values: np.ndarray) -> np.ndarray:
        """(8,) scaled heights where the guess has its points, NaN where there are none."""
        kept = np.isfinite(values)
        heights = np.interp(self._asked["x"], xs[kept], self._scaled(values[kept]), left=np.nan, right=np.nan)
        if np.all(np.isnan(heights)):
            raise ValueError(f"{name}: got no number where the axes are, wants x within {self._asked['x'][0::7]}")
        return heights


# ---------------------------------------------------------------- what was given


def _words(name: str, text: object) -> str:
    if not isinstance(text, str):
        raise ValueError(f"{name}: got {text!r}, wants words")
    return text


def _choices(choices: Sequence[str]) -> list[str]:
    found = list(choices)
    if isinstance(choices, str) or len(found) < 2 or len(set(map(str, found))) < len(found):
        raise ValueError(f"choices: got {choices!r}, wants a list of at least two different answers")
    if not all(isinstance(choice, str) and choice.strip() for choice in found):
        raise ValueError(f"choices: got {choices!r}, wants words")
    return found


def _limits(name: str, ends: Sequence[float], log: bool) -> list[float]:
    low, high = _validate.array(name, ends, (2,)).tolist()
    if not low < high or (log and low <= 0):
        raise ValueError(f"{name}: got {ends!r}, wants (lowest, highest){', both above 0, since log=True' * bool(log)}")
    return [float(low), float(high)]


def _evenly(ends: Sequence[float], count: int) -> np.ndarray:
    return np.linspace(float(ends[0]), float(ends[-1]), count)


def _sentence(name: object, sentence: object) -> str:
    if not isinstance(sentence, str) or not sentence.strip():
        raise ValueError(f"meanings: got {sentence!r} for {name!r}, wants a sentence")
    return sentence


def _one_sentence(why: object) -> str:
    """What the page sent as the reader's sentence, in one line."""
    if not isinstance(why, str) or len(why) > LONGEST_WHY:
        raise ValueError(f"Please keep your sentence below {LONGEST_WHY} letters.")
    return " ".join("".join(letter if letter.isprintable() else " " for letter in why).split())


# ---------------------------------------------------------------- in words

TONE = "Being wrong here is how the lesson works."


def _number_verdict(guess: float, truth: float, limits: Sequence[float], log: bool) -> tuple[bool, str]:
    """Whether a number is right, and how near it is in words."""
    side = "high" if guess > truth else "low"
    off, span = abs(guess - truth), limits[1] - limits[0]
    if log:
        factor = max(guess / truth, truth / guess)
        right, near, by = factor <= RIGHT, factor <= NEAR, f"a factor of {_about(factor)}"
    else:
        right, near, by = off <= (RIGHT - 1) * abs(truth), off <= (RIGHT - 1) * span, _about(off)
    if right or off == 0:
        return True, "That is right, within 10 %."
    if near:
        return False, f"That is near: it is too {side} by {by}."
    return False, f"That is too {side} by {by}. {TONE}"


def _curve_verdict(gaps: np.ndarray, span: float, log: bool) -> tuple[bool, str]:
    """The same of a curve: how far its points are off (8,), NaN where nothing was measured; `span`: the axes' height.

    It is right where half of its points are very near and three quarters are near. One that follows a flat part and
    misses the rest isn't.
    """
    middle, most = np.nanquantile(gaps, [0.5, 0.75])
    by = _about(middle)
    if log:
        by = f"a factor of {_about(10**middle)}" if middle < 1 else f"{by} decades"
    half = f"half of your points are within {by} of what was measured."
    if middle <= 0.03 * span and most <= 0.1 * span:
        return True, f"That is right, as nearly as one can draw it: {half}"
    if middle <= 0.1 * span:
        return False, f"That is near: {half}"
    return False, f"What was measured runs elsewhere: half of your points are off by {by} or more. {TONE}"


def _nearer(to_truth: float, others: Sequence[tuple[float, str]]) -> str:
    """The sentence of the nearest of the wrong guesses, if what was measured isn't nearer."""
    distance, sentence = min(others, default=(np.inf, ""), key=lambda other: other[0])
    return sentence if distance < to_truth else ""


def _number(value: float, unit: str = "") -> str:
    """Three digits or more, and the unit.

    >>> _number(12345.6, "steps"), _number(3.2e-50), _number(1e-60), _number(-0.25)
    ('12346 steps', '3.2×10⁻⁵⁰', '10⁻⁶⁰', '−0.25')
    """
    if value == 0 or 1e-3 <= abs(value) < 1e6:
        digits = 0 if value == 0 else max(0, 2 - int(np.floor(np.log10(abs(value)))))
        text = f"{value:.{digits}f}"
        text = text.rstrip("0").rstrip(".") if "." in text else text
    else:
        factor, power = f"{value:.2e}".split("e")
        factor = factor.rstrip("0").rstrip(".")
        raised = str(int(power)).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))
        text = f"10{raised}" if factor == "1" else f"{factor}×10{raised}"
    return f"{text.replace('-', '−')} {unit}".strip()


def _about(value: float) -> str:
    """Two digits."""
    return _number(float(f"{value:.2g}"))


def _curve_words(values: np.ndarray) -> str:
    return f"a curve from {_about(values[0])} to {_about(values[-1])}"


def _marked(text: str) -> str:
    """Plain text as HTML, h_t and 10^{-3} with their indices and powers."""
    tags = {"_": "sub", "^": "sup"}
    return re.sub(
        r"([_^])(?:\{([^}]*)\}|(\w))",
        lambda found: f"<{tags[found[1]]}>{found[2] or found[3]}</{tags[found[1]]}>",
        html.escape(text),
    )


def _say(lines: Sequence[str], why: str = "") -> None:
    """Display a small block of sentences. The reader's own is the only one that isn't ours: nothing in it is read."""
    paragraphs = [_marked(line) for line in lines]
    if why:
        after = "Does that sentence still hold?"
        paragraphs.append(f"You wrote: <q>{html.escape(why)}</q> {after}")
        lines = [*lines, f"You wrote: “{why}” {after}"]
    style = "border-left:4px solid #A67C00;padding:0.1em 0.9em;margin:0.5em 0;max-width:46em"
    inside = "".join(f'<p style="margin:0.35em 0">{paragraph}</p>' for paragraph in paragraphs)
    display({"text/html": f'<div style="{style}">{inside}</div>', "text/plain": "\n".join(lines)}, raw=True)


# ---------------------------------------------------------------- in figures


def _draw_curve(ax: Axes, x: np.ndarray, y: np.ndarray) -> Axes:
    """A dashed line that is named at its end, the names that stand there already moved apart from it."""
    others = [line for line in ax.lines if line.get_gid()]
    written = [text for text in ax.texts if text.get_text() in {line.get_gid() for line in others}]
    ax.plot(x, y, color=COLOUR, linestyle=figures.DASHES[1], gid=NAME, zorder=3)
    nameless = [] if written else [(line, line.get_gid()) for line in others]  # their author names them elsewhere
    for text in written:
        text.remove()
    for line, _ in nameless:
        line.set_gid(None)
    figures.label_ends(ax)
    for line, name in nameless:
        line.set_gid(name)
    return ax


def _draw_number(ax: Axes, value: float, axis: str, words: str) -> Axes:
    """A dashed line across the axes, named at its end on the side where there is more room."""
    (ax.axvline if axis == "x" else ax.axhline)(
        value, color=COLOUR, linestyle=figures.DASHES[1], linewidth=1.4, zorder=1.5
    )
    here = ax.transData.transform((value, value) if axis == "x" else (ax.get_xlim()[0], value))
    across, up = ax.transAxes.inverted().transform(here)  # shares of width and height
    if axis == "x":
        spot, coords, offset = (value, 1.0), ax.get_xaxis_transform(), (-6 if across > 0.5 else 6, -12)
    else:
        spot, coords, offset = (1.0, value), ax.get_yaxis_transform(), (-6, -13 if up > 0.9 else 5)
    figures.mark(ax, *spot, words, offset, dot=False, colour=COLOUR)
    ax.texts[-1].xycoords = coords  # type: ignore[attr-defined]  # stays at the edge when the axes grow
    return ax
