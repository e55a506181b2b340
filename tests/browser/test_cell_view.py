"""The GRU's drawing: the page's own arithmetic under node, held against the package's, and the whole in a browser."""

import json
import subprocess
from pathlib import Path

import numpy as np
import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from course_utils import cell_view
from course_utils.cells import Params, forward
from course_utils.gradients import jacobian_paths
from tests import chromium
from tests.browser.test_explorer_js import NODE, WANTS, version

needs_node = pytest.mark.skipif(version() < WANTS, reason="node 20.19 or newer is not on this machine")
needs_browser = pytest.mark.skipif(bool(chromium.MISSING), reason=f"not on this machine: {', '.join(chromium.MISSING)}")
SCRIPT = Path(cell_view.__file__).with_name("cell_view.js")


OVERLAPS = """const svg = arguments[0].querySelector('svg');
    const sheet = svg.getBoundingClientRect();
    const texts = [...svg.querySelectorAll('text')].map((text) =>
      [text.textContent, text.getBoundingClientRect()]);
    const found = [];
    texts.forEach(([words, a], i) => {
      if (a.left < sheet.left - 1 || a.right > sheet.right + 1 || a.bottom > sheet.bottom + 1) found.push(words);
      for (const [other, b] of texts.slice(i + 1)) {
        const wide = Math.min(a.right, b.right) - Math.max(a.left, b.left);
        const high = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
        if (wide > 1 && high > 4) found.push(words + ' on ' + other);
      }
    });
    return found;"""  # words that leave the drawing, or run into others


@needs_node
def test_cell_view_js():
    file = Path(__file__).parent / "cell_view.test.mjs"
    run = subprocess.run([NODE, "--test", "--test-reporter=spec", str(file)], capture_output=True, text=True)
    assert run.returncode == 0, run.stdout + run.stderr


def computed(cases):
    """What the page computes for [[weights, at], ...]: [[numbers, paths], ...]."""
    code = f"""import {{ step, paths }} from {json.dumps(SCRIPT.as_uri())};
        let given = "";
        for await (const piece of process.stdin) given += piece;
        const answer = JSON.parse(given).map(([w, at]) => [step(w, at), paths(w, step(w, at))]);
        console.log(JSON.stringify(answer));"""
    command = [NODE, "--input-type=module", "--eval", code]
    run = subprocess.run(command, input=json.dumps(cases), capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout)


@needs_node
def test_page_and_package_compute_the_same():
    rng = np.random.default_rng(11)
    weights = [dict(zip(cell_view.WEIGHTS, rng.uniform(-2, 2, 7).tolist(), strict=True)) for _ in range(300)]
    ats = [
        {name: float(rng.uniform(least, most)) for name, (_, least, most) in cell_view.SLIDERS.items()}
        for _ in range(300)
    ]
    cases = list(zip(weights, ats, strict=True))
    for (w, at), (numbers, parts) in zip(cases, computed(cases), strict=True):
        Wx, Wh = [[w["W_xr"]], [w["W_xz"]], [w["W_xn"]]], [[w["W_hr"]], [w["W_hz"]], [w["W_hn"]]]
        p = Params("GRU", Wx, Wh, [at["b_r"], at["b_z"], w["b_n"]], np.zeros(3))
        trace = forward(p, [[at["x"]]], [at["h_prev"]])
        assert abs(numbers["h"] - trace.h[1, 0]) < 1e-12
        for gate, values in trace.gates.items():
            assert abs(numbers[gate] - values[0, 0]) < 1e-12
        for name, J in jacobian_paths(trace).items():
            assert abs(parts[name] - J[0, 0, 0]) < 1e-12, name


@needs_node
def test_the_first_frame_is_that_of_the_poster():
    at = {"h_prev": -0.35, "x": 1.5, "b_r": -2.0, "b_z": 0.5}
    ((numbers, _),) = computed([[cell_view.WEIGHTS, at]])
    ours = cell_view.step(**at)
    assert numbers.keys() == ours.keys()
    for name, value in ours.items():
        assert abs(numbers[name] - value) < 1e-12, name


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    """A browser that shows the view in an exported page, with no kernel."""
    folder = tmp_path_factory.mktemp("page")
    source = "from course_utils import cell_view\n\ncell_view.explore_cell()"
    notebook = chromium.write(folder / "cell.ipynb", source)
    with chromium.chromium() as driver:
        driver.get(chromium.export(notebook, folder / "cell.html"))
        chromium.waits(driver, "return document.querySelector('.explorer')?.drawn")
        yield driver


def root(driver):
    return driver.find_element(By.CSS_SELECTOR, ".explorer")


def svg(driver):
    return driver.find_element(By.CSS_SELECTOR, ".explorer svg")


def status(driver):
    return driver.find_element(By.CSS_SELECTOR, ".explorer [role=status][aria-live=polite]").text


