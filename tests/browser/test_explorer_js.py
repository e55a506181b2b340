"""The explorer's own functions, in node: what they are is tested in explorer.test.mjs beside this file."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

NODE = shutil.which("node")
WANTS = (20, 19)  # the first of its line that takes a .js file for the module that it is


def version() -> tuple[int, ...]:
    """Of the node on this machine, (0,) if there is none."""
    said = subprocess.run([NODE, "--version"], capture_output=True, text=True).stdout if NODE else "0"
    return tuple(map(int, re.findall(r"\d+", said)))


@pytest.mark.skipif(version() < WANTS, reason="node 20.19 or newer is not on this machine")
def test_explorer_js():
    file = Path(__file__).parent / "explorer.test.mjs"
    run = subprocess.run([NODE, "--test", "--test-reporter=spec", str(file)], capture_output=True, text=True)
    assert run.returncode == 0, run.stdout + run.stderr
