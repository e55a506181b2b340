"""An essay that attacks its reader, in nbgrader's own page for reading essays, in Chromium, with every click made.

The browser reaches the server of the page and nothing else: whatever it wants from elsewhere goes to a proxy that
only writes down the names.
"""

import base64
import contextlib
import socketserver
import threading
import time
from urllib.parse import urlsplit

import nbformat
import pytest

pytest.importorskip("nbgrader")
from selenium.common.exceptions import WebDriverException
from selenium.webdriver.common.by import By

from tests.chromium import MISSING, chromium, lab, npm, resize, waits
from tests.coursework.material import IMPORT, RIGHT, edited, graded_here, notebook_of, submit, write_assignment

pytestmark = pytest.mark.skipif(bool(MISSING), reason=f"not on this machine: {', '.join(MISSING)}")

EXTENSION = "--ServerApp.jpserver_extensions={'nbgrader.server_extensions.formgrader': True}"
HIT = "window.hit=1,document.title=1"  # what a script of the essay would do, if one ran
SVG = (
    f'<svg xmlns="http://www.w3.org/2000/svg" onload="{HIT}"><a href="javascript:{HIT}"><text y="20">x</text></a></svg>'
)
PACKED = base64.b64encode(f"<script>{HIT}</script>".encode()).decode()
ESSAY = [
    "An honest paragraph: *products* of $a_1 < 1$.",
    f"<script>{HIT}</script>",
    f"<img src=x onerror={HIT}>",
    f"<img src=http://evil.example/1 onload={HIT}>",
    SVG,
    f"<iframe srcdoc='<script>parent.{HIT}</script>'></iframe>",
    f"<details open ontoggle={HIT}><summary>x</summary>y</details>",
    f"<input autofocus onfocus={HIT}>",
    f"<body onload={HIT}>",
    "<style>@import 'http://evil.example/2'; body { background: url(http://evil.example/3) }</style>",
    "<link rel=stylesheet href=http://evil.example/4>",
    "<meta http-equiv=refresh content='0;url=http://evil.example/5'>",
    "<base href=http://evil.example/>",
    f"<form action=javascript:{HIT}><button>x</button></form>",
    f"<a href='javascript:{HIT}'>html link</a>",
    f"[markdown link](javascript:{HIT})",
    f"[spaced]( javascript:{HIT} 'title')",
    f"[upper](JaVaScRiPt:{HIT})",
    f"[entity](&#106;avascript:{HIT})",
    f"[named](javascript&colon;{HIT})",
    f"[tab](java&Tab;script:{HIT})",
    f"[data](data:text/html;base64,{PACKED})",
    f"[vb](vbscript:{HIT})",
    f"[reference][a] and [a]\n\n[a]: javascript:{HIT}",
    f"[b]\n\n[b]: <javascript:{HIT}> 'title'",
    "![picture][c]\n\n[c]: http://evil.example/6",
    "![picture](http://evil.example/7)",
    "![picture](//evil.example/8)",
    "![attached](attachment:evil.svg)",
    f"![inline](data:image/svg+xml;base64,{base64.b64encode(SVG.encode()).decode()})",
    f"<javascript:{HIT}>",
    "<http://evil.example/9>",
    "http://evil.example/10 and www.evil.example",
    f"| a | b |\n|---|---|\n| [cell](javascript:{HIT}) | <img src=x onerror={HIT}> |",
    f"> [quoted](javascript:{HIT})",
    f"- [ ] [task](javascript:{HIT})",
    f"[^1]\n\n[^1]: [note](javascript:{HIT})",
    f"[![both](http://evil.example/11)](javascript:{HIT})",
    f"&lt;script&gt;{HIT}&lt;/script&gt;",
    f"<<script>script>{HIT}<</script>/script>",
    f"<!--><script>{HIT}</script>-->",
    f"<![CDATA[<script>{HIT}</script>]]>",
    f"$\\href{{javascript:{HIT}}}{{x}}$",
    f"$$\\href{{javascript:{HIT}}}{{x}}$$",
    f"$\\def\\x{{\\href}}\\x{{javascript:{HIT}}}{{x}}$",
    f"$\\let\\y=\\href \\y{{javascript:{HIT}}}{{x}}$",
    f"\\\\(\\href{{javascript:{HIT}}}{{x}}\\\\)",
    f"$\\unicode[{HIT}]{{x61}}$ $\\style{{background:url(http://evil.example/12)}}{{x}}$",
    "$\\require{autoload-all}\\require{action}\\toggle{a}{b}\\endtoggle$",
    "$\\mmlToken{mtext}[href='https:evil.example/link']{\\text{click}}$ $\\mmlToken{mi}[style='top:0']{x}$",
    "$\\bbox[background:url(http://evil.example/13)]{x}$ $\\bbox[position:fixed;top:0;left:0;width:100vw]{x}$",
    f"$\\newenvironment{{q}}{{\\href{{javascript:{HIT}}}}}{{}}\\begin{{q}}{{x}}\\end{{q}}$",
    "$\\color{red;background:url(http://evil.example/14)}{x}$",
    f"$<img src=x onerror={HIT}>$",
    f"$\\text{{<script>{HIT}</script>}}$",
    f"`<script>{HIT}</script>`",
    f"```html\n<script>{HIT}</script>\n```",
    f"    <script>{HIT}</script>",
    f"```\n</code></pre><script>{HIT}</script>",
    f"\u202e[turned](javascript:{HIT})",
]


