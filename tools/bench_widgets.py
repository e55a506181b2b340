"""Measure how fast figures move: `make bench-widgets` writes docs/benchmark_widgets.md.

Sliders are driven by real key and mouse events in JupyterLab in headless Chromium: those of every explorer of the
lessons; then one of them with a finer slider, tabled and live, and beside it `interact` with an inline figure of the
same two panels. The page watches itself at every frame: it scales the picture down and compares it with that of the
frame before.
"""

import argparse
import datetime
import os
import platform
import statistics
import sys
import tempfile
import time
from pathlib import Path

from selenium.webdriver.common.actions.action_builder import ActionBuilder
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webdriver import WebDriver
from tqdm import tqdm

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
from tests import chromium, explorers  # noqa: E402

GRID, FINE = "np.linspace(-2, 6, 33)", "np.linspace(-2, 6, 101)"  # no fewer positions than a drag has frames
TABLED, LIVE = (source.replace(GRID, FINE) for source in (explorers.BIAS, explorers.LIVE))
assert FINE in TABLED and FINE in LIVE
PEER = (
    explorers.BIAS[: explorers.BIAS.index("def open_by")]
    + """\
import ipywidgets
import matplotlib.pyplot as plt

from course_utils import figures


def draw(bias):
    J = jacobians(forward(init_params("GRU", 8, 32, gate_bias=bias), tasks.noise(80, 8, seed=100)))
    norms, pairs = norms_to_past(J)[::-1], all_pairs_norms(J, log=True) / np.log(10)
    fig, (left, right) = figures.panels(2)
    figures.curves({"GRU": norms}, title="Last state", xlabel="lag", ylabel="norm", log=True, reference=1, ax=left)
    figures.heatmap(pairs, title="Every pair", xlabel="from", ylabel="to", limits=(-8, 1), ax=right)
    plt.show()


ipywidgets.interact(draw, bias=ipywidgets.FloatSlider(min=-2, max=6, step=0.08, value=0))
"""
)
EXPLORER = (".explorer canvas", ".explorer input[type=range]")
AS_MAKE_LAB = [f"--config={ROOT / 'tools' / 'lab' / 'jupyter_server_config.py'}"]
CASES = {  # name: source, its pictures, what takes the keys, options of the server
    f"lesson {key}": (source, *EXPLORER, AS_MAKE_LAB) for key, source in explorers.LESSON.items()
} | {
    "07.1, 101 positions, tabled": (TABLED, *EXPLORER, AS_MAKE_LAB),
    "07.1, 101 positions, live": (LIVE, *EXPLORER, AS_MAKE_LAB),
    "07.1, 101 positions, live, without `make lab`": (LIVE, *EXPLORER, []),
    "`interact` + inline figure": (PEER, ".jp-OutputArea-output img", ".noUi-handle", AS_MAKE_LAB),
}
# Watches the pictures at every animation frame. What is found changed there is painted in this very frame.
WATCH = """
const [selector, done] = [arguments[0], arguments[1]];
const [wide, high] = [288, 72];
const small = new OffscreenCanvas(wide, high).getContext('2d', { willReadFrequently: true });
const watch = (window.watch = { keys: [], changes: [], frames: 0, blank: 0, first: null, up: null });
let last = null;
addEventListener('keydown', (event) => watch.keys.push(event.timeStamp), true);
addEventListener('pointerup', (event) => (watch.up = event.timeStamp), true);
const look = (now) => {
  const pictures = [...document.querySelectorAll(selector)];
  small.clearRect(0, 0, wide, high);
  pictures.forEach((one, i) => {
    if (one.width) small.drawImage(one, (i * wide) / pictures.length, 0, wide / pictures.length, high);
  });
  const pixels = new Uint32Array(small.getImageData(0, 0, wide, high).data.buffer);
  const seen = pixels.some((v) => v) ? pixels : null;
  watch.frames += 1;
  if (seen === null) watch.blank += 1;
  else if (last === null || seen.some((v, i) => v !== last[i])) {
    watch.first ??= now;
    watch.changes.push(performance.now());
  }
  last = seen;
  requestAnimationFrame(look);
};
requestAnimationFrame(look);
done();
"""


def measure(name: str, presses: int, seconds: float, folder: str) -> dict[str, float]:
    """One row of the table: the figures of a case."""
    source, pictures, handle, options = CASES[name]
    notebook = chromium.write(Path(folder, "bench.ipynb"), source)
    with chromium.lab(folder, *options) as url, chromium.chromium(1400, 1100) as driver:
        driver.get(f"{url}lab/tree/{notebook.name}?reset")
        chromium.ready(driver)
        driver.execute_async_script(WATCH, pictures)
        driver.execute_script(
            "jupyterapp.commands.execute('notebook:run-all-cells').then(() => (watch.ran = performance.now()))"
        )
        ran, first = chromium.waits(driver, "return watch.ran && watch.first && [watch.ran, watch.first]")
        time.sleep(2)
        steps = press(driver, handle, presses)
        dragged = drag(driver, handle, seconds)
    return {
        "median": statistics.median(steps),
        "p95": statistics.quantiles(steps, n=20)[-1],
        "first": max(0, first - ran),
        **dragged,
    }


