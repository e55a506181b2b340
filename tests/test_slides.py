"""Slides: all that a lesson shows, in its order, on pages that need no network; and formulas as drawings."""

import re

import nbformat
import pytest

from tests.notebook import LESSONS, read
from tools import formulas, slides

TEACHING = LESSONS[1:]


@pytest.mark.parametrize("path", LESSONS, ids=lambda path: path.stem)
def test_every_figure_and_guess_is_there_in_its_order(path):
    shown = slides.slides(read(path))
    wanted, left_out = [], False
    for cell in read(path).cells:
        if cell.cell_type == "markdown":
            for title in re.findall(r"^## (.*)$", cell.source, re.M):
                left_out = title in slides.LEFT_OUT
        for output in [] if left_out else cell.get("outputs", []):
            page = str(output.get("data", {}).get("text/html", ""))
            pictures = page.count("<img ") or int("image/png" in output.get("data", {}))
            wanted += ["guess"] * ("Run this cell to make" in page) + ["figure"] * pictures
    assert [slide.kind for slide in shown if slide.kind in ("guess", "figure")] == wanted
    assert shown[0].kind == "title" and shown[0].heading.startswith(path.name[:2])
    for slide in shown:
        assert slide.text or slide.picture
        assert not re.search(r"</?(?!img)\w+>|\]\(", slide.text), slide.text
        assert slide.kind != "figure" or len(slide.alt.split()) >= 8


@pytest.mark.parametrize("path", LESSONS, ids=lambda path: path.stem)
def test_every_guess_is_answered_before_the_next_as_in_the_lesson(path):
    """By a figure, or by a slide with what was measured. Two in a row are answered together in the lesson, too."""
    events = []
    for cell in read(path).cells:
        pages = [str(output.get("data", {}).get("text/html", "")) for output in cell.get("outputs", [])]
        events += ["guess"] * sum("Run this cell to make" in page for page in pages)
        if any("Measured: " in page for page in pages):
            events.append("answer")
            words = "".join(slide.text for slide in slides.slides(read(path)) if slide.kind == "answer")
            for answer in re.findall(r"Measured: .*?</p>", "".join(pages)):
                assert "a curve" in answer or "<img " in "".join(pages) or slides._words(answer) in words
    shown = [slide.kind for slide in slides.slides(read(path)) if slide.kind in ("guess", "figure", "answer")]
    rounds = [part.split() for part in " ".join(events).split("guess")[1:]]
    answered = [part.split() for part in " ".join(shown).split("guess")[1:]]
    assert len(rounds) == len(answered)
    assert all(there or not wanted for wanted, there in zip(rounds, answered, strict=True))
    assert answered[-1] and [there for there in answered if not there] == [there for there in rounds if not there]


def test_the_clinic_shows_each_claim_and_its_code_before_the_guess():
    path = next(path for path in LESSONS if path.stem == "14_clinic")
    kinds = [slide.kind for slide in slides.slides(read(path))]
    claims = [slide.text for slide in slides.slides(read(path)) if slide.kind == "box"]
    assert len(claims) == 10 and all(re.match("[“].+”$", claim, re.S) for claim in claims)
    assert [kinds[i : i + 3] for i, kind in enumerate(kinds) if kind == "box"] == [["box", "code", "guess"]] * 10
    first = next(slide.text for slide in slides.slides(read(path)) if slide.kind == "code")
    assert '"B": lambda' in first and "B: moved by 0.000" in first, "what the first guess calls A, B and C"
    guess = next(slide.text for slide in slides.slides(read(path)) if slide.kind == "guess")
    assert "B is a GRU's unit" in guess


@pytest.mark.parametrize("path", LESSONS, ids=lambda path: path.stem)
def test_boxes_and_tables_in_the_open_are_there(path):
    shown = [slide for slide in slides.slides(read(path)) if slide.kind in ("box", "table")]
    rows, left_out = set(), False
    for cell in read(path).cells:
        for line in slides.FOLD.sub("", cell.source).splitlines() if cell.cell_type == "markdown" else []:
            if line.startswith("## "):
                left_out = line.removeprefix("## ") in slides.LEFT_OUT
            if re.match(r"\|.*\|$", line) and not left_out:
                rows.add(slides._without_links(line))
    assert rows == {line for slide in shown for line in slide.text.splitlines() if line.startswith("|")}
    assert all(len(slide.text.splitlines()) <= slides.ROWS + 2 for slide in shown)


