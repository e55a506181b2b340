"""A real browser, JupyterLab to drive with it, and exported pages that load nothing from outside."""

import contextlib
import functools
import gzip
import http.server
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from urllib.parse import unquote, urlsplit

import anywidget
import nbformat
from nbclient import NotebookClient
from nbconvert import HTMLExporter
from selenium import webdriver
from selenium.webdriver.support.ui import WebDriverWait

from tools.npm import package as npm

CHROMIUM = next(filter(None, map(shutil.which, ["chromium", "chromium-browser", "google-chrome"])), None)
DRIVER = shutil.which("chromedriver")
NPM = shutil.which("npm")
SETTINGS = Path(__file__).resolve().parents[1] / "tools" / "lab" / "settings"
OPTIONS = """headless=new no-sandbox disable-gpu disable-quic no-first-run disable-background-networking
disable-component-update disable-sync""".split()
MISSING = [name for name, path in [("Chromium", CHROMIUM), ("chromedriver", DRIVER), ("npm", NPM)] if not path]


@contextlib.contextmanager
def chromium(width=1000, height=900, *options, logs=False):
    """A headless Chromium with a fresh profile, as a selenium driver. `logs`: it remembers what pages ask for."""
    with tempfile.TemporaryDirectory() as profile:
        settings = webdriver.ChromeOptions()
        settings.binary_location = CHROMIUM
        for option in [*OPTIONS, f"user-data-dir={profile}", f"window-size={width},{height}", *options]:
            settings.add_argument(f"--{option}")
        if logs:
            settings.set_capability("goog:loggingPrefs", {"performance": "ALL", "browser": "ALL"})
        driver = webdriver.Chrome(settings, webdriver.ChromeService(DRIVER))
        driver.set_script_timeout(120)
        try:
            yield driver
        finally:
            driver.quit()


def resize(driver, width, height=900, ratio=1):
    """A viewport of exactly this size: a window can't be narrower than 500 pixels."""
    metrics = {"width": width, "height": height, "deviceScaleFactor": ratio, "mobile": False}
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)


@contextlib.contextmanager
def lab(folder, *options):
    """JupyterLab with the settings of `make lab` and these options, serving `folder`; all its traces are in a temporary
    place. Yields its address."""
    with tempfile.TemporaryDirectory() as home:
        places = {f"JUPYTER_{name}_DIR": f"{home}/{name.lower()}" for name in ("CONFIG", "RUNTIME", "DATA")}
        places |= {"JUPYTERLAB_SETTINGS_DIR": f"{home}/settings", "JUPYTERLAB_WORKSPACES_DIR": f"{home}/workspaces"}
        command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", "--ServerApp.port=0"]
        command += ["--IdentityProvider.token=", f"--ServerApp.root_dir={folder}"]
        command += [f"--LabApp.app_settings_dir={SETTINGS}", "--LabApp.expose_app_in_browser=True"]
        command += ["--LabApp.news_url=None", "--log-level=WARN", *options]
        with open(f"{home}/log", "w+") as log:
            server = subprocess.Popen(command, env=os.environ | places, stdout=log, stderr=log)
            try:
                yield _address(server, Path(home, "runtime"), log)
            finally:
                server.terminate()
                server.wait(30)


def _address(server, runtime, log):
    for _ in range(600):
        for found in runtime.glob("jpserver-*.json"):
            with contextlib.suppress(json.JSONDecodeError):
                return json.loads(found.read_text())["url"]
        if server.poll() is not None:
            break
        time.sleep(0.1)
    log.seek(0)
    raise RuntimeError(f"JupyterLab did not start:\n{log.read()}")


class _Quiet(http.server.SimpleHTTPRequestHandler):
    """A server that keeps no record."""

    def log_message(self, *_):
        """Nothing."""


@contextlib.contextmanager
def served(folder):
    """A local server that hands out a folder. Yields its address, which ends with a slash."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(_Quiet, directory=folder)) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


def asked(driver):
    """All addresses that a page has asked for since this log was read last; the driver was made with `logs`."""
    events = [json.loads(entry["message"])["message"] for entry in driver.get_log("performance")]
    urls = [event["params"]["request"]["url"] for event in events if event["method"] == "Network.requestWillBeSent"]
    return [url for url in urls if not url.startswith(("data:", "blob:"))]


def weight(driver, folder):
    """Bytes of what a page has asked for of a folder that is `served`, as servers compress it."""
    files = {folder / unquote(urlsplit(url).path).lstrip("/") for url in asked(driver)}
    return sum(len(gzip.compress(path.read_bytes(), 6)) for path in files if path.is_file())


def write(path, *sources):
    """A notebook of code cells at `path`."""
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in sources])
    notebook.metadata["kernelspec"] = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}
    nbformat.write(notebook, path)
    return path


def open_and_run(driver, url, name, seconds=None):
    """Open a notebook in JupyterLab and run all its cells. A driver waits two minutes for a command; what may take
    longer is given `seconds`, and then waited for cell by cell."""
    driver.get(f"{url}lab/tree/{name}?reset")
    ready(driver)
    if seconds is None:
        command(driver, "notebook:run-all-cells")
        return
    driver.execute_script("window.jupyterapp.commands.execute('notebook:run-all-cells');")
    done = """const { cells } = window.jupyterapp.shell.currentWidget.content.model.sharedModel;
    return cells.filter((cell) => cell.cell_type === 'code').every((cell) => cell.execution_count);"""
    waits(driver, done, seconds=seconds)


def ready(driver):
    """Wait until JupyterLab shows a notebook and its kernel idles."""
    waits(driver, "return document.querySelector('.jp-Notebook .jp-Cell') && Boolean(window.jupyterapp)")
    waits(
        driver,
        """const session = window.jupyterapp.shell.currentWidget?.sessionContext;
        return session?.session?.kernel?.status === 'idle';""",
    )


def command(driver, name, arguments=None):
    """Have JupyterLab execute one of its commands, and wait for it."""
    driver.execute_async_script(
        """const [name, options, done] = arguments;
        window.jupyterapp.commands.execute(name, options || {}).then(() => done(), () => done());""",
        name,
        arguments,
    )


def waits(driver, script, *arguments, seconds=60):
    """Wait until a script returns something true, and return that."""
    return WebDriverWait(driver, seconds, 0.05).until(
        lambda driver: driver.execute_script(script, *arguments), f"never true: {script}"
    )


def export(notebook, page, theme="light"):
    """Run the notebook and export it, as JupyterLab does, to an HTML page; the libraries that the page would load
    from the network lie beside it."""
    content = nbformat.read(notebook, as_version=4)
    NotebookClient(content, timeout=300).execute()
    for name, source in {
        "require.js": npm("requirejs@2.3.8") / "require.js",
        "embed-amd.js": npm("@jupyter-widgets/html-manager@1.0.15") / "dist" / "embed-amd.js",
        "anywidget.js": Path(anywidget.__file__).parent / "nbextension" / "index.js",
    }.items():
        shutil.copy(source, page.parent / name)
    exporter = HTMLExporter(widget_renderer_url="embed-amd.js", require_js_url="require.js", theme=theme)
    page.write_text(exporter.from_notebook_node(content)[0], encoding="utf-8")
    return page.as_uri()
