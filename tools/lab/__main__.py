"""Take the course: `python -m tools.lab`, with any options of JupyterLab; it is what `make lab` does.

Lessons and assignments are copied to my_lessons/, and JupyterLab opens the first one. This folder's settings come
before the user's.
"""

import os
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent


def main() -> None:
    """Refresh the copies, then be JupyterLab."""
    try:
        from jupyterlab.labapp import main as lab
    except ModuleNotFoundError:
        sys.exit(f"JupyterLab is not installed in {sys.prefix}. Run: pip install -r requirements.txt")
    copied = subprocess.run([sys.executable, "-m", "tools.working_copies"], cwd=HERE.parents[1], check=False)
    if copied.returncode:  # it has said why
        sys.exit(copied.returncode)
    places = [str(HERE), os.environ.get("JUPYTER_CONFIG_PATH", "")]
    os.environ["JUPYTER_CONFIG_PATH"] = os.pathsep.join(filter(None, places))
    sys.exit(lab())


if __name__ == "__main__":
    main()
