"""A learner, played in JupyterLab: each lesson as `make lab` hands it out, cell by cell from the top.

She guesses wherever she is invited to, runs each cell, writes a wrong and then the right answer to every exercise, and
unfolds what is folded. Nothing may show an answer before its time. With LEARNER_PICTURES=folder, pictures of her way
are kept there, at 1280 and 375 pixels, light and dark.
"""

import os
import re
from pathlib import Path

import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from course_utils.checks.exercise import NOT_STARTED
from tests import chromium
from tests.notebook import LESSONS, ROOT, defines, folded_solutions, read
from tools import working_copies

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(bool(chromium.MISSING), reason=f"not on this machine: {', '.join(chromium.MISSING)}"),
]
PICTURES = os.environ.get("LEARNER_PICTURES")
CHECK = re.compile(r'^check\("([^"]+)", (\w+)\)', re.M)
NOTEBOOK = "const notebook = window.jupyterapp.shell.currentWidget.content;"
CELL = NOTEBOOK + "const cell = notebook.widgets[arguments[0]];"


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    """JupyterLab on a folder of working copies; its address."""
    folder = tmp_path_factory.mktemp("course") / "my_lessons"
    assert working_copies.refresh(ROOT, folder) == []
    (folder.parent / "data").symlink_to(ROOT / "data")
    with chromium.lab(folder) as url:
        yield url


@pytest.fixture(params=LESSONS, ids=lambda path: path.stem)
def learner(request, lab):
    """A browser that has just opened a lesson."""
    with chromium.chromium(1280, 1000) as driver:
        driver.get(f"{lab}lab/tree/{request.param.name}?reset")
        chromium.ready(driver)
        for side in ("left", "right"):  # a narrow window has no room for these
            if driver.execute_script(f"return !window.jupyterapp.shell.{side}Collapsed"):
                chromium.command(driver, f"application:toggle-{side}-area")
            chromium.command(driver, "application:toggle-side-tabbar", {"side": side})
        driver.lesson = request.param
        yield driver
        driver.execute_async_script(
            "window.jupyterapp.serviceManager.sessions.shutdownAll().then(arguments[arguments.length - 1])"
        )


def sources(driver):
    """[(type, source), ...] of all cells, as they stand in the browser."""
    script = NOTEBOOK + "return notebook.widgets.map(({ model }) => [model.type, model.sharedModel.getSource()]);"
    return driver.execute_script(script)


def outputs(driver, at):
    """What a cell has put out, as the notebook holds it."""
    return driver.execute_script(CELL + "return cell.model.outputs ? cell.model.outputs.toJSON() : [];", at)


def text(driver, at):
    """The words that a cell has printed or displayed."""
    found = []
    for output in outputs(driver, at):
        found.append(output.get("text") or "".join(output.get("data", {}).get("text/plain", "")))
    return "".join("".join(part) for part in found)


def run(driver, at, source=None):
    """Run a cell, with another source if one is given, and wait until the kernel idles."""
    if source is not None:
        driver.execute_script(CELL + "cell.model.sharedModel.setSource(arguments[1]);", at, source)
    driver.execute_script(NOTEBOOK + "notebook.activeCellIndex = arguments[0]; notebook.deselectAll();", at)
    chromium.command(driver, "notebook:run-cell")
    chromium.waits(
        driver,
        "return window.jupyterapp.shell.currentWidget.sessionContext.session.kernel.status === 'idle'",
        seconds=120,
    )
    errors = [output for output in outputs(driver, at) if output["output_type"] == "error"]
    assert errors == [], errors


def shown(driver, at):
    """A cell's element, scrolled into the window."""
    script = NOTEBOOK + "notebook.scrollToItem(arguments[0], 'center'); return notebook.widgets[arguments[0]].node;"
    driver.execute_async_script(
        NOTEBOOK + "const done = arguments[1]; notebook.scrollToItem(arguments[0], 'center').then(() => done());", at
    )
    return driver.execute_script(script, at)