@pytest.fixture(scope="module")
def proxy():
    """(address of a proxy that reaches nothing, the hosts that it was asked for)."""
    asked = []

    class Ask(socketserver.StreamRequestHandler):
        def handle(self):
            with contextlib.suppress(OSError):
                _, target, *_ = self.rfile.readline().decode("latin-1").split()
                asked.append(urlsplit(target if "://" in target else f"//{target}").hostname)

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Ask) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"127.0.0.1:{server.server_address[1]}", asked
        server.shutdown()


@pytest.fixture(scope="module")
def reading(tmp_path_factory, proxy):
    """(the driver, the page's address, what was asked of the proxy) with the essay open in formgrader."""
    from nbgrader.api import Gradebook

    folder = tmp_path_factory.mktemp("formgrade")
    key = write_assignment(folder / "key")
    attached = {"evil.svg": {"image/svg+xml": SVG}}

    def attach(data):
        data["cells"][-1]["attachments"] = attached

    essay = edited(notebook_of([IMPORT, *RIGHT[1:], f"# </script><script>{HIT}</script>"], "\n\n".join(ESSAY)), attach)
    submit(folder / "submitted", "mallory", essay)
    graded_here(folder / "submitted", folder / "out", key)
    with Gradebook(f"sqlite:///{folder / 'out' / 'gradebook.db'}") as book:
        number = book.find_submission_notebook("ps0", "ps0", "mallory").id
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder / "out")  # formgrader reads the configuration of the folder that it is started in
        with lab(folder / "out", EXTENSION) as url:
            options = [f"proxy-server={proxy[0]}", "proxy-bypass-list=<-loopback>;127.0.0.1;localhost"]
            options += [f"unsafely-treat-insecure-origin-as-secure={url}"]
            with chromium(1000, 900, *options) as driver:
                address = f"{url}formgrader/submissions/{number}/?index=0"
                proxy[1].clear()
                driver.get(address)
                waits(driver, "return document.querySelector('textarea.comment')")
                yield driver, driver.current_url, proxy[1]


def nothing_ran(driver, address):
    """Whether no script of the essay ran, no window opened and the page is where it was."""
    return (
        driver.execute_script("return window.hit === undefined && document.title !== '1'")
        and len(driver.window_handles) == 1
        and driver.current_url.partition("#")[0] == address.partition("#")[0]
    )


OF_BROWSER = (".google.com", ".googleapis.com", ".duckduckgo.com")  # what Chromium asks by itself, Debian's as well


def test_nothing_runs_and_nothing_is_asked_for(reading):
    driver, address, asked = reading
    time.sleep(2)
    assert "An honest paragraph" in driver.page_source and "<em>products</em>" in driver.page_source
    assert nothing_ran(driver, address)
    assert {host for host in asked if host and "evil" in host} == set()
    own = {host for host in asked if host and host.endswith(OF_BROWSER)}
    assert set(asked) - own <= {"cdnjs.cloudflare.com"}, "MathJax, which nbgrader's page itself loads"


