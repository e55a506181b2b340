"""JupyterHub for a class on one machine. docs/hub.md says how to set it up; `make hub` tries it on your own computer.

`jupyterhub -f hub/jupyterhub_config.py` reads it, as root, in a clone of the student edition's branch alone: the branch
`main` has the keys. Whoever belongs to the Unix group `students` or `teachers` may log in, and nobody is an admin. Each
gets a server of their own, which brings the newest lessons and opens the first one. These variables of the environment
change what else holds:

HUB_STATE      folder for the hub's database and secrets, /srv/hub
HUB_EXCHANGE   folder through which assignments go out and come back, /srv/exchange
HUB_MEMORY     the most that one program of a student may take, in GiB, 2
HUB_CPUS       processors for one student, 1: so many threads have NumPy and torch
COURSE_SOURCE  repository of the student edition, by default the one that pyproject.toml names
"""

import os
import sys
import tomllib
from pathlib import Path
from urllib.parse import urlencode

from course_utils import machine

HERE = Path(__file__).resolve().parent
PROGRAMS = Path(sys.prefix, "bin")
STATE = Path(os.environ.get("HUB_STATE", "/srv/hub"))
EXCHANGE = os.environ.get("HUB_EXCHANGE", "/srv/exchange")
MEMORY = int(float(os.environ.get("HUB_MEMORY", 2)) * 2**30)
CPUS = min(float(os.environ.get("HUB_CPUS", 1)), machine.quota() or machine.processors())
ABOUT = tomllib.loads((HERE.parent / "pyproject.toml").read_text(encoding="utf-8"))["project"]
SOURCE = os.environ.get("COURSE_SOURCE", ABOUT["urls"]["Repository"])
if "/OWNER/" in SOURCE:
    raise ValueError(
        "COURSE_SOURCE: nobody has published this copy of the course, so there is nothing that students could pull. "
        "Publish it first, or set COURSE_SOURCE to a git repository whose branch `student` holds the student edition."
    )

c = get_config()  # noqa: F821, JupyterHub gives it

# Who may come in. Accounts of the machine are used, so that files, processes and submissions belong to their students.
c.JupyterHub.authenticator_class = "pam"
c.PAMAuthenticator.allowed_groups = {"students", "teachers"}
c.PAMAuthenticator.open_sessions = False

# What each of them gets. `default_url` is a link of nbgitpuller: at each start it fetches what is new in the student
# edition, keeps what the student has changed, and opens the first lesson.
LINK = {
    "repo": SOURCE,
    "branch": "student",
    "targetpath": ABOUT["name"],
    "urlpath": f"lab/tree/{ABOUT['name']}/notebooks/00_start_here.ipynb",
}
c.JupyterHub.spawner_class = "localprocess"
c.Spawner.default_url = f"/git-pull?{urlencode(LINK)}"
c.Spawner.cmd = ["prlimit", f"--data={MEMORY}", str(PROGRAMS / "jupyterhub-singleuser")]
c.Spawner.cpu_limit = CPUS
c.Spawner.environment = {
    "OMP_NUM_THREADS": str(machine.threads(CPUS)),
    "HUB_EXCHANGE": EXCHANGE,
    "JUPYTER_CONFIG_PATH": str(HERE / "jupyter"),
    "PATH": os.pathsep.join([str(PROGRAMS), os.environ["PATH"]]),
}

# A class comes at once, and its last server may take minutes: slow is not broken.
c.Spawner.start_timeout = 300
c.Spawner.http_timeout = 300
c.JupyterHub.tornado_settings = {"slow_spawn_timeout": 0}  # show how far it is, rather than a page that doesn't load

# An idle server goes after an hour; the student's files stay.
c.JupyterHub.services = [
    {"name": "idle-culler", "command": [sys.executable, "-m", "jupyterhub_idle_culler", "--timeout=3600"]}
]
c.JupyterHub.load_roles = [
    {
        "name": "idle-culler",
        "scopes": ["list:users", "read:users:activity", "read:servers", "delete:servers"],
        "services": ["idle-culler"],
    }
]

# Where the hub listens, for a web server beside it that speaks https, and what it remembers.
c.JupyterHub.bind_url = "http://127.0.0.1:8000"
c.JupyterHub.db_url = f"sqlite:///{STATE / 'jupyterhub.sqlite'}"
c.JupyterHub.cookie_secret_file = str(STATE / "cookie_secret")
c.ConfigurableHTTPProxy.pid_file = str(STATE / "proxy.pid")
