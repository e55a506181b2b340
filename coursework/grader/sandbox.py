"""One submission, one throw-away sandbox: a job in, text out, and nothing else goes either way.

Inside there is Python with its packages, the course without its checks, and the job. There is no network, no other
file of this machine, no key. Where a question asks for the student's own derivation, the notebook runs once more in a
bare room, which has neither the package's gradients nor a library that differentiates, and only that one answers it.

Memory, processes, files, output and time are capped twice: by limits inside, and from out here, where the kernel's
control groups bound memory, processes and computing if they may be used (`cgroup`), and a watchdog ends the whole
sandbox for the rest, or for all of it.
"""

import atexit
import contextlib
import fcntl
import functools
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any, NamedTuple

from coursework.grader import blame, cgroup, syscalls
from coursework.grader.borrowed import LIBRARIES, PACKAGE, TOOLS

ROOT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).resolve().parent
RUNNER = HERE / "runner.py"
MET = (RUNNER, HERE / "blame.py", HERE / "magics.py", ROOT / "coursework" / "plain.py")  # of the grader, this is met
FILTER, FILTERS_AT = "syscalls.bpf", "9"  # its file, and the descriptor by which bubblewrap reads it
ENTER = """
if [ -n "$1" ]; then echo 0 > "$1/cgroup.procs" || exit 125; fi
if [ -s "$2" ]; then exec 9< "$2"; fi
shift 2
exec "$@"
"""  # a shell's words: into the control group, open the filter, become the sandbox
CHANCE = "chance"  # a file whose bytes look like chance, the same in every run
IMAGE = "gradients-through-time-grader"
WORK = "/room/coursework/work"  # inside: where the notebook runs; ../../data is the course's data, as in the course
SILENT = """
class Silent:
    '''Stands for all that knows of answers: whatever is done with it, it says nothing and knows nothing.'''

    def __call__(self, *given, **named):
        return self

    __getitem__ = __call__

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return self

    def __contains__(self, thing):
        return True

    def __iter__(self):
        return iter(())


def check(name, answer):
    pass


def debug(assignment, *factors):
    pass


def show_numbers(form, value):
    pass


__getattr__ = Silent().__getattr__
"""  # in place of what notebooks may import to check their answers, whatever they take from there
CHECKS = [*(ROOT / "course_utils" / "checks").glob("*.py"), *(ROOT / "coursework").glob("[!_]*.py")]
STUBS = {path.relative_to(ROOT).as_posix(): SILENT for path in sorted(CHECKS)} | {"coursework/__init__.py": ""}


@dataclass(frozen=True)
class Limits:
    """What one submission may take: bytes, processes, seconds by the clock in all, seconds of computing for a step."""

    memory: int = 3 * 2**30
    processes: int = 40
    disk: int = 64 * 2**20
    output: int = 16 * 2**20
    seconds: float = 180
    cell_seconds: float = 60
    answer_seconds: float = 10


class MachineError(RuntimeError):
    """This machine couldn't run a submission now, through no fault of it: nothing is stored, it is tried again."""


class SandboxError(MachineError):
    """No sandbox here, it didn't start, or it doesn't hold."""


LOCK, MARK = "in-use", "grader-"
NEWBORN = 60  # seconds in which a folder may not have its lock yet


@functools.lru_cache
def workshop() -> tuple[Path, IO[bytes]]:
    """This process's own folder for temporary files, and the lock that says it is in use, until this process ends."""
    sweep(Path(tempfile.gettempdir()))
    path = Path(tempfile.mkdtemp(prefix=MARK))
    atexit.register(drop_room)
    path.chmod(0o755)
    lock = open(path / LOCK, "wb")
    fcntl.flock(lock, fcntl.LOCK_EX)
    return path, lock


def sweep(place: Path) -> list[Path]:
    """Remove what graders that were killed have left in a folder for temporary files. Returns what was removed."""
    removed = []
    for folder in place.glob(f"{MARK}*"):
        with contextlib.suppress(OSError):
            with open(folder / LOCK, "rb") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)  # nobody holds it, not in another container either
                if time.time() > os.fstat(lock.fileno()).st_mtime + NEWBORN:
                    shutil.rmtree(folder, ignore_errors=True)
                    removed.append(folder)
    if (groups := cgroup.delegated()) is not None:
        cgroup.sweep(groups)
    return removed


