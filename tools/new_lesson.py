"""Start a lesson from tools/lesson_template/: `make lesson NAME=15_example`.

The notebook, its scenes, its exercises and its tests are made with a sample in each, the maps get their row, and the
notebook is run: everything passes from the first minute on. Then the samples are replaced.
"""

import argparse
import re
import sys
from pathlib import Path

from tools import heads
from tools.notebooks import execute

TEMPLATE = Path(__file__).with_name("lesson_template")
PLACES = {  # file of the template: where it goes
    "lesson.ipynb": "notebooks/NAME.ipynb",
    "scenes.py": "course_utils/scenes/lesson_NN.py",
    "checks.py": "course_utils/checks/lesson_NN.py",
    "test_lesson.py": "tests/lessons/test_lesson_NN.py",
}


def create(name: str, root: Path = heads.ROOT) -> list[Path]:
    """Copy the template as lesson `name`, such as "15_example", into the course at `root`. Returns the new files.

    NN stands for the number in the template, NAME for the whole name. Raises ValueError if `name` isn't two digits and
    small letters, or if the number is taken; then nothing has been written.
    """
    if not re.fullmatch(r"\d\d_[a-z][a-z0-9_]*", name):
        raise ValueError(f"name: got {name!r}, wants two digits and small letters, such as 15_example")

    def filled(text: str) -> str:
        return text.replace("NAME", name).replace("NN", name[:2])

    files = {root / filled(place): TEMPLATE / source for source, place in PLACES.items()}
    taken = [*(root / "notebooks").glob(f"{name[:2]}_*.ipynb"), *filter(Path.exists, files)]
    if taken:
        raise ValueError(f"name: lesson {name[:2]} is there already: {taken[0].relative_to(root)}")
    for path, source in files.items():
        path.write_text(filled(source.read_text(encoding="utf-8")), encoding="utf-8", newline="\n")
    return list(files)


def main() -> None:
    """Create the lesson named on the command line, give it its row in the maps, run it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("name", help="two digits and small letters, such as 15_example")
    try:
        new = create(parser.parse_args().name)
    except ValueError as error:
        sys.exit(str(error))
    written = heads.write()
    execute(new[0])
    written += heads.write()  # its minutes once more: figures count
    for path in new:
        print(f"yours to fill: {path.relative_to(heads.ROOT)}")
    for path in dict.fromkeys(path for path in written if path not in new):
        print(f"copied, not yours: {path.relative_to(heads.ROOT)}")


if __name__ == "__main__":
    main()