def guess(driver, at):
    """Commit to a guess of whatever kind the cell wants, by keyboard."""
    node = shown(driver, at)
    chromium.waits(driver, "return arguments[0].querySelector('.predict[data-state=open]')", node, seconds=20)
    root = node.find_element(By.CSS_SELECTOR, ".predict")
    for points in [root.find_elements(By.CSS_SELECTOR, ".predict-point")]:
        for point in points:
            driver.execute_script("arguments[0].focus()", point)
            point.send_keys(Keys.ARROW_UP)
    for choice in root.find_elements(By.CSS_SELECTOR, "input[type=radio]")[:1]:
        driver.execute_script("arguments[0].click()", choice)
    for number in root.find_elements(By.CSS_SELECTOR, "input:not([type=radio])"):
        low = re.search(r"(?:between|from) ([\d.,e×⁻⁰¹²³⁴⁵⁶⁷⁸⁹−-]+) (?:and|to)", root.text)
        number.send_keys(
            driver.execute_script("return arguments[0].dataset.low || ''", number) or (low and low[1]) or "1"
        )
    root.find_element(By.CSS_SELECTOR, "textarea").send_keys("It seems so to me.")
    driver.execute_script("arguments[0].click()", root.find_element(By.CSS_SELECTOR, ".predict-commit"))
    chromium.waits(driver, "return arguments[0].dataset.state === 'committed'", root, seconds=20)


def solution(path, name):
    """The folded lines that solve an exercise: the last block that defines the name."""
    fitting = [block for block in folded_solutions(read(path)) if defines(block, name)]
    assert fitting, f"no folded solution defines {name}"
    return fitting[-1]


def wrong(source, name):
    """The exercise's own cell with an answer that can't be right."""
    if f"def {name}(" in source:
        head = re.search(rf"def {name}\(.*?\)(?: -> [^:]+)?:\n", source, re.S)[0]
        return f"{head}    return 1.2345"
    return f"{name} = 1.2345"


def answer(driver, at, source):
    """Leave the exercise alone, then answer it wrongly, then rightly."""
    asked, name = CHECK.search(source).groups()
    line = f'check("{asked}", {name})'
    run(driver, at)
    assert text(driver, at).strip() == NOT_STARTED
    run(driver, at, f"{wrong(source, name)}\n\n\n{line}")
    assert text(driver, at).startswith("Not yet: "), asked
    run(driver, at, f"{solution(driver.lesson, name)}\n\n{line}")
    assert text(driver, at).strip().splitlines()[-1].startswith("Right"), (asked, text(driver, at))


def pictures(driver, name):
    """Keep what the window shows, wide and narrow, light and dark."""
    if PICTURES:
        for theme in ("Light", "Dark"):
            chromium.command(driver, "apputils:change-theme", {"theme": f"JupyterLab {theme}"})
            for width in (1280, 375):
                chromium.resize(driver, width)
                Path(PICTURES).mkdir(exist_ok=True, parents=True)
                driver.save_screenshot(str(Path(PICTURES, f"{name}_{width}_{theme.lower()}.png")))
        driver.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
        chromium.command(driver, "apputils:change-theme", {"theme": "JupyterLab Light"})


def test_a_lesson_is_taken(learner):
    cells = sources(learner)
    assert all(outputs(learner, at) == [] for at, (kind, _) in enumerate(cells) if kind == "code")
    guesses = folds = compared = 0
    for at, (kind, source) in enumerate(cells):
        if kind == "markdown":
            node = shown(learner, at)
            assert learner.execute_script("return arguments[0].querySelectorAll('details[open]').length", node) == 0
            folds += unfold(learner, node)
        elif CHECK.search(source):
            answer(learner, at, source)
        else:
            run(learner, at)
            if "widgets.predict(" in source:
                guess(learner, at)
                guesses += 1
            if ".compare(" in source:
                assert "Your guess" in text(learner, at), source
            compared += text(learner, at).count("Your guess")
        if "widgets.predict(" in source or ".compare(" in source or "scenes." in source:
            shown(learner, at)
            pictures(learner, f"{learner.lesson.stem[:2]}_{at:02}")
    assert guesses >= 1 and folds >= 1
    assert compared >= guesses, "a guess that nothing is held against"


def unfold(driver, node):
    """Open all folds of a cell as a click does; how many there are."""
    summaries = node.find_elements(By.CSS_SELECTOR, "details > summary")
    for summary in summaries:
        driver.execute_script("arguments[0].click()", summary)
    opened = driver.execute_script("return arguments[0].querySelectorAll('details[open]').length", node)
    assert opened == len(summaries)
    return opened
