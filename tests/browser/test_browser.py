"""Explorers in a real browser: in JupyterLab, and in an exported page with no kernel."""

import re
import time

import numpy as np
import pytest
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from course_utils import widgets
from tests import chromium, explorers

pytestmark = pytest.mark.skipif(bool(chromium.MISSING), reason=f"not on this machine: {', '.join(chromium.MISSING)}")
SOURCES = explorers.LESSON | {"all kinds": explorers.KINDS, "runs": explorers.RUNS, "live": explorers.LIVE}
PLACES = {"exported page": list(SOURCES), "JupyterLab": ["01.1", "07.1", "all kinds", "runs", "live"]}
OPTIONS = ("live", "labels", "play")  # of `explore`, the other names are sliders


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
        patch.setattr(widgets, "explore", lambda function, **options: given.extend([function, options]))
        exec(SOURCES[name], {})
    function, options = given
    return function, {
        slider: widgets._grid(slider, values) for slider, values in options.items() if slider not in OPTIONS
    }


def explorer(driver, name):
    root = driver.find_elements(By.CSS_SELECTOR, ".explorer")[PLACES[driver.place].index(name)]
    driver.execute_script("arguments[0].scrollIntoView({block: 'center'})", root)  # Lab's notices cover the bottom
    return root


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
    panels, equations, sentence = widgets._called(function, values)
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
    lines = [line.text for line in root.find_elements(By.CSS_SELECTOR, ".explorer-equations p")]
    assert [line.replace(" ", "") for line in lines] == [re.sub("[_^{} ]", "", line) for line in equations]


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
        before, keys = picture(driver, root), [Keys.ARROW_RIGHT] * 2 + [Keys.END]
        if control.tag_name == "select":
            keys = [Keys.ARROW_DOWN]
        elif at[k] == len(values) - 1:  # a slider that begins at its end
            keys = [Keys.HOME]
        for key in keys:
            ends = {Keys.END: len(values) - 1, Keys.HOME: 0}
            at[k] = ends.get(key, min(at[k] + 1, len(values) - 1))
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


def lit(driver, root):
    """What is lit in each panel: [x, y, values], None in those that are dark."""
    return driver.execute_script(
        "return arguments[0].lit.map((spot) => spot && [spot.x ?? null, spot.y ?? null, spot.values])", root
    )


def point(driver, canvas, share):
    """Move the pointer to this share of the canvas' width, half way up."""
    driver.execute_script("arguments[0].scrollIntoView({ block: 'center' })", canvas)
    width = canvas.size["width"]
    ActionChains(driver).move_to_element_with_offset(canvas, int((share - 0.5) * width), 0).perform()


def test_a_pointer_reads_the_numbers_in_all_panels_that_share_its_axis(page):
    root = explorer(page, "runs")
    state, pairs, _, paths = root.find_elements(By.TAG_NAME, "canvas")
    before = picture(page, root)
    point(page, state, 0.5)
    seen = lit(page, root)
    drawn_now = drawn(page, root)
    t = int(seen[0][0])
    assert 0 < t < 12 and seen[0][2] == [drawn_now[0]["lines"][0][t]]
    assert seen[1][0] is None and seen[1][1] == pytest.approx(t)  # the heatmap's rows are steps t too
    assert seen[2][0] == t and seen[2][2] == [drawn_now[2]["lines"][0][t]]
    assert seen[3] is None  # a lag is no step
    assert picture(page, root) != before
    point(page, pairs, 0.4)
    k, row, (shade,) = lit(page, root)[1]
    assert shade == drawn_now[1]["shades"][round(row) * 13 + round(k)] and lit(page, root)[0][0] == round(row)
    point(page, paths, 0.4)
    assert [spot is None for spot in lit(page, root)] == [True, True, True, False]
    ActionChains(page).move_to_element(root.find_element(By.CSS_SELECTOR, "[role=status]")).perform()
    assert lit(page, root) == [None] * 4