def widths(driver):
    """{what an arrow carries: its width in pixels}."""
    found = driver.find_elements(By.CSS_SELECTOR, ".explorer svg path[data-carries]")
    return {path.get_attribute("data-carries"): float(path.get_attribute("stroke-width")) for path in found}


@needs_browser
def test_moves_by_keyboard_forwards_and_backwards(page):
    sliders = page.find_elements(By.CSS_SELECTOR, ".explorer input[type=range]")
    toggle = page.find_element(By.CSS_SELECTOR, ".explorer input[type=checkbox]")
    at = cell_view.explore_cell().at
    for control in [*sliders, toggle]:
        assert control.get_attribute("data-lm-suppress-shortcuts") == "true"
    for slider, name in zip(sliders, cell_view.SLIDERS, strict=True):
        slider.send_keys(Keys.ARROW_LEFT * 2)
        at[name] -= 2 * cell_view.STEP
        now = cell_view.step(**at)
        drawn = page.execute_script("return arguments[0].drawn", root(page))
        np.testing.assert_allclose([drawn[key] for key in now], list(now.values()), atol=1e-9)
        assert status(page) == cell_view.sentence(now).replace("_t", "t")
        for carried, width in widths(page).items():
            assert abs(width - cell_view.thickness(now[carried])) < 1e-6
        assert slider.get_attribute("aria-valuetext") == f"{name} = {cell_view.number(at[name])}"
    before = svg(page).get_attribute("aria-label")
    toggle.send_keys(Keys.SPACE)
    trace = forward(cell_view.params(at["b_r"], at["b_z"]), [[at["x"]]], [at["h_prev"]])
    parts = {name: float(J[0, 0, 0]) for name, J in jacobian_paths(trace).items()}
    assert {name: round(width, 6) for name, width in widths(page).items()} == {
        name: round(cell_view.thickness(part), 6) for name, part in parts.items()
    }
    assert cell_view.number(sum(parts.values())) in svg(page).text
    assert "path" in status(page) and svg(page).get_attribute("aria-label") != before
    toggle.send_keys(Keys.SPACE)
    assert svg(page).get_attribute("aria-label") == before


@needs_browser
def test_turning_round_keeps_what_the_sliders_have_not_told_yet(page):
    """Between `input`, while a slider is dragged, and `change`, at its end, the model has the old values."""
    slide = """const slider = arguments[0].querySelector('input[type=range]');
        slider.value = arguments[1];
        slider.dispatchEvent(new Event('input'));
        arguments[0].querySelector('input[type=checkbox]').click();
        return [arguments[0].dataset.mode, arguments[0].drawn.h_prev];"""
    modes = {page.execute_script(slide, root(page), value)[0] for value in (0.3, -0.4)}
    assert modes == {"forwards", "backwards"}
    assert page.execute_script(slide, root(page), 0.6)[1] == 0.6
    page.execute_script(slide, root(page), 0.6)


@needs_browser
@pytest.mark.parametrize("width", [375, 900])
@pytest.mark.parametrize("mode", ["forwards", "backwards"])
def test_fits_and_no_words_overlap(page, width, mode):
    chromium.resize(page, width)
    try:
        toggle = page.find_element(By.CSS_SELECTOR, ".explorer input[type=checkbox]")
        if root(page).get_attribute("data-mode") != mode:
            toggle.send_keys(Keys.SPACE)
        fits = "return arguments[0].querySelector('svg').clientWidth <= arguments[1]"
        chromium.waits(page, fits, root(page), width)
        assert page.execute_script("return arguments[0].getBoundingClientRect().right", root(page)) <= width
        assert page.execute_script("return arguments[0].scrollWidth <= arguments[0].clientWidth", root(page))
        apart = f"return !(function () {{{OVERLAPS}}}).apply(null, arguments).length"
        chromium.waits(page, apart, root(page), seconds=5)
    finally:
        page.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


@needs_browser
def test_axe_finds_no_violation(page):
    page.execute_script((chromium.npm("axe-core@4.14.1") / "axe.min.js").read_text(encoding="utf-8"))
    result = page.execute_async_script("axe.run({ include: ['.explorer'] }).then(arguments[0])")
    assert [(rule["id"], rule["nodes"][0]["html"]) for rule in result["violations"]] == []
    assert result["passes"]


@needs_browser
def test_dark_theme(page):
    heads = "[...arguments[0].querySelectorAll('svg polygon')].map((head) => getComputedStyle(head).fill).join()"
    before = page.execute_script(f"return {heads}", root(page))
    page.execute_script("arguments[0].style.setProperty('--jp-ui-font-color1', 'white')", root(page))
    chromium.waits(page, f"return {heads} !== arguments[1]", root(page), before)
    page.execute_script("arguments[0].style.removeProperty('--jp-ui-font-color1')", root(page))
