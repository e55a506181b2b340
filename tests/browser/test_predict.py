"""Guesses in a real browser: in JupyterLab by mouse and by keyboard alone, and in an exported page with no kernel."""

import re

import numpy as np
import pytest
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from tests import chromium

pytestmark = pytest.mark.skipif(bool(chromium.MISSING), reason=f"not on this machine: {', '.join(chromium.MISSING)}")
CELLS = [
    """\
import numpy as np
from course_utils import figures, widgets
which = widgets.predict("Which of the three reaches back?", choices=["RNN", "GRU", "GRU, open gate"])""",
    'half = widgets.predict("After how many steps is half left?", number=(1, 1000), unit="steps", log=True)',
    """\
norm = widgets.predict("Draw the norm ‖∂h_t/∂h_k‖", curve={"x": (0, 70), "y": (1e-6, 1)}, log=True,
                       xlabel="lag in steps", ylabel="norm")""",
    """\
lag = np.arange(71)
measured = 0.9**lag
ax = figures.curves({"GRU": measured}, title="Norms", xlabel="lag", ylabel="norm", log=True)
norm.draw(ax)
figures.show(ax, alt=f"The norm of the Jacobians falls by a tenth a step, {len(ax.lines)} lines are drawn.")
which.compare("GRU, open gate", meanings={"RNN": "That would be the RNN.", "GRU": "That would be a plain gate."})
half.compare(38, meanings={4: "That would be a bias that works like a weight."})
norm.compare(measured, x=lag, meanings={"no decay": (lag * 0.0 + 1, "That would be no decay.")})
print(repr([which.value, which.why, half.value, half.why, None if norm.value is None else norm.value.tolist()]))""",
]
MEASURED = ["Measured: GRU, open gate.", "Measured: 38 steps.", "Measured: a curve from 1 to 6.3×10⁻⁴."]
MEASURING = 3  # the cell that measures
TEXT = "return document.querySelectorAll('.jp-Cell')[arguments[0]].querySelector('.jp-OutputArea')?.innerText || ''"


def guesses(driver):
    return driver.find_elements(By.CSS_SELECTOR, ".predict")


def part(root, selector):
    return root.find_element(By.CSS_SELECTOR, selector)


