"""Measure how fast the book's pages come: `make bench-book` writes docs/benchmark_book.md.

Each page is opened in headless Chromium from a local server, with an empty cache: as on a desk, and as Lighthouse plays
a phone, 390 pixels wide with a processor four times slower. The network isn't slowed, so what it would add is told by
the weights.
"""

import os
import statistics
import sys
import tempfile
import time
from datetime import date
from pathlib import Path

from selenium.webdriver.chromium.webdriver import ChromiumDriver
from tqdm import tqdm

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
from tests import chromium  # noqa: E402
from tools.bench_widgets import processor  # noqa: E402
from tools.book import Book  # noqa: E402

TIMES = 3  # a page is opened so often, and the middle figures are taken
DEVICES = {"desk": (1280, 1), "phone": (390, 4)}  # width in pixels, how many times slower than this machine
SEEN = """
window.seen = { LCP: 0, CLS: 0, long: [] };
const watch = (type, take) =>
  new PerformanceObserver((list) => list.getEntries().forEach(take)).observe({ type, buffered: true });
watch('largest-contentful-paint', (entry) => (seen.LCP = entry.startTime));
watch('layout-shift', (entry) => (seen.CLS += entry.hadRecentInput ? 0 : entry.value));
watch('longtask', (entry) => seen.long.push([entry.startTime, entry.duration]));
"""
READ = """
const [FCP] = performance.getEntriesByName('first-contentful-paint').map((entry) => entry.startTime);
const [live] = performance.getEntriesByName('book-live').map((entry) => entry.startTime);
const TBT = seen.long.reduce((sum, [start, took]) => sum + (start + took > FCP ? Math.max(0, took - 50) : 0), 0);
return { FCP, LCP: seen.LCP, live, TBT, CLS: seen.CLS };
"""


def measure(driver: ChromiumDriver, site: Path, address: str, width: int, slower: int) -> dict[str, float]:
    """One opening of a page: milliseconds, the share of the window that moved, and bytes as servers compress them."""
    chromium.resize(driver, width)
    driver.execute_cdp_cmd("Network.clearBrowserCache", {})
    driver.execute_cdp_cmd("Emulation.setCPUThrottlingRate", {"rate": slower})
    chromium.asked(driver)  # what was before
    driver.get(address)
    chromium.waits(driver, "return document.documentElement.dataset.live !== undefined")
    time.sleep(0.5 * slower)
    found = driver.execute_script(READ)
    found["weight"] = chromium.weight(driver, site)
    return found


def report(rows: dict[tuple[str, str], dict[str, float]], load: float) -> str:
    """The page for docs/."""
    lines = [
        "# How fast the book's pages come",
        "",
        f"Measured on {date.today()} by `make bench-book` on {os.cpu_count()} cores of {processor()},",
        "in headless Chromium, from a local server, with an empty cache; the middle of",
        f"{TIMES} openings. Load of the machine as it began: {load:.1f} processes. The phone is 390 pixels wide,",
        "and its processor four times slower.",
        "",
        "| page | on | first paint, ms | largest paint, ms | explorers live, ms | blocked, ms | moved | weight, MB |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for (page, device), row in rows.items():
        cells = [f"{row[key]:.0f}" for key in ("FCP", "LCP", "live", "TBT")]
        cells += [f"{row['CLS']:.3f}", f"{row['weight'] / 1e6:.2f}"]
        lines.append(f"| {page} | {device} | " + " | ".join(cells) + " |")
    lines += [
        "",
        "Lighthouse's names for them are first and largest contentful paint (FCP, LCP), total blocking time (TBT:",
        "what long tasks after the first paint take beyond 50 ms each), and cumulative layout shift (CLS: 0 if nothing",
        "moves). It calls an FCP up to 1.8 s, an LCP up to 2.5 s, a TBT up to 200 ms and a CLS up to 0.1 good. Weights",
        "are those of all files that a page loads, as servers compress them.",
    ]
    return "\n".join(lines) + "\n"


def main() -> None:
    """Write the book, open all its pages, write what was measured."""
    if chromium.MISSING:
        sys.exit(f"not on this machine: {', '.join(chromium.MISSING)}")
    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory() as folder, chromium.chromium(1280, 900, logs=True) as driver:
        site = Path(folder, "site")
        Book(home="https://github.com/someone/course").write(site)
        driver.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": SEEN})
        names = ["index", *(path.stem for path in sorted(site.glob("[0-9][0-9]_*.html")))]
        rows = {}
        with chromium.served(site) as address:
            for name in tqdm(names):
                for device, (width, slower) in DEVICES.items():
                    found = [measure(driver, site, f"{address}{name}.html", width, slower) for _ in range(TIMES)]
                    rows[name, device] = {key: statistics.median(one[key] or 0 for one in found) for key in found[0]}
    page = report(rows, load)
    print(page)
    (ROOT / "docs" / "benchmark_book.md").write_text(page, encoding="utf-8")


if __name__ == "__main__":
    main()