@pytest.mark.parametrize("path", TEACHING[3:5], ids=lambda path: path.stem)
def test_a_page_needs_no_network_and_every_formula_is_set(path, tmp_path):
    *_, index = slides.write([path], tmp_path)
    text = (tmp_path / f"{path.stem}.html").read_text(encoding="utf-8")
    without_data = re.sub(r'"data:[^"]*"', '""', text)
    assert not re.search(r"https?://|src=\"(?!\")|<link|@import", without_data)
    assert 'class="unset"' not in text
    assert len(re.findall(r'<section class="slide', text)) == len(slides.slides(read(path)))
    assert f'href="{path.stem}.html"' in index.read_text(encoding="utf-8")


def test_answers_in_folds_are_left_out():
    cells = [
        nbformat.v4.new_markdown_cell("# 99 · A question?\n\n**You will**\n- see;\n"),
        nbformat.v4.new_markdown_cell(
            "## One\n\n- first\n  goes on\n- second\n\n$$a$$\n<details><summary>A</summary>\n\n- $$b$$\n</details>"
        ),
        nbformat.v4.new_markdown_cell(
            "## Check yourself\n\n<details><summary>True or false: W<sub>h</sub>?</summary>\n\nFalse.\n</details>"
        ),
        nbformat.v4.new_markdown_cell("## Your turn\n\n- nothing"),
    ]
    shown = slides.slides(nbformat.v4.new_notebook(cells=cells))
    assert [(slide.kind, slide.text) for slide in shown] == [
        ("title", "- see;"),
        ("list", "- first goes on\n- second"),
        ("equations", "$$a$$"),
        ("list", "- True or false: $W_{h}$?"),
    ]


def test_a_line_that_begins_with_a_number_is_no_item():
    text = "The default draws around\n0. On the same seeds it had\n10. In all.\n\n1. one\n   goes on\n2. two\n\n- three"
    assert slides._items(text) == ["1. one goes on", "2. two", "- three"]


def test_words_of_a_guess_keep_what_stands_above_and_below():
    assert slides._words("log<sub>10</sub> of c") == r"$\log_{10}$ of c"
    assert slides._words("e<sup>−softplus(a)</sup> is") == r"$e^{-\mathrm{softplus}(a)}$ is"
    assert slides._words("W<sub>h</sub>, &sigma;<sub>1</sub>".replace("&sigma;", "σ")) == r"$W_{h}$, $\sigma_{1}$"
    assert slides._words("‖W<sup>n</sup>‖ < 2 * 3") == r"‖$W^{n}$‖ < 2 \* 3"


def test_words_within_a_formula_stand_apart():
    assert formulas.in_matplotlibs_words(r"\text{mean of it}") == r"\mathrm{mean\ of\ it}"
    first, second = formulas._rows(r"\begin{aligned} a &= b && \text{before} \\ c &= d \end{aligned}")
    assert r"\quad \text{before}".replace(" ", "") in first.replace(" ", "") and second == "c  = d"


@pytest.mark.parametrize(
    "source",
    [
        r"\tfrac14 \lVert J \rVert",
        r"\begin{pmatrix} 2 & -2 \\ .6 & -.6 \end{pmatrix}",
        r"\underbrace{a_{t}}_{\text{b}} + c",
        r"x \le \sqrt2",
        r"\Big\lVert \frac{a}{b} \Big\rVert",
    ],
)
def test_formulas_are_drawn_in_line(source):
    page = formulas.markdown(f"As ${source}$ says.")
    assert page.count('<img class="formula"') == 1 and "unset" not in page and page.startswith("<p>As <img")


def test_rows_are_set_below_each_other_and_what_is_unknown_is_shown_as_it_is():
    page = formulas.markdown("$$\\begin{aligned} a &= b \\\\ c &= d \\end{aligned}$$")
    assert page.count("<img") == 2 and "<br>" in page
    assert '<code class="unset">' in formulas.markdown(r"$\nonsense{a}$")


@pytest.mark.parametrize(
    "hostile", ["<script>alert(1)</script>", "<img src=x onerror=alert(1)>", '$a" onload="alert(1)$']
)
def test_no_tag_of_a_text_gets_through(hostile):
    page = formulas.markdown(hostile)
    assert not re.search(r"<script|<img src=x|\" onload=", page)