@functools.lru_cache
def room() -> Path:
    """A folder that submissions may read: the runner, the course without its checks, and its data."""
    path = workshop()[0] / "room"
    shutil.rmtree(path, ignore_errors=True)  # half a room, of a try for which there was no place on the disk
    path.mkdir()
    path.chmod(0o755)
    skip = shutil.ignore_patterns("checks", "__pycache__")
    shutil.copytree(ROOT / "course_utils", path / "course_utils", ignore=skip)
    shutil.copytree(ROOT / "data", path / "data", ignore=skip)
    for name, source in STUBS.items():
        (path / name).parent.mkdir(exist_ok=True)
        (path / name).write_text(source, encoding="utf-8")
    for file in MET:
        shutil.copy(file, path / file.name)
    (path / "coursework" / "work").mkdir()
    (path / "matplotlib").mkdir()
    (path / CHANCE).write_bytes(random.Random(0).randbytes(2**20))
    (path.parent / FILTER).write_bytes(syscalls.program() or b"")
    python = functools.partial(
        subprocess.run, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=120, text=True, check=True
    )
    python([sys.executable, "-m", "compileall", "-q", str(path)])
    with contextlib.suppress(subprocess.SubprocessError):  # matplotlib's list of fonts takes seconds to make anew
        show = "import matplotlib.font_manager; print(matplotlib.get_cachedir())"
        run = python([sys.executable, "-c", show])
        for fonts in Path(run.stdout.strip()).glob("fontlist*.json"):
            shutil.copy(fonts, path / "matplotlib")
    for entry in [path, *path.rglob("*")]:
        entry.chmod(0o755 if entry.is_dir() else 0o644)
    return path


@functools.lru_cache
def bare_room() -> Path:
    """The same folder without what the package has for derivatives."""
    names = [name.rpartition(".")[2] for name in PACKAGE]
    skip = shutil.ignore_patterns(*names, *(f"{name}.*" for name in names))
    path = room().parent / "bare"
    shutil.rmtree(path, ignore_errors=True)
    return Path(shutil.copytree(room(), path, ignore=skip))


PACKAGES = ("lib", "lib64", "local/lib", "envs/*/lib", "pkgs/*/lib")  # where a Python or conda keeps them


def libraries() -> list[Path]:
    """Folders of the libraries that differentiate: each copy that the sandbox shows, of this Python or another one."""
    places = [place for top in _seen() for lib in PACKAGES for place in top.glob(f"{lib}/python3*/*-packages")]
    folders = {(place / name).resolve() for place in places for name in LIBRARIES}
    return sorted(folder for folder in folders if folder.is_dir() and any(map(folder.is_relative_to, _seen())))


def drop_room() -> None:
    """Remove this process's room, if it made one."""
    if workshop.cache_info().currsize:
        path, lock = workshop()
        shutil.rmtree(path, ignore_errors=True)
        lock.close()
        room.cache_clear()
        bare_room.cache_clear()
        workshop.cache_clear()


ENVIRONMENT = {
    "HOME": "/tmp",
    "LANG": "C.UTF-8",
    "LOGNAME": "student",
    "MKL_NUM_THREADS": "1",
    "MPLBACKEND": "Agg",
    "MPLCONFIGDIR": "/tmp/matplotlib",
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "PATH": "/usr/bin:/bin",
    "PYTHONDONTWRITEBYTECODE": "1",
    "PYTHONHASHSEED": "0",
    "TQDM_DISABLE": "1",
    "USER": "student",
}


def kinds() -> list[str]:
    """The kinds of sandbox that this machine has the programs for, best first."""
    found = ["bubblewrap"] if sys.platform == "linux" and shutil.which("bwrap") else []
    return found + [name for name in ("podman", "docker") if shutil.which(name)]


def command(kind: str, limits: Limits, name: str = "grader", bare: bool = False) -> list[str]:
    """The command line that runs the runner in a sandbox of this kind, as a list. bare: in the room for derivations."""
    place = bare_room() if bare else room()
    if kind == "bubblewrap":
        return _bubblewrap(limits, place, libraries() if bare else [])
    if kind in ("docker", "podman"):
        return _container(kind, limits, name, place, LIBRARIES if bare else ())
    if kind == "unsafe":
        return [sys.executable, "-s", "-B", str(place / "runner.py")]
    raise ValueError(f"kind: got {kind!r}, wants bubblewrap, docker, podman or unsafe")


