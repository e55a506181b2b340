"""Every output of the lessons under the arithmetic of other processors: `make test-cpus`, or
`python -m tools.cpus [lesson ...] [--cpus NAME ...] [--jobs N]`.

OpenBLAS, NumPy, torch, MKL and the C library each choose their code by the processor they find, and other code rounds
elsewhere. The last digits then differ, and a training that stands on a knife's edge may end another way. All five can
be told to take an older processor's code. Each lesson is run under each such CPU and compared with its stored outputs,
as strictly as in `make test`.

Whether a setting was taken is asked from the libraries, in a process of its own. A CPU that wasn't taken is named and
not run. The status is 1 if an output differs or no CPU was taken.

What this can't show: a real ARM processor (whose OpenBLAS, NumPy and C library are other builds), Apple's Accelerate, a
NumPy built with MKL, another version of a library, a GPU.
"""

import argparse
import ctypes
import hashlib
import json
import math
import os
import re
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as xml
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

ROOT = Path(__file__).resolve().parent.parent
NBVAL = """--nbval --nbval-current-env --nbval-cell-timeout 3600 --nbval-sanitize-with tests/nbval_sanitize.cfg
-p tests.nbval_stored""".split()


@dataclass(frozen=True)
class Cpu:
    """An imitated processor: the code that each library takes, by the name under which the library itself reports it.

    "" is the library's own choice. `fma`: whether the C library may multiply and add in one rounding. `threads`: of
    every library.
    """

    what: str
    blas: str = ""
    numpy: str = ""
    torch: str = ""
    mkl: str = ""
    fma: bool = True
    threads: int = 1


CPUS = {
    "own": Cpu("this machine, one thread, as in `make test`"),
    "avx512": Cpu("Intel servers since 2017, AMD Zen 4", "SkylakeX", "X86_V4", "AVX512", "AVX-512"),
    "avx2": Cpu("Intel since 2013, AMD Zen", "Haswell", "X86_V3", "AVX2", "AVX2"),
    "avx": Cpu("Intel of 2011", "Sandybridge", "baseline", "DEFAULT", "SSE4.2", fma=False),
    "sse": Cpu("Intel of 2008", "Nehalem", "baseline", "DEFAULT", "SSE4.2", fma=False),
    "two": Cpu("two numbers at a time, as ARM's NEON takes them", "Katmai", "baseline", "DEFAULT", "SSE4.2"),
    "threads": Cpu("this machine, two threads", threads=2),
}

# How each library is told, where that isn't the name it reports.
CORETYPES = {"Katmai": "Prescott"}
WIDER = {"X86_V4": "AVX512_ICL AVX512_SPR", "X86_V3": "X86_V4 AVX512_ICL AVX512_SPR"}
WIDER["baseline"] = "X86_V3 " + WIDER["X86_V3"]
INSTRUCTIONS = {"AVX-512": "AVX512", "SSE4.2": "SSE4_2"}


def settings(cpu: Cpu) -> dict[str, str]:
    """The variables that make a process take this CPU; "" is for one that must not be set."""
    return {
        "OPENBLAS_CORETYPE": CORETYPES.get(cpu.blas, cpu.blas),
        "NPY_DISABLE_CPU_FEATURES": WIDER[cpu.numpy] if cpu.numpy else "",
        "ATEN_CPU_CAPABILITY": cpu.torch.lower(),
        "MKL_ENABLE_INSTRUCTIONS": INSTRUCTIONS.get(cpu.mkl, cpu.mkl),
        "GLIBC_TUNABLES": "" if cpu.fma else "glibc.cpu.hwcaps=-AVX2,-FMA,-FMA4",
        **dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), str(cpu.threads)),
    }


