"""Writing a file whole or not at all, so that nobody ever meets half of one."""

import os
from pathlib import Path


def write(path: Path, text: str) -> None:
    """Write text to a file, which is replaced at one stroke. Its folder has to be there. OSError where it can't be."""
    partly = path.with_name(f".{path.name}.partly")
    partly.write_text(text, encoding="utf-8")
    os.replace(partly, path)