def _bubblewrap(limits: Limits, place: Path, hidden: list[Path]) -> list[str]:
    """As an ordinary user: one bwrap. As root: one more around it, which lets an ordinary user see what it needs.

    place   the folder that is the room
    hidden  folders in whose place there are empty ones
    """
    system = _system()
    size = ["--size", str(limits.disk)]
    fonts = [
        word
        for path in sorted((place / "matplotlib").glob("fontlist*.json"))
        for word in ("--ro-bind", str(path), f"/tmp/matplotlib/{path.name}")
    ]
    empty = [
        word for folder in map(str, hidden) for word in ("--size", "4096", "--tmpfs", folder, "--remount-ro", folder)
    ]
    environment = [word for name, value in ENVIRONMENT.items() for word in ("--setenv", name, value)]
    chance = [word for name in ("random", "urandom") for word in ("--ro-bind", str(place / CHANCE), f"/dev/{name}")]
    # fmt: off
    inner = [
        "bwrap",
        "--unshare-all", "--unshare-user", "--disable-userns", "--uid", "65534", "--gid", "65534",
        "--die-with-parent", "--new-session", "--as-pid-1", "--hostname", "grader", "--clearenv",
        *size, "--tmpfs", "/tmp",
        *system,
        "--proc", "/proc",
        "--dev", "/dev", *size, "--tmpfs", "/dev/shm", "--size", "4096", "--tmpfs", "/dev/pts",  # a machine has few
        "--remount-ro", "/dev/pts", *chance, "--remount-ro", "/dev",
        *_see(place, Path("/room")),
        *empty,
        *fonts,
        *size, "--tmpfs", WORK, "--chdir", WORK, "--remount-ro", "/",
        *environment,
        *(["--seccomp", FILTERS_AT] if syscalls.program() else []),
        sys.executable, "-s", "-B", "/room/runner.py",
    ]
    if os.getuid() != 0:
        return inner
    user = str(200_000 + uuid.uuid4().int % 1_000_000)
    return [
        "bwrap",
        "--dev-bind", "/proc", "/proc", "--dev-bind", "/dev", "/dev",
        *system,
        *_see(place, place),
        "--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID", "--die-with-parent",
        "setpriv", "--reuid", user, "--regid", user, "--clear-groups",
        *inner,
    ]
    # fmt: on


def _system() -> list[str]:
    """Arguments that show the system's programs and this Python, read-only."""
    words = ["--ro-bind", "/usr", "/usr"]
    for link in (Path("/lib"), Path("/lib32"), Path("/lib64"), Path("/bin")):
        if link.is_symlink():
            words += ["--symlink", os.readlink(link), str(link)]
        elif link.exists():
            words += ["--ro-bind", str(link), str(link)]
    for folder in _seen()[1:]:
        if not folder.is_relative_to("/usr"):
            words += _see(folder, folder)
    return words


def _seen() -> list[Path]:
    """Folders with programs and libraries that submissions may read."""
    return [Path("/usr"), *sorted({Path(sys.base_prefix).resolve(), Path(sys.prefix).resolve()})]


def _see(source: Path, target: Path) -> list[str]:
    """Arguments that show a folder read-only. bwrap makes parents that only their owner may enter, so name them."""
    parents = [str(parent) for parent in reversed(target.parents) if parent != Path("/")]
    made = [
        word for parent in parents if parent not in ("/tmp", "/room") for word in ("--perms", "0755", "--dir", parent)
    ]
    if "/tmp" in parents and target == source:
        made = ["--perms", "0755", "--dir", "/tmp", *made]
    return [*made, "--ro-bind", str(source), str(target)]


IN_IMAGE = "/usr/local/lib/python3.11/site-packages"


