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
    npm = shutil.which("npm")
    if npm is None:
        raise RuntimeError(f"npm isn't installed. It comes with Node.js, and fetches {name} once, which is then kept.")
    with tempfile.TemporaryDirectory(dir=sys.prefix) as place:
        command = [npm, "pack", "--silent", f"--pack-destination={place}", name]
        said = subprocess.run(command, capture_output=True, text=True, cwd=place, check=False)
        if said.returncode:
            why = said.stderr.strip() or said.stdout.strip() or "it said nothing"
            raise RuntimeError(f"npm couldn't fetch {name}. Is there a network? npm says: {why[-600:]}")
        with tarfile.open(next(Path(place).glob("*.tgz"))) as archive:
            archive.extractall(place, filter="data")
        folder.parent.mkdir(exist_ok=True)
        with contextlib.suppress(OSError):  # another process was faster
            Path(place, "package").rename(folder)
    return folder
