"""The progress bar of a training, which leaves nothing behind in a notebook.

tqdm's own bar for notebooks is a widget. A notebook that is saved keeps the name of that widget, which is gone when the
notebook is opened again: GitHub refuses to show it, and JupyterLab says that a model is missing.
"""

from typing import Any

from IPython.display import display
from tqdm import auto, notebook


class Bar(notebook.tqdm):
    """tqdm's bar for notebooks, in an output that is empty as soon as the bar is closed."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, display=False, **options)
        self._output = None if self.disable else display(self.container, display_id=True)

    def close(self) -> None:
        """Close the bar, and take away what it has shown."""
        super().close()
        if self._output is not None:
            self._output.update({"text/plain": ""}, raw=True)
            self._output = None


tqdm = Bar if issubclass(auto.tqdm, notebook.tqdm) else auto.tqdm  # in a notebook; elsewhere