def test_every_click_leads_nowhere(reading):
    driver, address, asked = reading
    answers = driver.find_elements(By.CSS_SELECTOR, ".nbgrader_cell .panel-body")
    assert any("honest paragraph" in answer.text for answer in answers)
    everything = [part for answer in answers for part in answer.find_elements(By.CSS_SELECTOR, "*")]
    assert len(everything) > 60
    for part in everything:
        with contextlib.suppress(WebDriverException):  # some have no area
            part.click()
    assert nothing_ran(driver, address)
    live = driver.execute_script(
        """return [...document.querySelectorAll('.nbgrader_cell .panel-body *')].filter(part =>
            /^(script|svg|img|iframe|object|embed|form|style|link|meta|base|math|video|audio)$/i.test(part.tagName)
            || (part.tagName == 'INPUT' && !(part.disabled && part.type == 'checkbox'))  // the box of a list's item
            || (part.tagName == 'A' && !/^#/.test(part.getAttribute('href') || '#'))
            || [...part.attributes].some(a => /^on/i.test(a.name))).map(part => part.outerHTML)"""
    )
    assert live == []
    assert {host for host in asked if host and "evil" in host} == set()


def test_mathjax_sets_type_and_does_nothing_else(reading, tmp_path):
    """The same essay with MathJax at hand, as an instructor with a connection sees it. Not in its safe mode."""
    driver, _, asked = reading
    text = next(part for part in notebook_cells(reading) if "honest paragraph" in part)
    page = tmp_path / "page.html"
    place = npm("mathjax@2.7.7")
    setup = "MathJax.Hub.Config({tex2jax: {inlineMath: [['$','$'], ['\\\\(','\\\\)']]}})"
    page.write_text(
        f"<!DOCTYPE html><title>essay</title><script type='text/x-mathjax-config'>{setup}</script>"
        f"<script src='{(place / 'MathJax.js').as_uri()}?config=TeX-AMS_CHTML-full'></script><body>{text}</body>",
        encoding="utf-8",
    )
    driver.get(page.as_uri())
    waits(driver, "return window.MathJax && MathJax.Hub && MathJax.Hub.queue.running == 0 && MathJax.isReady")
    waits(driver, "return document.querySelectorAll('.mjx-chtml, .MathJax_CHTML').length > 3")
    for part in driver.find_elements(By.CSS_SELECTOR, "body *"):
        with contextlib.suppress(WebDriverException):
            part.click()
    links = driver.execute_script("return [...document.querySelectorAll('a[href], [*|href]')].map(a => a.outerHTML)")
    assert [link for link in links if "#" not in link] == []
    styled = driver.execute_script("return [...document.querySelectorAll('body [style]')].map(p => p.style.cssText)")
    assert [style for style in styled if "url(" in style or "fixed" in style] == []
    assert nothing_ran(driver, page.as_uri())
    assert {host for host in asked if host and "evil" in host} == set()


def notebook_cells(reading):
    """What the page shows of each cell, as HTML."""
    driver, address, _ = reading
    driver.get(address)
    waits(driver, "return document.querySelector('textarea.comment')")
    return driver.execute_script(
        "return [...document.querySelectorAll('.nbgrader_cell .rendered_html')].map(part => part.innerHTML)"
    )


def test_the_page_would_notice(reading, tmp_path):
    """The same attacks, not made harmless, do run in this browser and do ask: the tests above can fail."""
    driver, _, asked = reading
    page = tmp_path / "live.html"
    page.write_text(f"<!DOCTYPE html><title>x</title><img src=http://evil.example/><img src=x onerror={HIT}>")
    driver.get(page.as_uri())
    waits(driver, "return window.hit === 1")
    end = time.monotonic() + 20
    while "evil.example" not in asked and time.monotonic() < end:
        time.sleep(0.1)
    assert "evil.example" in asked
    asked.clear()


