"""A class at once on a trial hub: `make hub-load STUDENTS=20 LESSONS="01 05"`. Writes a table into docs/hub.md.

Every student logs in, waits for a server, pulls the student edition by its link, opens a lesson, and runs all its cells
without a pause, over the same addresses and the same websocket that JupyterLab uses. Meanwhile the memory of each
student's processes is added up: each one's own, and its share of what several of them share ("PSS"). Linux only.
"""

import argparse
import contextlib
import datetime
import json
import platform
import re
import statistics
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import requests
import websocket

from course_utils import machine
from tools import heads, hub

PAGE = heads.ROOT / "docs" / "hub.md"
TABLE = ("<!-- a class at once: `make hub-load` writes it -->\n\n", "\n<!-- end of a class at once -->")
LONGEST = 900  # seconds that a student waits for anything


class Student:
    """One student's browser."""

    def __init__(self, address: str, name: str, source: str) -> None:
        """address: the hub's. source: the repository of the student edition."""
        self.address, self.name, self.source = address, name, source
        self.session = requests.Session()
        self.times: dict[str, float] = {}  # seconds from logging in to ...

    @property
    def home(self) -> str:
        """Address of the student's own server."""
        return f"{self.address}/user/{self.name}"

    def log_in(self) -> None:
        """By the form of the login page, as a browser does."""
        self._get(f"{self.address}/hub/login")
        form = {"username": self.name, "password": "", "_xsrf": self._cookie("/hub/")}
        answer = self.session.post(f"{self.address}/hub/login?next=%2Fhub%2Fhome", data=form, timeout=LONGEST)
        answer.raise_for_status()

    def start(self) -> None:
        """Ask for a server and wait until it is ready. Raises RuntimeError if it isn't in the end."""
        page = self._get(f"{self.address}/hub/spawn").text
        found = re.search(r'new EventSource\("([^"]+)"', page)
        if found is None:
            raise RuntimeError(f"{self.name}: no page that waits for a server, but {page[:300]!r}")
        for event in self._events(self.address + found[1].replace("\\u0026", "&")):
            if event.get("failed"):
                raise RuntimeError(f"{self.name}: {event['message']}")
            if event.get("ready"):
                return
        raise RuntimeError(f"{self.name}: the hub no longer says how far the server is")

    def pull(self, notebook: str) -> None:
        """Follow a link of nbgitpuller to a notebook of the course. Raises RuntimeError if git fails."""
        path = f"{heads.project()['name']}/{notebook}"
        wanted = hub.query(self.source, notebook)
        self._get(f"{self.address}/hub/user-redirect/git-pull?{wanted}")
        for event in self._events(f"{self.home}/git-pull/api?{wanted}"):
            if event["phase"] == "error":
                raise RuntimeError(f"{self.name}: {event['message']}")
            if event["phase"] == "finished":
                break
        page = self._get(f"{self.home}/lab/tree/{path}").text
        for script in re.findall(r'<script[^>]* src="([^"]+)"', page):
            self._get(self.address + script)

    def run(self, path: str, edit: Callable[[str], str] = str) -> None:
        """Run all cells of a notebook. Raises RuntimeError if one of them fails.

        path  from the folder of the student.
        edit  what becomes of a cell's source before it runs.
        """
        cells = self._get(f"{self.home}/api/contents/{path}").json()["content"]["cells"]
        wanted = {"path": path, "type": "notebook", "name": path, "kernel": {"name": "python3"}}
        kernel = self.post("api/sessions", wanted)["kernel"]["id"]
        place = f"{self.home.replace('http', 'ws', 1)}/api/kernels/{kernel}/channels?session_id={uuid.uuid4().hex}"
        cookies = "; ".join(f"{cookie.name}={cookie.value}" for cookie in self._cookies(f"/user/{self.name}/"))
        with contextlib.closing(
            websocket.create_connection(place, timeout=LONGEST, cookie=cookies, origin=self.address)
        ) as channel:
            for cell in cells:
                if cell["cell_type"] == "code":
                    self._execute(channel, edit("".join(cell["source"])))

    def post(self, place: str, data: dict) -> Any:
        """Send something to the student's own server. Returns its answer."""
        token = {"X-XSRFToken": self._cookie(f"/user/{self.name}/")}
        answer = self.session.post(f"{self.home}/{place}", json=data, headers=token, timeout=LONGEST)
        answer.raise_for_status()
        return answer.json()

    def lesson(self, notebook: str) -> None:
        """All of it, with the time that each part takes."""
        start = time.monotonic()
        self.log_in()
        self.start()
        self.times["ready"] = time.monotonic() - start
        self.pull(notebook)
        self.times["open"] = time.monotonic() - start
        self.run(f"{heads.project()['name']}/{notebook}")
        self.times["done"] = time.monotonic() - start

    def _execute(self, channel: websocket.WebSocket, code: str) -> None:
        header = {"msg_id": uuid.uuid4().hex, "username": self.name, "session": "", "version": "5.3"}
        header |= {"msg_type": "execute_request", "date": datetime.datetime.now(datetime.UTC).isoformat()}
        content = {"code": code, "silent": False, "store_history": True, "allow_stdin": False, "stop_on_error": True}
        message = {"header": header, "parent_header": {}, "metadata": {}, "content": content, "channel": "shell"}
        channel.send(json.dumps(message))
        answered = idle = False
        while not (answered and idle):
            got = channel.recv()
            if isinstance(got, bytes):  # a picture's or an explorer's numbers
                continue
            reply = json.loads(got)
            if reply["parent_header"].get("msg_id") != header["msg_id"]:
                continue
            if reply["msg_type"] == "error":
                raise RuntimeError(f"{self.name}: {reply['content']['ename']}: {reply['content']['evalue']}\n{code}")
            answered |= reply["msg_type"] == "execute_reply"
            idle |= reply["msg_type"] == "status" and reply["content"]["execution_state"] == "idle"

    def _get(self, address: str, **options: Any) -> requests.Response:
        answer = self.session.get(address, timeout=LONGEST, **options)
        answer.raise_for_status()
        return answer

    def _events(self, address: str) -> Iterator[dict]:
        with self._get(address, stream=True) as answer:
            for line in answer.iter_lines():
                if line.startswith(b"data:"):
                    yield json.loads(line[5:])

    def _cookies(self, path: str) -> list:
        return [cookie for cookie in self.session.cookies if path.startswith(cookie.path)]

    def _cookie(self, path: str) -> str:
        """The token against forged requests that belongs to an address."""
        (value,) = (cookie.value for cookie in self._cookies(path) if cookie.name == "_xsrf" and cookie.path == path)
        return value or ""


