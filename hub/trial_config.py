"""The class's hub for trying it out on one's own computer, as `make hub` starts it. Not for a class.

Any name logs in without a password, and all servers run under your own account: whoever can reach the hub has all your
rights. So it listens on this computer only. `tools/hub.py` sets the variables that are read here.
"""

import json
import os
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
load_subconfig(str(HERE / "jupyterhub_config.py"))  # noqa: F821, JupyterHub gives both
c = get_config()  # noqa: F821

STATE = Path(os.environ["HUB_STATE"])

c.JupyterHub.authenticator_class = "dummy"
c.Authenticator.allow_all = True
c.JupyterHub.spawner_class = "simple"
c.SimpleLocalProcessSpawner.home_dir_template = str(STATE / "homes" / "{username}")
c.Spawner.cmd = [str(Path(sys.prefix, "bin", "jupyterhub-singleuser"))]
c.Spawner.args = ["--allow-root"] if os.geteuid() == 0 else []  # in a container there is often nobody else
c.ConfigurableHTTPProxy.command = json.loads(os.environ["HUB_PROXY"])
c.ConfigurableHTTPProxy.api_url = f"http://127.0.0.1:{os.environ['HUB_PROXY_PORT']}"
c.JupyterHub.hub_port = int(os.environ["HUB_PORT"])
c.JupyterHub.bind_url = os.environ["HUB_ADDRESS"]
