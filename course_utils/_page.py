"""The scripts of what moves in a page."""

import re
from pathlib import Path

HERE = Path(__file__).resolve().parent
IMPORT = re.compile(r'^import \{[^}]*\} from "\./(\w+\.js)";\n', re.M)
EXPORT = re.compile(r"^export \{[^}]*\};\n", re.M)


def script(name: str) -> str:
    """The text of `name`.js with the text of each script that it imports in place of the import: one file, as widgets
    need it. Raises FileNotFoundError if there is no such script.
    """
    text = (HERE / f"{name}.js").read_text(encoding="utf-8")
    return IMPORT.sub(lambda found: EXPORT.sub("", (HERE / found[1]).read_text(encoding="utf-8")), text)