# ---------------------------------------------------------------------------------------------------------------------
# Measuring


@dataclass
class Watch(threading.Thread):
    """Looks each second at how much memory the hub and its students take. MB are of 1024 * 1024 bytes."""

    process: psutil.Process
    most: dict[str, float] = field(default_factory=dict)  # of each student in MB, "" is the hub with its proxy
    together: float = 0.0  # MB of all at the worst moment
    seconds: dict[str, float] = field(default_factory=dict)  # of computing
    over: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        super().__init__(daemon=True)

    __hash__ = threading.Thread.__hash__

    def run(self) -> None:
        """Until `over` is set."""
        while not self.over.wait(1):
            self.look()

    def look(self) -> None:
        """Take down what is there now."""
        memory: dict[str, float] = {}
        busy: dict[int, tuple[str, float]] = {}
        for process in [self.process, *self.process.children(recursive=True)]:
            with contextlib.suppress(psutil.Error):
                name = process.environ().get("JUPYTERHUB_USER", "")
                memory[name] = memory.get(name, 0) + process.memory_full_info().pss / 2**20
                times = process.cpu_times()
                busy[process.pid] = (name, times.user + times.system)
        self.together = max(self.together, sum(memory.values()))
        for name, used in memory.items():
            self.most[name] = max(self.most.get(name, 0), used)
        for name in memory:
            spent = sum(seconds for who, seconds in busy.values() if who == name)
            self.seconds[name] = max(self.seconds.get(name, 0), spent)


def measure(count: int, notebook: str) -> list[str]:
    """Play `count` students who take a lesson at once, on a hub of their own. Returns the cells of a table's row.

    Raises RuntimeError if a student fails.
    """
    with tempfile.TemporaryDirectory() as place:
        state = Path(place)
        with hub.trial(state, log=state / "log") as (process, settings):
            names = [f"student{i:03}" for i in range(count)]
            students = [Student(settings["HUB_ADDRESS"], name, settings["COURSE_SOURCE"]) for name in names]
            watch = Watch(psutil.Process(process.pid))
            watch.start()
            with ThreadPoolExecutor(count) as pool:
                list(pool.map(lambda student: student.lesson(notebook), students))
            watch.look()
            watch.over.set()
            watch.join()
    waited = [waits([student.times[part] for student in students]) for part in ("ready", "open", "done")]
    of_hub = watch.most.pop("")
    each = statistics.median(watch.most.values())
    computed = statistics.median(watch.seconds[name] for name in names)
    return [
        *(str(count), Path(notebook).stem[:2], *waited, f"{each:.0f} MB", f"{of_hub:.0f} MB"),
        *(f"{watch.together / 1024:.1f} GB", f"{computed:.0f} s"),
    ]


def waits(seconds: list[float]) -> str:
    """How long half of them, and the last, had to wait."""
    half, last = statistics.median(seconds), max(seconds)
    return f"{last:.0f} s" if len(seconds) == 1 else f"{half:.0f} s, {last:.0f} s"


def table(rows: list[list[str]]) -> str:
    """What stands in docs/hub.md."""
    columns = "at once|lesson|server ready|lesson open|all cells run|of each|of the hub|of all|computing of each"
    cores, memory = machine.quota() or machine.processors(), psutil.virtual_memory().total / 2**30
    system = f"{platform.system()} {platform.machine()}, {cores:g} processors, {memory:.0f} GB"
    lines = [f"Measured on {datetime.date.today()}: {system}, Python {platform.python_version()}.", ""]
    lines += [f"| {columns.replace('|', ' | ')} |", "|---" * len(columns.split("|")) + "|"]
    return "\n".join([*lines, *(f"| {' | '.join(row)} |" for row in rows)]) + "\n"


def main() -> None:
    """Measure, and write the page."""
    parser = argparse.ArgumentParser(prog="python -m tools.hub_load", description=__doc__.splitlines()[0])
    parser.add_argument("--students", nargs="+", type=int, default=[1, 20], help="how many at once")
    parser.add_argument("--lessons", nargs="+", default=["01", "05"], help="their numbers")
    parser.add_argument("--check", action="store_true", help="write no page")
    wanted = parser.parse_args()
    found = {path.name[:2]: f"notebooks/{path.name}" for path in heads.lessons()}
    if unknown := set(wanted.lessons) - set(found):
        sys.exit(f"lessons: got {', '.join(sorted(unknown))}, wants some of {', '.join(found)}")
    rows = []
    for number in wanted.lessons:
        for count in wanted.students:
            rows.append(measure(count, found[number]))
            print(" | ".join(rows[-1]), flush=True)
    text = table(rows)
    print(text)
    if not wanted.check:
        page = heads.between(PAGE.read_text(encoding="utf-8"), TABLE, text)
        PAGE.write_text(page, encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main()
