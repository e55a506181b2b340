"""Explorers in a real browser: in JupyterLab, and in an exported page with no kernel."""

import re

import numpy as np
import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from course_utils import widgets
from tests import chromium, explorers

pytestmark = pytest.mark.skipif(bool(chromium.MISSING), reason=f"not on this machine: {', '.join(chromium.MISSING)}")
SOURCES = explorers.LESSON | {"all kinds": explorers.KINDS, "live": explorers.LIVE}
PLACES = {"exported page": list(SOURCES), "JupyterLab": ["01.1", "07.1", "all kinds", "live"]}


@pytest.fixture(scope="module", params=PLACES)
def page(request, tmp_path_factory):
    """A browser that shows the explorers of a place."""
    folder = tmp_path_factory.mktemp("page")
    names = PLACES[request.param]
    notebook = chromium.write(folder / "explorers.ipynb", *(SOURCES[name] for name in names))
    with chromium.chromium() as driver:
        driver.place = request.param
        if request.param == "JupyterLab":
            with chromium.lab(folder) as url:
                chromium.open_and_run(driver, url, notebook.name)
                yield shown(driver, len(names))
        else:
            driver.get(chromium.export(notebook, folder / "explorers.html"))
            yield shown(driver, len(names))


def shown(driver, count):
    script = """const roots = [...document.querySelectorAll('.explorer')];
        return roots.length === arguments[0] && roots.every((root) => root.drawn);"""
    chromium.waits(driver, script, count)
    return driver


def function_and_grid(name):
    """What the cell gives to `explore`."""
    given = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            widgets, "explore", lambda function, live=False, labels=None, **grid: given.extend([function, grid])
        )
        exec(SOURCES[name], {})
    function, options = given
    return function, {
        slider: widgets._grid(slider, values) for slider, values in options.items() if slider not in ("live", "labels")
    }


def explorer(driver, name):
    return driver.find_elements(By.CSS_SELECTOR, ".explorer")[PLACES[driver.place].index(name)]


def controls(root):
    return root.find_elements(By.CSS_SELECTOR, "input, select")


def drawn(driver, root):
    """The numbers behind the picture, one dict a panel."""
    return driver.execute_script(
        """const plain = (line) => Array.from(line, (v) => (Number.isNaN(v) ? null : v));
        return arguments[0].drawn.map(({ lines, marks, shades }) =>
          ({ lines: lines.map(plain), marks: marks.map(plain), shades: [...shades] }));""",
        root,
    )


def picture(driver, root):
    return driver.execute_script(
        "return [...arguments[0].querySelectorAll('canvas')].map((canvas) => canvas.toDataURL()).join()", root
    )


def status(root):
    return root.find_element(By.CSS_SELECTOR, "[role=status]").text


def agree(driver, root, function, values):
    """What is drawn is what the helper functions say at these slider values."""
    *panels, sentence = function(**values)
    looks = driver.execute_script("return arguments[0].drawn.map(({ limits }) => limits)", root)
    for seen, panel, limits in zip(drawn(driver, root), panels, looks, strict=True):
        numbers = [v for line in seen["lines"] + seen["marks"] for v in line]
        np.testing.assert_allclose(np.array(numbers, float), panel.numbers, rtol=1e-6)
        if panel.shades is not None:
            low, high = limits
            shades = np.array(seen["shades"], float)
            shades[shades == widgets.NOTHING] = np.nan
            wants = np.clip(panel.shades.ravel(), low, high)
            np.testing.assert_allclose(low + shades / 254 * (high - low), wants, atol=0.51 * (high - low) / 254)
    assert status(root).replace(" ", "") == re.sub("[_^{} ]", "", sentence)


def test_moves_by_keyboard_and_draws_what_the_lesson_says(page, subtests):
    for name in PLACES[page.place]:
        if name != "live":
            with subtests.test(name):
                moves_and_agrees(page, name)


def moves_and_agrees(driver, name):
    function, grid = function_and_grid(name)
    root = explorer(driver, name)
    at = [int(index) for index in root.get_attribute("data-at").split()]

    def agrees():
        assert root.get_attribute("data-at") == " ".join(map(str, at))
        agree(driver, root, function, {slider: values[k] for (slider, values), k in zip(grid.items(), at, strict=True)})

    agrees()
    for k, (control, values) in enumerate(zip(controls(root), grid.values(), strict=True)):
        before = picture(driver, root)
        for key in [Keys.ARROW_DOWN] if control.tag_name == "select" else [Keys.ARROW_RIGHT] * 2 + [Keys.END]:
            at[k] = len(values) - 1 if key == Keys.END else min(at[k] + 1, len(values) - 1)
            control.send_keys(key)
            agrees()
        assert picture(driver, root) != before


