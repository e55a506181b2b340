"""Packages from the npm registry, which need no installation: each is fetched once and unpacked in this environment."""

import contextlib
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path


def package(name: str) -> Path:
    """The folder of a package, such as "katex@0.19.1". Raises RuntimeError, saying what is missing, if it can't be
    fetched."""
    folder = Path(sys.prefix, "npm", name.replace("/", "-"))
    if folder.exists():
        return folder
    with tempfile.TemporaryDirectory(dir=sys.prefix) as place:
        _npm(name, place, "pack", f"--pack-destination={place}", name)
        with tarfile.open(next(Path(place).glob("*.tgz"))) as archive:
            archive.extractall(place, filter="data")
        _keep(Path(place, "package"), folder)
    return folder


def program(name: str) -> Path:
    """A program of the same name as its package, such as "configurable-http-proxy@5.3.0", with all that it needs in
    turn. Raises RuntimeError like `package`."""
    folder = Path(sys.prefix, "npm", f"{name}-with-all")
    if not folder.exists():
        with tempfile.TemporaryDirectory(dir=sys.prefix) as place:
            _npm(name, place, "install", "--no-audit", "--no-fund", "--prefix=all", name)
            _keep(Path(place, "all"), folder)
    return folder / "node_modules" / ".bin" / name.partition("@")[0]


def _npm(name: str, place: str, *arguments: str) -> None:
    npm = shutil.which("npm")
    if npm is None:
        raise RuntimeError(f"npm isn't installed. It comes with Node.js, and fetches {name} once, which is then kept.")
    said = subprocess.run([npm, *arguments, "--silent"], capture_output=True, text=True, cwd=place, check=False)
    if said.returncode:
        why = said.stderr.strip() or said.stdout.strip() or "it said nothing"
        raise RuntimeError(f"npm couldn't fetch {name}. Is there a network? npm says: {why[-600:]}")


def _keep(fetched: Path, folder: Path) -> None:
    folder.parent.mkdir(exist_ok=True)
    with contextlib.suppress(OSError):  # another process was faster
        fetched.rename(folder)