def run(cpu: Cpu, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
    """A fresh Python under this CPU, at the root of the course."""
    chosen = {**settings(cpu), "TQDM_DISABLE": "1", **more}
    environment = {name: value for name, value in {**os.environ, **chosen}.items() if value}
    return subprocess.run(
        [sys.executable, *arguments], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )


# ---------------------------------------------------------------------------------------------------------------------
# What was taken


@dataclass(frozen=True)
class Found:
    """What the libraries of a process report, as in Cpu, and a hash of the digits of some results, by name."""

    blas: str
    threads: int
    numpy: str
    torch: str
    mkl: str
    digits: dict[str, str]


def report() -> None:
    """Print what this process finds: what MKL says of itself first (MKL_VERBOSE=1), then one line of JSON."""
    import torch
    from numpy._core._multiarray_umath import __cpu_dispatch__, __cpu_features__

    taken = [name for name in __cpu_dispatch__ if __cpu_features__[name]]
    rng = np.random.default_rng(0)
    x, A, B = rng.uniform(-3, 3, 4000), rng.random((64, 64)), rng.random((300, 300))
    results: dict[str, Iterable] = {
        "products": [A @ A, B @ B, A @ A[0], A.T @ A[0]],
        "decompositions": [np.linalg.svd(A)[1], np.linalg.eigvals(A), np.linalg.qr(A)[1]],
        "functions": [np.exp(x), np.tanh(x), np.log(x + 4), np.tanh(x.astype("f4"))],
        "C library": [[math.exp(value), math.sin(value)] for value in x],
        "draws": [rng.standard_normal(100_000)],
        "torch": [torch.mm(*[torch.tensor(B)] * 2).numpy(), torch.tanh(torch.tensor(x)).numpy()],
    }
    said = {
        "blas": openblas("get_corename", ctypes.c_char_p, b"no OpenBLAS").decode(),
        "threads": openblas("get_num_threads", ctypes.c_int, 1),
        "numpy": taken[-1] if taken else "baseline",
        "torch": torch.backends.cpu.get_cpu_capability(),
        "digits": {
            name: hashlib.sha1(b"".join(np.asarray(part).tobytes() for part in parts)).hexdigest()
            for name, parts in results.items()
        },
    }
    print(json.dumps(said))


def openblas(function: str, returns: Any, otherwise: Any) -> Any:
    """What a function without arguments of NumPy's own OpenBLAS returns; `otherwise` where there is none."""
    package = Path(np.__file__).parent
    for path in [*package.parent.glob("numpy.libs/*openblas*"), *package.glob(".dylibs/*openblas*")]:
        library = ctypes.CDLL(str(path))
        for name in (f"scipy_openblas_{function}64_", f"openblas_{function}64_", f"openblas_{function}"):
            if hasattr(library, name):
                call = getattr(library, name)
                call.restype = returns
                return call()
    return otherwise


def ask(cpu: Cpu) -> Found | str:
    """What a fresh process finds under this CPU, or in words how it ended."""
    process = run(cpu, "-m", "tools.cpus", "--report", MKL_VERBOSE="1")
    if process.returncode:
        last = (process.stderr.strip().splitlines() or ["it says nothing"])[-1]
        return f"a process under it ends with status {process.returncode}: {last}"
    *spoken, found = process.stdout.strip().splitlines()
    mkl = re.search(r"\(Intel\(R\) ([\w.-]+)\)", "\n".join(spoken))
    return Found(mkl=mkl[1] if mkl else "no MKL", **json.loads(found))


def not_taken(cpu: Cpu, found: Found) -> str:
    """Which libraries report something else than was wanted, in words; "" if none does."""
    wanted = {name: getattr(cpu, name) for name in ("blas", "numpy", "torch", "mkl", "threads")}
    return "; ".join(
        f"{name} wants {value}, has {getattr(found, name)}"
        for name, value in wanted.items()
        if value and value != getattr(found, name)
    )


# ---------------------------------------------------------------------------------------------------------------------
# The lessons


@dataclass(frozen=True)
class Failure:
    """A code cell, counted from 0 as nbval does, whose output differs or that fails, and what nbval says of it."""

    cell: str
    said: str


def validate(lesson: Path, cpu: Cpu) -> list[Failure]:
    """The cells of a lesson whose outputs under this CPU differ from the stored ones."""
    with tempfile.TemporaryDirectory() as folder:
        record = Path(folder) / "record.xml"
        said = run(cpu, "-m", "pytest", "-vv", "-p", "no:cacheprovider", *NBVAL, f"--junitxml={record}", str(lesson))
        if not record.exists():
            return [Failure("none", said.stdout + said.stderr)]
        cases = list(xml.parse(record).iter("testcase"))
    failures = [
        Failure(case.attrib["name"].removeprefix("Cell "), story.text or "") for case in cases for story in case
    ]
    if said.returncode and not failures:
        failures = [Failure("none", said.stdout + said.stderr)]
    return failures


def differences(said: str) -> str:
    """Of nbval's words the lines that differ: "-" as stored, "+" as they come out here. All words if there are none."""
    signs = {"+": "-", "-": "+"}  # pytest calls the stored line the new one
    lines = re.findall(r"^  ([+-]) (.*)$", said, re.MULTILINE)
    return "\n".join(f"{signs[sign]} {line}" for sign, line in lines) or said.strip()


def row(cells: list[str]) -> str:
    """One row of a table in Markdown."""
    return f"| {' | '.join(cells)} |"


def table(rows: list[list[str]]) -> str:
    """A table in Markdown, its first row being the head."""
    head, *body = map(row, rows)
    return "\n".join([head, "|" + "---|" * len(rows[0]), *body])


def main() -> None:
    """Ask what each CPU takes, run the lessons under those that were taken, and print what held."""
    parser = argparse.ArgumentParser(
        description=__doc__.split("\n\n")[0], formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("lessons", nargs="*", type=Path, help="notebooks, all by default")
    parser.add_argument("--cpus", nargs="+", choices=CPUS, default=list(CPUS), metavar="NAME", help=", ".join(CPUS))
    parser.add_argument("--jobs", type=int, default=2, help="how many lessons run at a time")
    parser.add_argument("--report", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.report:
        return report()
    lessons = [path.resolve() for path in arguments.lessons] or sorted(ROOT.glob("notebooks/*.ipynb"))

    own = ask(CPUS["own"])
    taken, rows = [], [["CPU", "what it stands for", "OpenBLAS, NumPy, torch, MKL", "other digits than here in"]]
    for name in arguments.cpus:
        cpu, found = CPUS[name], ask(CPUS[name])
        wrong = found if isinstance(found, str) else not_taken(cpu, found)
        if wrong or isinstance(found, str):
            rows.append([name, cpu.what, f"**not taken:** {wrong}", "not run"])
            continue
        taken.append(name)
        other = [what for what, digits in found.digits.items() if isinstance(own, Found) and digits != own.digits[what]]
        libraries = f"{found.blas}, {found.numpy}, {found.torch}, {found.mkl}"
        rows.append([name, cpu.what, libraries, ", ".join(other) or "nothing tried"])
    print(table(rows), end="\n\n", flush=True)

    print(table([["lesson", *taken]]), flush=True)
    work, failed = [(lesson, name) for lesson in lessons for name in taken], []
    with ThreadPoolExecutor(arguments.jobs) as pool:
        results = pool.map(lambda item: validate(item[0], CPUS[item[1]]), work)
        cells = []
        for (lesson, name), failures in zip(work, tqdm(results, total=len(work), unit="lesson"), strict=True):
            failed += [(lesson, name, failure) for failure in failures]
            cells.append(f"cell {', '.join(failure.cell for failure in failures)}" if failures else "holds")
            if name == taken[-1]:
                print(row([lesson.stem, *cells]), flush=True)
                cells = []
    for lesson, name, failure in failed:
        print(f"\n{lesson.stem} under {name}, code cell {failure.cell} (the first is 0); - stored, + here:")
        print(differences(failure.said))
    print(__doc__[__doc__.index("\nWhat this can't show") :])
    sys.exit(bool(failed) or not taken)


if __name__ == "__main__":
    main()
