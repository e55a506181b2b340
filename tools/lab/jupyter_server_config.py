"""For `make lab`, read before the user's own Jupyter settings, which hold wherever this file says nothing.

The whole course can be opened, and the first lesson is. Messages to and from a kernel leave at once. Else they wait for
each other's receipts (Nagle's algorithm), which costs every step of a slider that asks the kernel about 40 ms.
"""

import os
from pathlib import Path

from jupyter_server.services.kernels.websocket import KernelWebsocketHandler

_open = KernelWebsocketHandler.open


async def _open_without_delay(self: KernelWebsocketHandler, kernel_id: str) -> None:
    self.set_nodelay(True)
    await _open(self, kernel_id)


KernelWebsocketHandler.open = _open_without_delay  # type: ignore[method-assign]

c = get_config()  # type: ignore[name-defined]  # noqa: F821, Jupyter gives it
c.ServerApp.root_dir = str(Path(__file__).resolve().parents[2])
c.ServerApp.allow_root = os.name == "posix" and os.geteuid() == 0  # in a container there is often nobody else
c.LabApp.default_url = "/lab/tree/my_lessons/00_start_here.ipynb"
# No question about Jupyter's news; and a saved copy keeps what its explorers and guesses show, until it is run again.
c.LabApp.app_settings_dir = str(Path(__file__).resolve().with_name("settings"))