def _container(kind: str, limits: Limits, name: str, place: Path, hidden: Sequence[str]) -> list[str]:
    """Docker and Podman: an image with the student's packages, see the Dockerfile beside this file."""
    words = [kind, "run", "--rm", "--interactive", "--name", name, "--network", "none", "--read-only"]
    words += ["--memory", str(limits.memory), "--memory-swap", str(limits.memory), "--cpus", "1"]
    words += ["--pids-limit", str(limits.processes), "--cap-drop", "ALL", "--security-opt", "no-new-privileges"]
    words += ["--user", "65534:65534", "--hostname", "grader", "--pull", "never"]
    words += ["--shm-size", str(limits.disk), "--tmpfs", f"/tmp:size={limits.disk},mode=1777"]
    for library in hidden:
        words += ["--tmpfs", f"{IN_IMAGE}/{library}:size=4k,mode=0555"]
    words += ["--volume", f"{place}:/room:ro", "--tmpfs", f"{WORK}:size={limits.disk},mode=1777", "--workdir", WORK]
    for key, value in ENVIRONMENT.items():
        if key != "PATH":
            words += ["--env", f"{key}={value}"]
    return [*words, IMAGE, "python", "-s", "-B", "/room/runner.py"]


def capped_by(kind: str) -> str:
    """Who looks after the memory of a whole sandbox of this kind on this machine, in words."""
    if kind in ("docker", "podman"):
        return "the container's own limits"
    if kind == "bubblewrap" and cgroup.delegated() is not None:
        return "a control group (cgroup v2) for each submission"
    return "the watchdog, since no control group was handed to this program"


class Run(NamedTuple):
    """What came out of one room: the text, or None and the reason; and the seconds by the clock that it has used."""

    text: str | None
    reason: str | None
    seconds: float = 0.0


def execute(
    job: dict[str, Any], kind: str, limits: Limits, waits: Sequence[float] | None = None
) -> tuple[str | None, str | None]:
    """Run a job, which is {"cells", "questions", "seed"}. Returns (text that came out, None) or (None, reason).

    Both are plain text; what comes out of the bare room is a second line. Where that room fails, its line says why, and
    the first room's answers stand.

    A MachineError means that this machine could not run it, whatever the submission is (a SandboxError, that no sandbox
    came up): that is nobody's mark. Before, it is tried as often as there are `waits`: the seconds after each try. But
    what has used up its time by the clock isn't tried again: one submission holds this process no longer than is said
    in the guide.
    """
    lines: list[str] = []
    used = 0.0
    for part in parts(job):
        run = Run(None, f"there was no time left: the notebook took longer than the {limits.seconds:g} s allowed")
        if not lines or used < limits.seconds:
            run = _execute_patiently(part, kind, limits, WAITS if waits is None else waits)
        if run.text is None and not lines:
            return None, run.reason
        used += run.seconds
        text = run.text or _nothing(part, str(run.reason))
        lines.append(text.strip().replace("\n", " "))  # a line of JSON is one: whoever writes two has forged one
    return "\n".join(lines), None


