"""Writing a file whole or not at all, so that nobody ever meets half of one."""

import os
from pathlib import Path


def write(path: Path, text: str) -> None:
    """Write text to a file, which is replaced at one stroke. Its folder has to be there. OSError where it can't be.

    A sign that UTF-8 doesn't have, as a file's name may, becomes a question mark.
    """
    partly = path.with_name(f".{path.name}.partly")
    partly.write_text(text, encoding="utf-8", errors="replace")
    os.replace(partly, path)