def ready(driver):
    chromium.waits(
        driver,
        "return document.querySelectorAll('.predict').length === 3 && document.querySelector('.predict-plot text')",
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("predict")
    chromium.write(folder / "predict.ipynb", *CELLS)
    return folder


@pytest.fixture(scope="module")
def server(folder):
    with chromium.lab(folder) as url:
        yield url


@pytest.fixture
def lab(server):
    """A browser that shows the notebook after Run All, on a fresh kernel."""
    with chromium.chromium(1100, 1300) as driver:
        chromium.open_and_run(driver, server, "predict.ipynb")
        ready(driver)
        chromium.waits(driver, f"{TEXT.replace('return ', 'return (')}).includes('None')", MEASURING)
        yield driver
        driver.execute_async_script(
            "window.jupyterapp.serviceManager.sessions.shutdownAll().then(arguments[arguments.length - 1])"
        )


@pytest.fixture(scope="module")
def page(folder):
    with chromium.chromium() as driver:
        driver.get(chromium.export(folder / "predict.ipynb", folder / "predict.html"))
        ready(driver)
        yield driver


def run(driver, index):
    """Run one cell again and return what it says."""
    driver.execute_script("window.jupyterapp.shell.currentWidget.content.activeCellIndex = arguments[0]", index)
    chromium.command(driver, "notebook:run-cell")
    chromium.waits(
        driver, "return window.jupyterapp.shell.currentWidget.sessionContext.session.kernel.status === 'idle'"
    )
    return driver.execute_script(TEXT, index)


def committed(driver, root):
    chromium.waits(driver, "return arguments[0].dataset.state === 'committed'", root)


def received(text):
    """What the kernel holds, from what the last cell printed."""
    return eval(re.search(r"^\[.*\]$", text, re.M)[0])


def plot(driver, root):
    """The plot in the middle of the window, and where its points stand in it."""
    svg = part(root, ".predict-plot")
    driver.execute_script("arguments[0].scrollIntoView({ block: 'center' })", svg)
    spots = driver.execute_script(
        """const { left, top, width, height } = arguments[0].getBoundingClientRect();
        return [...arguments[0].querySelectorAll('.predict-point')].map((point) => {
          const box = point.getBoundingClientRect();
          return [box.x + box.width / 2 - left - width / 2, box.y + box.height / 2 - top - height / 2];
        });""",
        svg,
    )
    return svg, spots


def drag(driver, svg, dots):
    """Press at the first of these places, measured from the middle of the plot, and move along the others."""
    (x, y), *others = [(round(x), round(y)) for x, y in dots]
    action = ActionChains(driver, duration=20).move_to_element_with_offset(svg, x, y).click_and_hold()
    for next_x, next_y in others:
        action.move_by_offset(next_x - x, next_y - y)
        x, y = next_x, next_y
    action.release().perform()


def test_run_all_without_a_guess_says_what_was_measured(lab):
    text = lab.execute_script(TEXT, MEASURING)
    assert [line for line in text.splitlines() if line.startswith("Measured")] == MEASURED
    assert received(text) == [None, "", None, "", None]
    assert "Your guess" not in text
    assert [root.get_attribute("data-state") for root in guesses(lab)] == ["open"] * 3


def test_guess_by_mouse(lab):
    which, half, norm = guesses(lab)
    part(which, ".predict-commit").click()
    assert part(which, ".predict-status").text == "Choose one of the answers first."
    which.find_elements(By.CSS_SELECTOR, ".predict-choices label")[0].click()
    assert part(which, ".predict-status").text == ""  # what was missing is there now
    part(which, "textarea").send_keys('It <b>remembers</b> & "more".')
    part(which, ".predict-commit").click()
    committed(lab, which)
    assert "Your guess: RNN." in part(which, ".predict-done").text

    part(which, ".predict-change").click()
    assert which.get_attribute("data-state") == "open"
    which.find_elements(By.CSS_SELECTOR, ".predict-choices label")[1].click()
    part(which, ".predict-commit").click()
    committed(lab, which)
    assert "Your guess: GRU." in part(which, ".predict-done").text

    field = part(half, "input")
    for typed, says in {"many": "not a number", "4000": "lies outside", "1,000": "two ways"}.items():
        field.clear()
        field.send_keys(typed)
        part(half, ".predict-commit").click()
        assert says in part(half, ".predict-status").text
        assert field.get_attribute("aria-invalid") == "true"
    field.clear()
    field.send_keys("40 steps")
    assert (part(half, ".predict-status").text, field.get_attribute("aria-invalid")) == ("", "false")
    part(half, ".predict-commit").click()
    committed(lab, half)

    svg, spots = plot(lab, norm)
    (left, middle), (right, _) = spots[0], spots[-1]
    half_way = (left + right) / 2
    part(norm, ".predict-commit").click()
    assert part(norm, ".predict-status").text == "Draw your curve first."
    svg, _ = plot(lab, norm)
    drag(lab, svg, [(left + 2, middle - 60), (half_way, middle)])
    assert part(norm, ".predict-status").text == ""
    part(norm, ".predict-commit").click()
    assert part(norm, ".predict-status").text == "4 points have no height yet. Draw over the whole width."
    svg, _ = plot(lab, norm)
    drag(lab, svg, [(half_way, middle), (right - 2, middle + 60)])
    part(norm, ".predict-commit").click()
    committed(lab, norm)

    text = run(lab, MEASURING)
    choice, why, number, _, curve = received(text)
    assert (choice, why, number) == ("GRU", 'It <b>remembers</b> & "more".', 40.0)
    assert len(curve) == 8 and np.all(np.diff(curve) < 0)
    assert np.ptp(np.diff(np.log10(curve))) < 0.15  # the stroke is a straight line
    assert "Your guess: GRU. Measured: GRU, open gate." in text and "That would be a plain gate." in text
    assert 'It <b>remembers</b> & "more".' in text
    assert "Your guess: 40 steps. Measured: 38 steps." in text and "That is right" in text
    alt = "return document.querySelectorAll('.jp-Cell')[arguments[0]].querySelector('img').alt"
    assert "2 lines" in lab.execute_script(alt, MEASURING)
    for root in guesses(lab):  # what was measured has been seen
        chromium.waits(lab, "return !arguments[0].querySelector('.predict-change')", root)

    for cell in range(3):  # a cell that is run once more keeps its guess
        run(lab, cell)
    ready(lab)
    assert [root.get_attribute("data-state") for root in guesses(lab)] == ["committed"] * 3
    assert received(run(lab, MEASURING))[:3] == [choice, why, number]


def test_a_saved_copy_shows_the_guess_again_before_anything_runs(tmp_path):
    """With the settings of `make lab`; without them a reopened notebook says "model not found"."""
    chromium.write(tmp_path / "copy.ipynb", CELLS[0])
    with chromium.lab(tmp_path) as url:
        for again in (False, True):
            with chromium.chromium(1100, 900) as driver:
                if again:
                    driver.get(f"{url}lab/tree/copy.ipynb?reset")
                else:
                    chromium.open_and_run(driver, url, "copy.ipynb")
                chromium.waits(driver, "return document.querySelector('.predict')", seconds=90)
                (root,) = guesses(driver)
                if again:
                    assert "Your guess: GRU." in part(root, ".predict-done").text
                else:
                    root.find_elements(By.CSS_SELECTOR, ".predict-choices label")[1].click()
                    part(root, ".predict-commit").click()
                    committed(driver, root)
                    chromium.command(driver, "docmanager:save")
                driver.execute_async_script(
                    "window.jupyterapp.serviceManager.sessions.shutdownAll().then(arguments[arguments.length - 1])"
                )


def press(driver, *keys):
    for key in keys:
        ActionChains(driver, duration=0).send_keys(key).perform()


def test_guess_by_keyboard_alone(lab):
    which, half, norm = guesses(lab)
    lab.execute_script("arguments[0].querySelector('input').focus()", which)
    press(lab, Keys.SPACE, Keys.ARROW_DOWN, Keys.TAB, "d d x", Keys.TAB, Keys.ENTER)
    committed(lab, which)
    assert lab.switch_to.active_element.text == "change"  # the focus doesn't fall back to the page
    press(lab, Keys.ENTER, Keys.ARROW_DOWN, Keys.TAB, Keys.TAB, Keys.SPACE)
    committed(lab, which)

    lab.execute_script("arguments[0].querySelector('input').focus()", half)
    press(lab, "1", "e", "2", Keys.ENTER)
    committed(lab, half)

    lab.execute_script("arguments[0].querySelector('.predict-point').focus()", norm)
    points = norm.find_elements(By.CSS_SELECTOR, ".predict-point")
    assert points[0].get_attribute("aria-label") == "norm at lag in steps 0"
    assert points[0].get_attribute("aria-valuetext") == "not drawn yet"
    press(lab, Keys.END, Keys.ARROW_RIGHT)
    assert points[0].get_attribute("aria-valuetext") == "1"
    for _ in range(7):
        assert lab.switch_to.active_element.get_attribute("role") == "slider"
        press(lab, Keys.PAGE_DOWN, Keys.ARROW_UP, Keys.ARROW_DOWN, Keys.TAB)
    assert lab.switch_to.active_element.text == "Clear"
    press(lab, Keys.TAB, "as a line", Keys.TAB, Keys.SPACE)
    committed(lab, norm)
    text = run(lab, MEASURING)
    assert len(lab.find_elements(By.CSS_SELECTOR, ".jp-Cell")) == len(CELLS)  # no key reached the notebook
    choice, why, number, _, curve = received(text)
    assert (choice, why, number) == ("GRU, open gate", "d d x", 100.0)
    # A decade lower than the point before, which is where a point without a height begins.
    np.testing.assert_allclose(curve, [1, 0.1, 0.01, 1e-3, 1e-4, 1e-5, 1e-6, 1e-6], rtol=1e-9)
    assert "That is right." in text and "too high by a factor of 2.6" in text


def test_a_page_without_a_kernel_says_so(page):
    half = guesses(page)[1]
    part(half, "input").send_keys("40")
    part(half, ".predict-commit").click()
    chromium.waits(page, "return arguments[0].innerText.includes('No answer yet')", half)
    assert half.get_attribute("data-state") == "open"


def test_clear(page):
    norm = guesses(page)[2]
    svg, spots = plot(page, norm)
    drag(page, svg, [(x, y - 40) for x, y in spots])
    assert norm.find_elements(By.CSS_SELECTOR, ".predict-unset") == []
    part(norm, ".predict-clear").click()
    assert len(norm.find_elements(By.CSS_SELECTOR, ".predict-unset")) == 8


def test_focus_is_visible(page):
    half, norm = guesses(page)[1:]
    look = "const style = getComputedStyle(arguments[0]); return style[arguments[1]]"
    page.execute_script("arguments[0].focus()", part(half, "input"))
    assert page.execute_script(look, part(half, "input"), "outlineWidth") == "3px"
    ring = part(norm, ".predict-ring")
    assert page.execute_script(look, ring, "stroke") == "none"
    page.execute_script("arguments[0].focus()", part(norm, ".predict-point"))
    assert page.execute_script(look, ring, "strokeWidth") == "3px"
    assert page.execute_script(look, ring, "stroke") != "none"


def test_axe_finds_no_violation(page):
    page.execute_script((chromium.npm("axe-core@4.14.1") / "axe.min.js").read_text(encoding="utf-8"))
    result = page.execute_async_script("axe.run({ include: ['.predict'] }).then(arguments[0])")
    assert [(rule["id"], rule["nodes"][0]["html"]) for rule in result["violations"]] == []
    assert result["passes"]


@pytest.mark.parametrize("width, ratio", [(375, 1), (500, 2)], ids=["phone", "zoom 200 %"])
def test_nothing_overflows_a_narrow_page(page, width, ratio):
    chromium.resize(page, width, ratio=ratio)
    try:
        for root in guesses(page):
            assert page.execute_script("return arguments[0].getBoundingClientRect().right", root) <= width
            assert page.execute_script("return arguments[0].scrollWidth <= arguments[0].clientWidth", root)
        svg = part(guesses(page)[2], ".predict-plot")
        within = "const right = (node) => node.getBoundingClientRect().right;"
        within += (
            "return [...arguments[0].querySelectorAll('text')].every((text) => right(text) <= right(arguments[0]))"
        )
        chromium.waits(page, within, svg)
    finally:
        page.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def test_finger(page):
    """A finger draws: the page doesn't scroll away under it."""
    norm = guesses(page)[2]
    page.execute_cdp_cmd("Emulation.setTouchEmulationEnabled", {"enabled": True})
    try:
        svg, spots = plot(page, norm)
        box = page.execute_script(
            "const { x, y, width, height } = arguments[0].getBoundingClientRect(); "
            "return [x + width / 2, y + height / 2]",
            svg,
        )
        before = page.execute_script("return scrollY")
        for i, (x, y) in enumerate(spots):
            where = [{"x": box[0] + x, "y": box[1] + y + 8 * i}]
            kind = "touchMove" if i else "touchStart"
            page.execute_cdp_cmd("Input.dispatchTouchEvent", {"type": kind, "touchPoints": where})
        page.execute_cdp_cmd("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
        assert norm.find_elements(By.CSS_SELECTOR, ".predict-unset") == []
        assert page.execute_script("return scrollY") == before
    finally:
        page.execute_cdp_cmd("Emulation.setTouchEmulationEnabled", {"enabled": False})