def test_a_click_gives_points_to_what_was_clicked(tmp_path, monkeypatch):
    """An essay whose headings are called like the fields of all that follows it. Its marker clicks "Full credit"."""
    from nbgrader.api import Gradebook

    key, names = write_assignment(tmp_path / "key"), ("ps0_step", "ps0_total", "ps0_slope")
    notebook = nbformat.read(key / "ps0" / "ps0.ipynb", as_version=4)
    notebook.cells = [*notebook.cells[-2:], *notebook.cells[:-2]]  # an id is looked for from above
    nbformat.write(notebook, key / "ps0" / "ps0.ipynb")
    fields = [f"{name}{more}" for name in names for more in ("", "-comment", "_extra_credit", "_answer-comment")]
    headings = [f"###### {field}\n\n- # {field}\n\n> {field}\n> ===\n\n{field}\n---" for field in fields]
    submit(tmp_path / "submitted", "mallory", [IMPORT], essay="\n\n".join(["A fine answer.", *headings]))
    graded_here(tmp_path / "submitted", tmp_path / "out", key)
    place = f"sqlite:///{tmp_path / 'out' / 'gradebook.db'}"
    with Gradebook(place) as book:
        number = book.find_submission_notebook("ps0", "ps0", "mallory").id
    monkeypatch.chdir(tmp_path / "out")
    with lab(tmp_path / "out", EXTENSION) as url, chromium(1000, 900) as driver:
        driver.get(f"{url}formgrader/submissions/{number}/?index=0")
        waits(driver, "return window.formgrader && formgrader.grades && formgrader.grades.loaded")
        waits(driver, "return formgrader.comments && formgrader.comments.loaded")
        assert "A fine answer." in driver.page_source and fields[-1] in driver.page_source
        panel = driver.find_element(
            By.XPATH, "//input[@id='ps0_essay']/ancestor::div[contains(@class, 'nbgrader_cell')]"
        )
        driver.execute_script("arguments[0].click()", panel.find_element(By.CSS_SELECTOR, ".full-credit"))
        end = time.monotonic() + 20
        points = {}
        while points.get("ps0_essay") is None and time.monotonic() < end:
            time.sleep(0.5)
            with Gradebook(place) as book:
                grades = book.find_submission_notebook("ps0", "ps0", "mallory").grades
                points = {grade.name: grade.manual_score for grade in grades}
        named = len(panel.find_elements(By.CSS_SELECTOR, ".rendered_html [id], .rendered_html [name]"))
    assert points == {"ps0_essay": 4, **dict.fromkeys(names)} and named == 0


def test_feedback_shows_words_as_words(tmp_path, reading):
    """A student's words in a page of feedback."""
    from coursework.grader.marking import Mark
    from coursework.grader.report import Result, page

    driver, *_ = reading
    words = f"<script>{HIT}</script><img src=x onerror={HIT}>{{{{ 7 * 7 }}}}"
    result = Result(f"<b onclick={HIT}>", [Mark("ps0_step", 0, 10, words, words)], note=words, comments={"x": words})
    path = tmp_path / "feedback.html"
    path.write_text(page(result, "ps0"), encoding="utf-8")
    driver.get(path.as_uri())
    assert driver.find_element(By.TAG_NAME, "table").text.count(words) == 2
    assert driver.execute_script("return window.hit") is None
    assert HIT in driver.title


def test_a_long_word_stays_within_the_pages(tmp_path, reading):
    """A student names exceptions, functions and himself."""
    from coursework.grader import alike, classes, items
    from coursework.grader.marking import Mark
    from coursework.grader.report import Result, page

    driver, *_ = reading
    long, code = f"your function raised {'Exception' * 7}: {'x' * 250}", "y" * 120
    results = [Result("N" * 80, [Mark("ps0_gate_by_state", 0, 10, "Run one step.", long)], note="n" * 200)] * 3
    pairs = [alike.Pair(("N" * 80, "M" * 80), 0.9, 3, code)]
    classes.write_class(items.summary(results), pairs, "ps0", tmp_path)
    (tmp_path / "feedback.html").write_text(page(results[0], "ps0"), encoding="utf-8")
    for name in ("ps0_class.html", "feedback.html"):
        for width in (1400, 1000, 800):
            resize(driver, width)
            driver.get((tmp_path / name).as_uri())
            assert driver.execute_script("return document.documentElement.scrollWidth") <= width, (name, width)
            body = driver.execute_script("return document.body.getBoundingClientRect().right")
            widest = (
                "return Math.max(...[...document.querySelectorAll('body *')].map(p => p.getBoundingClientRect().right))"
            )
            assert driver.execute_script(widest) <= body + 1, (name, width)