def parts(job: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """A job as one for each room. A job for the bare one names in `absent` what isn't there."""
    derivations = [question for question in job["questions"] if question.get("derive")]
    yield {**job, "questions": [question for question in job["questions"] if not question.get("derive")]}
    if derivations:
        yield {**job, "questions": derivations, "absent": TOOLS}


def _nothing(job: dict[str, Any], reason: str) -> str:
    """What comes out of a room where no question got an answer."""
    answers = {question["name"]: {"values": [], "complaint": reason} for question in job["questions"]}
    return json.dumps({"cells": {}, "answers": answers})


def _execute_patiently(job: dict[str, Any], kind: str, limits: Limits, waits: Sequence[float]) -> Run:
    begun = time.monotonic()
    for wait in waits:
        try:
            run = Run(*_execute_once(job, kind, limits))
            if run.reason not in (SHORT, BUSY):
                return run
            trouble: MachineError = MachineError(run.reason)
            if run.reason == BUSY:
                break
        except MachineError as error:
            trouble = error
        except (OSError, subprocess.SubprocessError, MemoryError, RuntimeError) as error:  # no thread is a RuntimeError
            trouble = SandboxError(f"the sandbox could not be used ({type(error).__name__}: {error})")
        with contextlib.suppress(OSError):
            if room.cache_info().currsize and not (room() / RUNNER.name).exists():
                drop_room()  # somebody has cleaned up the folder for temporary files: made anew
        if time.monotonic() - begun > limits.seconds:
            break
        time.sleep(wait)  # maybe a neighbour took it all: try again when it is gone
    raise trouble


SHORT = "the machine ran short of memory"
BUSY = "the machine was so busy with other programs that the submission's time was over before it could compute"
LOST = "the machine's kernel ended it for want of memory, though it held no more than it may"
ENDED = "something outside of the sandbox ended it"
NO_PROCESS = "the machine had no process left for it"
WAITS = (5, 20, 0)  # seconds after each try
BUSIEST = 3  # what a submission may take by the clock at most, as a multiple of the seconds that are its own


def _execute_once(job: dict[str, Any], kind: str, limits: Limits) -> Run:
    name = f"grader-{uuid.uuid4().hex}"
    inside = {**asdict(limits), "processes": limits.processes if kind == "bubblewrap" else None}
    payload = json.dumps({**job, "limits": inside}).encode()
    kills = blame.kills_for_memory()
    with contextlib.ExitStack() as at_last:
        folder = Path(tempfile.mkdtemp(dir=workshop()[0]))
        at_last.callback(shutil.rmtree, folder, ignore_errors=True)
        groups = cgroup.delegated() if kind == "bubblewrap" else None
        group = cgroup.Group(groups, limits.memory, limits.processes) if groups else None
        if group:
            at_last.callback(group.end)
        enter = ["/bin/sh", "-c", ENTER, "sh", str(group.folder) if group else "", str(workshop()[0] / FILTER)]
        complaints = at_last.enter_context(tempfile.TemporaryFile())
        process = subprocess.Popen(
            [*(enter if kind == "bubblewrap" else []), *command(kind, limits, name, bare="absent" in job)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=complaints,
            cwd=folder if kind == "unsafe" else "/",
            env={**os.environ, **ENVIRONMENT} if kind == "unsafe" else None,
            start_new_session=True,
        )
        stop = functools.partial(_stop, process, kind, name)
        watchdog = Watchdog(process, stop, limits, group)
        try:
            watchdog.start()
            output = _converse(process, payload, limits.output, watchdog)
        finally:
            stop()
            if watchdog.ident:
                watchdog.join()
        own_fault = group.ran_out_of_memory() if group else watchdog.most > limits.memory
        if group:
            lost = group.was_killed_into() and not own_fault
        else:  # of a container it can't be told: the kernel counts its kills for the container's own cap, too
            rose = kills is not None and (blame.kills_for_memory() or 0) > kills
            by_force = process.returncode in (blame.KILLED, -9, 128 + 9)
            lost = kind in ("bubblewrap", "unsafe") and rose and by_force and not own_fault
        complaints.seek(0)
        said = complaints.read(2000).decode(errors="replace").strip()
    if watchdog.reason:
        return Run(None, watchdog.reason, watchdog.seconds)
    if lost:
        raise MachineError(LOST)
    report = output.strip() if output else b""
    if report.startswith(b"{"):
        return Run(report.decode("ascii", errors="replace"), None, watchdog.seconds)
    if group and own_fault:
        return Run(None, too_much(limits), watchdog.seconds)
    if not output:
        raise SandboxError(f"the sandbox could not be started (status {process.returncode}). {said}".strip())
    if process.returncode == blame.NO_PROCESS:
        raise MachineError(NO_PROCESS)
    from_outside = {"bubblewrap": (-9, -15, 128 + 9), "podman": (-9, -15), "docker": (-9, -15)}
    if process.returncode in from_outside.get(kind, ()):  # nothing inside may do that, see `syscalls`
        raise MachineError(ENDED)
    return Run(None, "the notebook ended the whole sandbox", watchdog.seconds)


def too_much(limits: Limits) -> str:
    """What is said of a notebook that took too much memory."""
    return f"the notebook took more than {limits.memory / 2**30:.1f} GiB of memory"


def _converse(process: subprocess.Popen[bytes], payload: bytes, most: int, watchdog: "Watchdog") -> bytes | None:
    """Hand the job in and read what comes out, at most `most` bytes."""

    assert process.stdin and process.stdout
    stdin, stdout = process.stdin, process.stdout

    def feed() -> None:
        with contextlib.suppress(OSError), stdin:
            stdin.write(payload)

    threading.Thread(target=feed, daemon=True).start()
    chunks, size = [], 0
    while chunk := os.read(stdout.fileno(), 65536):
        chunks.append(chunk)
        size += len(chunk)
        if size > most:
            watchdog.reason = "the notebook handed out far too much"
            return None
    return b"".join(chunks)


def _stop(process: subprocess.Popen[bytes], kind: str, name: str) -> None:
    """End a sandbox and all in it."""
    if kind in ("docker", "podman") and process.poll() is None:
        with contextlib.suppress(OSError, subprocess.SubprocessError):  # its client is ended all the same
            subprocess.run([kind, "kill", name], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=60)
    if kind == "unsafe":
        for pid in descendants(process.pid):
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, 9)
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, 9)
    process.kill()
    process.wait()