def press(driver: WebDriver, handle: str, presses: int) -> list[float]:
    """Milliseconds from key press to changed pixels, one press after the other at uneven times."""
    target = driver.find_element(By.CSS_SELECTOR, handle)
    target.send_keys(Keys.HOME)
    time.sleep(1)
    steps, way = [], min(30, int(target.get_attribute("max") or 30))
    for i in range(presses):
        key = {"key": "ArrowRight", "code": "ArrowRight", "windowsVirtualKeyCode": 39}
        if i % (2 * way) >= way:
            key = {"key": "ArrowLeft", "code": "ArrowLeft", "windowsVirtualKeyCode": 37}
        driver.execute_script("watch.keys = []; watch.changes = []")
        driver.execute_cdp_cmd("Input.dispatchKeyEvent", {"type": "rawKeyDown", **key})
        driver.execute_cdp_cmd("Input.dispatchKeyEvent", {"type": "keyUp", **key})
        steps.append(
            chromium.waits(driver, "return watch.changes.length && watch.changes[0] - watch.keys[0]", seconds=5)
        )
        time.sleep(0.05 + 0.0167 * (i % 7) / 7)
    return steps


def drag(driver: WebDriver, handle: str, seconds: float) -> dict[str, float]:
    """While the slider is dragged to and fro: frames a second, those of them with a new picture, blank ones; and how
    long after the pointer's release the picture last changed."""
    target = driver.find_element(By.CSS_SELECTOR, handle)
    box = driver.execute_script(
        "return (arguments[0].closest('.noUi-base') || arguments[0]).getBoundingClientRect().toJSON()", target
    )
    knob = driver.execute_script("return arguments[0].getBoundingClientRect().toJSON()", target)
    y = int(box["y"] + box["height"] / 2)
    if knob["width"] < box["width"]:
        start = int(knob["x"] + knob["width"] / 2)
    else:
        start = int(box["x"] + box["width"] / 4)
    builder = ActionBuilder(driver, duration=8)
    pointer = builder.pointer_action
    pointer.move_to_location(start, y)
    pointer.pointer_down()
    for i in range(int(seconds * 125)):
        there = i % 200 / 100
        there = there if there < 1 else 2 - there
        pointer.move_to_location(int(box["x"] + box["width"] * (0.05 + 0.9 * there)), y)
    pointer.pointer_up()
    driver.execute_script("watch.changes = []; watch.blank = watch.frames = 0")
    start = driver.execute_script("return performance.now()")
    builder.perform()
    frames, blank, end = driver.execute_script("return [watch.frames, watch.blank, performance.now()]")
    time.sleep(2)
    changes, up = driver.execute_script("return [watch.changes, watch.up]")
    return {
        "frames": 1000 * frames / (end - start),
        "pictures": 1000 * sum(start <= change <= end for change in changes) / (end - start),
        "blank": blank,
        "settles": max(0, max(changes, default=0) - up),
    }


def report(rows: dict[str, dict[str, float]], presses: int, seconds: float, load: float) -> str:
    """The page for docs/."""
    lines = [
        "# How fast the figures move",
        "",
        f"Measured on {datetime.date.today()} by `make bench-widgets` on {os.cpu_count()} cores of {processor()},",
        f"in JupyterLab in headless Chromium. Load of the machine as it began: {load:.1f} processes.",
        f"{presses} key presses, {seconds:g} s of drag to and fro over the whole slider, 125 pointer events a second.",
        "",
        "| figure | key to pixels, median (ms) | p95 (ms) | frames/s in a drag | new pictures/s | blank frames "
        "| settles after (ms) | first picture (ms) |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for name, row in rows.items():
        cells = [f"{row[key]:.1f}" for key in ("median", "p95")]
        cells += [f"{row[key]:.0f}" for key in ("frames", "pictures", "blank", "settles", "first")]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    lines += [
        "",
        "Key to pixels runs from the browser's time stamp of the key to the frame that paints the new picture; the",
        "screen shows 60 frames a second, so half a frame of it is waiting. New pictures are bounded by how many",
        "positions a slider has. *Settles*: from the pointer's release to the last change; more than a few frames if",
        "requests have queued up. First picture is counted from the moment when the cell has run, 0 if it came before.",
        "Goals: p95 ≤ 16.7 ms and ≥ 55 frames/s tabled, p95 ≤ 50 ms live, no blank frame, first picture ≤ 300 ms.",
        "`make lab` switches Nagle's algorithm off (see `tools/lab/jupyter_server_config.py`).",
    ]
    return "\n".join(lines) + "\n"


def processor() -> str:
    """The processor's name."""
    path = Path("/proc/cpuinfo")
    lines = path.read_text().splitlines() if path.exists() else []
    return next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), platform.machine())


def main() -> None:
    """Measure all cases, print the table, write the page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--presses", type=int, default=100)
    parser.add_argument("--seconds", type=float, default=3)
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "benchmark_widgets.md")
    parser.add_argument("--only", default="", help="measure only cases whose name contains this, and write nothing")
    options = parser.parse_args()
    names = [name for name in CASES if options.only in name]
    if chromium.MISSING:
        sys.exit(f"not on this machine: {', '.join(chromium.MISSING)}")
    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory() as folder:
        rows = {name: measure(name, options.presses, options.seconds, folder) for name in tqdm(names)}
    page = report(rows, options.presses, options.seconds, load)
    print(page)
    if not options.only:
        options.out.parent.mkdir(exist_ok=True)
        options.out.write_text(page, encoding="utf-8")


if __name__ == "__main__":
    main()
