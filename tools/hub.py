"""A hub to try on this computer: `make hub`, or `python -m tools.hub`, until Ctrl-C. Set up for real in docs/hub.md.

The student edition is written to a git repository on this machine, and the hub of hub/trial_config.py serves it: any
name logs in. Everything that the hub and its students write is kept in one folder, so the next trial goes on there.
"""

import argparse
import contextlib
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode

from tools import heads, npm

ROOT = heads.ROOT
STATE = ROOT / "build" / "hub"  # git ignores it
PROXY = "configurable-http-proxy@5.3.0"


def publish(state: Path) -> str:
    """Write the student edition to the branch `student` of a bare repository in `state`, as one more commit on it.
    Returns its address."""
    bare = state / "course.git"
    if not bare.exists():
        subprocess.run(["git", "init", "--quiet", "--bare", f"--initial-branch={heads.EDITION}", bare], check=True)
    with tempfile.TemporaryDirectory() as place:
        edition = Path(place, "edition")
        write = [sys.executable, "-m", "coursework.grader.student", str(edition)]
        subprocess.run(write, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
        git = ["git", "-c", "user.name=course", "-c", "user.email=course@example.org"]
        git += [f"--git-dir={bare}", f"--work-tree={edition}"]
        subprocess.run([*git, "add", "--all", "--force", "."], cwd=edition, check=True)
        subprocess.run([*git, "commit", "--quiet", "--allow-empty", "--message=Student edition"], check=True)
    return bare.as_uri()


def environment(state: Path, port: int = 0) -> dict[str, str]:
    """What hub/trial_config.py reads. `port` is the one that browsers use, any free one for 0."""
    control, hub, free = _free_ports(3)
    return {
        "COURSE_SOURCE": publish(state),
        "HUB_STATE": str(state),
        "HUB_EXCHANGE": str(state / "exchange"),
        "HUB_PROXY": json.dumps([str(npm.program(PROXY))]),
        "HUB_PROXY_PORT": str(control),
        "HUB_PORT": str(hub),
        "HUB_ADDRESS": f"http://127.0.0.1:{port or free}",
    }


def links(address: str, home: str | None = None) -> dict[str, str]:
    """{lesson: link} for a class: each logs in at the hub at `address`, fetches what is new, and opens the lesson.

    home  where the course lives, unless given what the hub itself pulls from.

    Raises ValueError if nobody has published it.
    """
    home = home or os.environ.get("COURSE_SOURCE", heads.address())
    if heads.PLACEHOLDER in home:
        raise ValueError(
            "Nobody has published this copy of the course yet, so there is nothing that a link could fetch."
        )
    start = f"{address.rstrip('/')}/hub/user-redirect/git-pull"
    return {path.stem: f"{start}?{query(home, f'notebooks/{path.name}')}" for path in heads.lessons()}


def query(home: str, path: str) -> str:
    """What a link asks nbgitpuller for: the student edition of the course that lives at `home`, then its file `path`.

    hub/jupyterhub_config.py, which imports nothing of `tools`, says the same of its own first lesson.
    """
    name = heads.project()["name"]
    wanted = {"repo": home, "branch": heads.EDITION, "targetpath": name, "urlpath": f"lab/tree/{name}/{path}"}
    return urlencode(wanted)


def _free_ports(count: int) -> list[int]:
    with contextlib.ExitStack() as stack:
        places = [stack.enter_context(socket.socket()) for _ in range(count)]
        for place in places:
            place.bind(("127.0.0.1", 0))
        return [place.getsockname()[1] for place in places]


def _want_free(port: int) -> None:
    with socket.socket() as place:
        place.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # a trial that has just ended doesn't count
        try:
            place.bind(("127.0.0.1", port))
        except OSError as error:
            raise RuntimeError(f"Port {port} is taken. Try make hub OPTIONS=--port={port + 1}.") from error


@contextlib.contextmanager
def trial(state: Path, port: int = 0, log: Path | None = None) -> Iterator[tuple[subprocess.Popen, dict[str, str]]]:
    """A trial hub that answers, as a process and its own variables; it goes with all its servers at the end.

    state  the folder of everything that is written.
    log    where its messages go, to this terminal unless given.

    Raises RuntimeError if the port is taken, or if it doesn't start.
    """
    if port:
        _want_free(port)
    for folder in (state, state / "homes", state / "exchange"):
        folder.mkdir(parents=True, exist_ok=True)
    (state / "exchange").chmod(0o777)  # nbgrader insists
    settings = environment(state, port)
    command = [sys.executable, "-m", "jupyterhub", "-f", str(ROOT / "hub" / "trial_config.py")]
    with contextlib.ExitStack() as stack:
        out = stack.enter_context(open(log, "w")) if log else None
        hub = subprocess.Popen(command, cwd=state, env=os.environ | settings, stdout=out, stderr=out)
        try:
            if not _answers(hub, settings["HUB_ADDRESS"]):
                raise RuntimeError(f"The hub did not start.\n{log.read_text()[-3000:] if log else ''}")
            yield hub, settings
        finally:
            hub.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                hub.wait(60)
            hub.kill()


def _answers(hub: subprocess.Popen, address: str, seconds: float = 60) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end and hub.poll() is None:
        with contextlib.suppress(OSError):  # of all kinds: refused, reset, too slow
            urllib.request.urlopen(f"{address}/hub/health", timeout=5)
            return True
        time.sleep(0.2)
    return False


def main() -> None:
    """Start a trial hub and say how to come in."""
    parser = argparse.ArgumentParser(prog="python -m tools.hub", description=__doc__.splitlines()[0])
    parser.add_argument("--port", type=int, default=8000)
    parser.add_argument("--fresh", action="store_true", help="forget all former trials first")
    parser.add_argument("--links", metavar="HUB", help="start nothing, print each lesson's link on a hub: https://...")
    wanted = parser.parse_args()
    if wanted.fresh:
        shutil.rmtree(STATE, ignore_errors=True)
    try:
        if wanted.links:
            print("\n".join(f"{lesson}: {link}" for lesson, link in links(wanted.links).items()))
            return
        with contextlib.suppress(KeyboardInterrupt), trial(STATE, wanted.port) as (hub, settings):
            print(
                f"\nOpen {settings['HUB_ADDRESS']} and log in with any name, without a password. This is a trial: all "
                f"servers run under your account.\nEverything is kept in {STATE.relative_to(ROOT)}/. Ctrl-C ends it.\n",
                flush=True,
            )
            hub.wait()
    except (RuntimeError, ValueError) as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