class Watchdog(threading.Thread):
    """Ends a sandbox that takes too long, holds too much or has too many processes, should the caps inside fail.

    Of memory in a control group it leaves the counting to the kernel, which sees more.
    """

    def __init__(
        self,
        process: subprocess.Popen[bytes],
        stop: Callable[[], None],
        limits: Limits,
        group: cgroup.Group | None = None,
    ):
        super().__init__(daemon=True)
        self.process, self.stop, self.limits, self.group = process, stop, limits, group
        self.reason: str | None = None
        self.most = 0  # bytes of memory that were held at a time, as far as they were seen
        self.clock = blame.Clock(lambda: [process.pid, *descendants(process.pid)])
        self.begun = self.clock.now()
        self.seconds = 0.0  # that it has used so far

    def run(self) -> None:
        """Look ten times a second."""
        latest = time.monotonic() + BUSIEST * self.limits.seconds + 5
        while self.process.poll() is None:
            processes = descendants(self.process.pid)
            self.seconds = self.clock.now() - self.begun
            if self.group is None:
                self.most = max(self.most, held(processes, self.limits.memory) + kept(processes))
            if self.seconds > self.limits.seconds + 5:
                self.reason = f"the notebook took longer than {self.limits.seconds:g} s in all"
            elif time.monotonic() > latest:
                self.reason = BUSY
            elif len(processes) > 2 * self.limits.processes:
                self.reason = "the notebook started too many processes"
            elif self.most > 1.25 * self.limits.memory:
                self.reason = too_much(self.limits)
            elif available() < 0.05:
                self.reason = SHORT
            if self.reason:
                self.stop()
                return
            time.sleep(0.1)


def descendants(pid: int) -> list[int]:
    """A process's children, their children and so on. Empty where there is no /proc."""
    found: list[int] = []
    todo = [pid]
    while todo:
        try:
            threads = os.listdir(f"/proc/{todo[-1]}/task")
            parent = todo.pop()
            for thread in threads:
                children = Path(f"/proc/{parent}/task/{thread}/children").read_text().split()
                found += map(int, children)
                todo += map(int, children)
        except (OSError, IndexError):
            todo = todo[:-1] if todo else todo
    return found


def held(processes: list[int], suspicious: int) -> int:
    """Bytes of memory that processes hold. Memory that they share counts once, if it looks like a lot.

    With it count the kernel's tables of where their memory lies: of pages that are far apart, these are larger.
    """
    tables = sum(_kilobytes(f"/proc/{pid}/status", "VmPTE") for pid in processes)
    quick = tables + sum(_kilobytes(f"/proc/{pid}/status", "VmRSS") for pid in processes)
    if quick <= suspicious / 1024:
        return 1024 * quick
    return 1024 * (tables + sum(_kilobytes(f"/proc/{pid}/smaps_rollup", "Pss") for pid in processes))


FILE, SOCKET = 1280, 2**19  # bytes at most that the kernel keeps of an empty file, in a socket that nobody reads


def kept(processes: list[int]) -> int:
    """Bytes at most that the kernel keeps for a sandbox on no process's account: its files' names, its sockets."""
    for pid in processes:
        seen = f"/proc/{pid}/root"
        with contextlib.suppress(OSError, ValueError, IndexError):
            tables = [os.statvfs(seen + place) for place in (WORK, "/tmp", "/dev/shm")]  # the first is inside alone
            sockets = int(Path(f"/proc/{pid}/net/sockstat").read_text().split()[2])  # "sockets: used 3"
            return FILE * sum(table.f_files - table.f_ffree for table in tables) + SOCKET * sockets
    return 0


def available() -> float:
    """The share of this machine's memory that is free for use, 1 where nobody says."""
    total = _kilobytes("/proc/meminfo", "MemTotal")
    return _kilobytes("/proc/meminfo", "MemAvailable") / total if total else 1.0


def _kilobytes(path: str, name: str) -> int:
    """One line of /proc's tables, 0 if it can't be read."""
    with contextlib.suppress(OSError):
        for line in Path(path).read_text().splitlines():
            if line.startswith(name + ":"):
                return int(line.split()[1])
    return 0
