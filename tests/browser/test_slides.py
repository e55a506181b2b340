"""Slides in a real browser: no page is wider than its window, and nothing on a slide is cut off."""

import pytest

from tests import chromium
from tests.notebook import LESSONS, read
from tools import slides
from tools.heads import head_of

pytestmark = pytest.mark.skipif(bool(chromium.MISSING), reason=f"not on this machine: {', '.join(chromium.MISSING)}")
ASIDE = "return document.scrollingElement.scrollWidth - document.documentElement.clientWidth"
BELOW = """
const body = document.querySelector(".slide.now .body"), end = element => element.getBoundingClientRect().bottom;
const parts = [...document.querySelectorAll(".slide.now .body *")];
return Math.max(0, ...parts.map(part => end(part) - end(body)));
"""
SIZES = ((1280, 800), (1920, 1080), (800, 600), (390, 844))


def test_nothing_scrolls_sideways(tmp_path):
    """Neither the list of all lessons, which may be longer than its window, nor any slide of a lesson."""
    index = [{"file": "x.html", "title": head_of(path).question, "count": 50} for path in LESSONS]
    pages = {"index": slides.page("All", [], index)}
    pages |= {path.stem: slides.page("One", slides.slides(read(path))) for path in (LESSONS[3], LESSONS[14])}
    with chromium.chromium() as driver:
        for name, page in pages.items():
            (tmp_path / f"{name}.html").write_text(page, encoding="utf-8")
            for width, height in SIZES:
                chromium.resize(driver, width, height)
                driver.get((tmp_path / f"{name}.html").as_uri())
                for n in range(1, page.count('<section class="slide') + 1):
                    driver.execute_script(f"location.hash = '#{n}'")
                    assert driver.execute_script(ASIDE) <= 0, f"{name}, slide {n}, {width} × {height}"
                    assert driver.execute_script(BELOW) <= 2, f"{name}, slide {n}, {width} × {height}: cut off"
                assert driver.execute_script(ASIDE) <= 0, f"{name}, {width} × {height}"