def test_a_finger_reads_too(page):
    root = explorer(page, "runs")
    canvas = root.find_elements(By.TAG_NAME, "canvas")[0]
    page.execute_script("arguments[0].scrollIntoView({ block: 'center' })", canvas)
    box = page.execute_script("return arguments[0].getBoundingClientRect().toJSON()", canvas)
    place = {"x": box["x"] + box["width"] / 2, "y": box["y"] + box["height"] / 2}
    page.execute_cdp_cmd("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": [place]})
    page.execute_cdp_cmd("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    chromium.waits(page, "return arguments[0].lit[0] && arguments[0].lit[2]", root)
    canvas.send_keys(Keys.ESCAPE)
    assert lit(page, root) == [None] * 4


def test_the_arrow_keys_read_aloud(page):
    root = explorer(page, "runs")
    canvas = root.find_elements(By.TAG_NAME, "canvas")[0]
    said = "return arguments[0].querySelector('.explorer-readout').textContent"
    canvas.send_keys(Keys.ARROW_RIGHT * 3)
    assert [spot and spot[0] for spot in lit(page, root)] == [2, None, 2, None]
    value = drawn(page, root)[0]["lines"][0][2]
    heard = re.match(
        r"The state, step t 2: state h_t (\S+)\. Pairs, step t 2: .*What is left, ", page.execute_script(said, root)
    )
    assert float(heard[1].replace("−", "-")) == pytest.approx(value, rel=5e-3)
    canvas.send_keys(Keys.END)
    assert lit(page, root)[0][0] == 12
    canvas.send_keys(Keys.TAB)
    assert lit(page, root) == [None] * 4 and page.execute_script(said, root) == ""


def ghost(driver, root):
    return driver.execute_script(
        "return arguments[0].ghost && arguments[0].ghost.map(({ lines }) => lines.map((line) => [...line]))", root
    )


def test_what_was_stays_as_a_ghost_until_reset(page):
    root = explorer(page, "runs")
    slider, other = controls(root)
    reset = root.find_element(By.CSS_SELECTOR, ".explorer-reset")
    reset.click()
    start, plain = root.get_attribute("data-at"), picture(page, root)
    was = [panel["lines"] for panel in drawn(page, root)]
    assert ghost(page, root) is None
    slider.send_keys(Keys.ARROW_RIGHT * 2)  # one move
    assert ghost(page, root) == was
    with_ghost = picture(page, root)
    time.sleep(1.5)
    moved = [panel["lines"] for panel in drawn(page, root)]
    other.send_keys(Keys.ARROW_RIGHT)  # the next one
    assert ghost(page, root) == moved != was
    assert with_ghost != plain
    reset.click()
    assert (root.get_attribute("data-at"), ghost(page, root)) == (start, None)
    assert picture(page, root) == plain


def test_a_drag_leaves_the_ghost_of_where_it_began(page):
    root = explorer(page, "runs")
    root.find_element(By.CSS_SELECTOR, ".explorer-reset").click()
    slider = controls(root)[0]
    was = [panel["lines"] for panel in drawn(page, root)]
    page.execute_script("arguments[0].scrollIntoView({ block: 'center' })", slider)
    width, index = slider.size["width"], int(slider.get_attribute("value"))
    drag = ActionChains(page).move_to_element_with_offset(slider, int((index / 8 - 0.5) * (width - 16)), 0)
    drag.click_and_hold().move_by_offset(-int(width / 4), 0).pause(1.4).move_by_offset(-int(width / 8), 0)
    drag.release().perform()
    assert int(slider.get_attribute("value")) < index - 1
    assert ghost(page, root) == was


@pytest.mark.parametrize("calm", [False, True], ids=["", "reduced motion"])
def test_play_runs_to_the_end_and_pauses(page, calm):
    preference = [{"name": "prefers-reduced-motion", "value": "reduce" if calm else "no-preference"}]
    page.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": preference})
    root = explorer(page, "runs")
    root.find_element(By.CSS_SELECTOR, ".explorer-reset").click()
    play, slider = root.find_element(By.CSS_SELECTOR, ".explorer-play"), controls(root)[1]
    time.sleep(0.7)
    assert int(slider.get_attribute("value")) == 3  # nothing starts by itself
    play.click()
    assert "Pause" in play.text
    start = time.monotonic()
    chromium.waits(page, "return arguments[0].value > 4", slider)
    assert (time.monotonic() - start > 1.8) == calm
    play.click()
    paused = slider.get_attribute("value")
    time.sleep(1.2 if calm else 0.8)
    assert slider.get_attribute("value") == paused and "Play" in play.text
    if not calm:
        slider.send_keys(Keys.END + Keys.ARROW_LEFT)
        play.click()
        chromium.waits(
            page, "return arguments[0].value === '12' && arguments[1].textContent.includes('Play')", slider, play
        )
        play.click()  # from the end it begins again
        chromium.waits(page, "return arguments[0].value === '2'", slider)
        controls(root)[0].send_keys(Keys.ARROW_LEFT)  # whoever moves a slider has the word
        assert "Play" in play.text


def test_a_line_that_leaves_its_axis_says_where_it_ends(page):
    root = explorer(page, "01.1")
    root.find_element(By.CSS_SELECTOR, ".explorer-reset").click()
    texts = page.execute_script(
        """const [root, written] = [arguments[0], []];
        const fill = CanvasRenderingContext2D.prototype.fillText;
        CanvasRenderingContext2D.prototype.fillText = function (text, ...place) {
          written.push(text);
          return fill.call(this, text, ...place);
        };
        root.querySelector('input').dispatchEvent(new Event('input'));
        CanvasRenderingContext2D.prototype.fillText = fill;
        return written;""",
        root,
    )
    assert drawn(page, root)[1]["lines"][0][-1] < -12
    assert any(text.startswith("↓ ") for text in texts), texts


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
