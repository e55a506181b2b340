"""For `make lab`: messages to and from a kernel leave at once.

Without this they wait for each other's receipts (Nagle's algorithm), which costs every step of a slider that asks the
kernel about 40 ms.
"""

from jupyter_server.services.kernels.websocket import KernelWebsocketHandler

_open = KernelWebsocketHandler.open


async def _open_without_delay(self: KernelWebsocketHandler, kernel_id: str) -> None:
    self.set_nodelay(True)
    await _open(self, kernel_id)


KernelWebsocketHandler.open = _open_without_delay  # type: ignore[method-assign]