def test_live_explorer_answers_or_says_that_it_cannot(page):
    function, grid = function_and_grid("live")
    root = explorer(page, "live")
    before = picture(page, root)
    start = int(root.get_attribute("data-at"))
    controls(root)[0].send_keys(Keys.ARROW_RIGHT * 3)
    if page.place == "JupyterLab":
        chromium.waits(page, "return arguments[0].dataset.at === arguments[1]", root, str(start + 3))
        agree(page, root, function, {"bias": grid["bias"][start + 3]})
        assert picture(page, root) != before
    else:
        chromium.waits(page, "return arguments[0].textContent.includes('needs a running kernel')", root)
        first = function(bias=grid["bias"][start])[0].numbers
        assert drawn(page, root)[0]["lines"][0] == pytest.approx(first, rel=1e-6)


def test_what_a_screen_reader_hears(page):
    root = explorer(page, "01.1")
    slider = controls(root)[0]
    canvas = root.find_elements(By.TAG_NAME, "canvas")[1]
    before = canvas.get_attribute("aria-label")
    slider.send_keys(Keys.HOME)
    assert slider.get_attribute("aria-valuetext") == "w = −10"
    slider.send_keys(Keys.ARROW_RIGHT)
    assert slider.get_attribute("aria-valuetext") == "w = −9.5"
    assert canvas.get_attribute("aria-label") != before
    assert canvas.get_attribute("aria-label").startswith("What is left. gradient: from 1 to ")
    assert root.find_element(By.CSS_SELECTOR, "[aria-live=polite]").text.startswith("The state ends at ")


def test_focus_is_visible(page):
    slider, other = controls(explorer(page, "01.1"))
    slider.send_keys(Keys.TAB)
    assert page.switch_to.active_element == other
    style = "const style = getComputedStyle(arguments[0]); return style.outlineStyle + ' ' + style.outlineWidth"
    assert page.execute_script(style, other) == "solid 3px"
    assert page.execute_script(style, slider) != "solid 3px"


def test_axe_finds_no_violation(page):
    page.execute_script((chromium.npm("axe-core@4.14.1") / "axe.min.js").read_text(encoding="utf-8"))
    result = page.execute_async_script("axe.run({ include: ['.explorer'] }).then(arguments[0])")
    assert [(rule["id"], rule["nodes"][0]["html"]) for rule in result["violations"]] == []
    assert result["passes"]


@pytest.mark.parametrize("width, ratio", [(375, 1), (500, 2)], ids=["phone", "zoom 200 %"])
def test_nothing_overflows_a_narrow_page(page, width, ratio):
    if page.place == "JupyterLab":
        pytest.skip("JupyterLab itself leaves a notebook no room on such a page")
    chromium.resize(page, width, ratio=ratio)
    try:
        for root in page.find_elements(By.CSS_SELECTOR, ".explorer"):
            sharp = "const { width, clientWidth } = arguments[0].querySelector('canvas');"
            sharp += f"return clientWidth > 200 && width === Math.round(clientWidth * {ratio})"
            chromium.waits(page, sharp, root)
            assert page.execute_script("return arguments[0].getBoundingClientRect().right", root) <= width
            assert page.execute_script("return arguments[0].scrollWidth <= arguments[0].clientWidth", root)
    finally:
        page.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def test_dark_theme(page):
    brightest = """const canvas = arguments[0].querySelector('canvas');
        const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
        return data.filter((v, i) => i % 4 === 0 && data[i + 3] > 200).reduce((a, b) => Math.max(a, b), 0)"""
    root = explorer(page, "01.1")
    page.execute_script("arguments[0].scrollIntoView()", root)
    assert page.execute_script(brightest, root) < 150
    if page.place == "JupyterLab":
        chromium.command(page, "apputils:change-theme", {"theme": "JupyterLab Dark"})
    else:
        page.execute_script("arguments[0].style.setProperty('--jp-ui-font-color1', 'white')", root)
    chromium.waits(page, brightest.replace("return ", "return 240 < "), root)
