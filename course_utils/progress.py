"""The progress bar of a training, which leaves nothing behind in a notebook.

tqdm's own bar for notebooks is a widget. A notebook that is saved keeps the name of that widget, which is gone when the
notebook is opened again: GitHub refuses to show it, and JupyterLab says that a model is missing.
"""

from typing import Any

from IPython.display import display
from tqdm import auto, notebook


class Bar(notebook.tqdm):
    """tqdm's bar for notebooks, in an output that is empty as soon as the bar is closed; with `delay`, none before."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        self._output: Any = None
        super().__init__(*arguments, display=False, **options)
        if not self.disable and self.delay <= 0:
            self._show()

    def display(self, *arguments: Any, check_delay: bool = True, **options: Any) -> None:
        """Bring the bar up to date. tqdm calls this when the delay is over, and earlier with check_delay=False."""
        super().display(*arguments, check_delay=False, **options)
        if check_delay and not self.displayed:
            self._show()

    def _show(self) -> None:
        self._output = display(self.container, display_id=True)
        self.displayed = True

    def close(self) -> None:
        """Close the bar, and take away what it has shown."""
        super().close()
        if self._output is not None:
            self._output.update({"text/plain": ""}, raw=True)
            self._output = None


tqdm = Bar if issubclass(auto.tqdm, notebook.tqdm) else auto.tqdm  # in a notebook; elsewhere
