"""What `probe` found, as dataclasses that say it in words, in a table and in figures. Without torch."""

import html
import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from course_utils import _validate
from course_utils.cells import KEEPS, Params

LOG10 = math.log(10)
SATURATED = 0.05  # a gate within this of 0 or 1 counts as closed or open
FLOAT32_ENDS = math.log10(1.4e-45)  # no float32 below it but zero


@dataclass(frozen=True, eq=False)
class Gate:
    """One gate over all steps of all sequences: `mean` (H,) of each unit; which share of all values is `closed` (below
    .05) and `open` (above .95). Candidates, between -1 and 1: `closed` counts those below -.95."""

    mean: np.ndarray
    closed: float
    open: float


@dataclass(frozen=True, eq=False)
class LayerReport:
    """One layer in one direction. Lag 0 is a sequence's own last step, in the order in which the layer reads.

    name, module, kind, layer, direction, hidden_size   "rnn, layer 2, backward", "rnn", "GRU", 2, "backward", H
    lengths (B,)      own steps of each sequence; T below is the longest
    grad_x (B, T)     ‖∂L/∂x_t‖ by lag, NaN in the padding; x_t are this layer's own inputs
    grad_h (B, T+1)   ‖∂L/∂h_t‖ by lag, total, h_0 at lag T; grad_c the same of an LSTM's cell state, else None
    reach (n, T+1)    ln ‖∂h_T/∂h_{T-lag}‖, Frobenius, exact, of the n sequences `rows`; of an LSTM over (h, c).
                      None where it couldn't be measured; then `notes` says why
    exponents (H,)    Lyapunov exponents of the first of `rows`, nats per step, largest first (an LSTM's: 2H), or None
    gates             {name: Gate}; of an RNN its state "h"
    reads             at how many of its steps the loss, or what stands above this layer, reads the state directly
    params            the layer as Params; None for a cell that the course has no equations of
    notes             sentences on what was seen
    """

    name: str
    module: str
    kind: str
    layer: int
    direction: str
    hidden_size: int
    lengths: np.ndarray
    grad_x: np.ndarray
    grad_h: np.ndarray
    grad_c: np.ndarray | None
    reach: np.ndarray | None
    rows: tuple[int, ...]
    exponents: np.ndarray | None
    gates: dict[str, Gate]
    reads: int
    params: Params | None
    notes: tuple[str, ...] = ()

    @property
    def steps(self) -> int:
        """T, the longest sequence."""
        return int(self.lengths.max())

    @property
    def rate(self) -> float:
        """Mean change of ln ‖∂h_T/∂h_{T-lag}‖ a step, over all lags of each row; the median of the rows."""
        if self.reach is None:
            return math.nan
        T = self.lengths[list(self.rows)]
        return float(np.median((self.reach[np.arange(len(T)), T] - self.reach[:, 0]) / T))

    @property
    def half_life(self) -> float:
        """Steps in which the reach halves, on average over all lags: ln 2 / -rate; infinite where it doesn't fall."""
        if math.isnan(self.rate):
            return math.nan
        return math.log(2) / -self.rate if self.rate < 0 else math.inf

    def decades(self, lag: int) -> float:
        """log10 of what the state `lag` steps back still counts, next to the last one: ‖∂h_T/∂h_{T-lag}‖ / ‖I‖.

        The median of the rows that are long enough; past the longest one, continued at its `rate`.
        """
        lag = _validate.integer("lag", lag, 0)
        if self.reach is None:
            return math.nan
        if lag > self.steps:
            return lag * self.rate / LOG10
        left = self.reach[:, lag] - self.reach[:, 0]
        return float(np.median(left[~np.isnan(left)])) / LOG10

    def verdict(self, lag: int | None = None) -> str:
        """A few sentences; `lag`: how many steps back your labels need."""
        return " ".join([f"{self.name} ({self.kind}, {self.hidden_size} units):", *self._sentences(lag), *self.notes])

    def _sentences(self, lag: int | None) -> list[str]:
        said = []
        if self.reach is not None:
            if self.half_life == 0:
                said.append("It forgets all of its past.")
            elif math.isinf(self.half_life):
                said.append(f"It doesn't forget: over {self.steps} steps its reach doesn't fall.")
            else:
                said.append(f"It forgets half in {_short(self.half_life)} steps, on average over {self.steps}.")
            if lag is not None:
                left, beyond = self.decades(lag), lag > self.steps
                how = f"at that rate {_power(left)}" if beyond else _power(left)
                said.append(f"Your labels need {lag}: there {how} of it {'would be' if beyond else 'is'} left.")
                if left < FLOAT32_ENDS:
                    said.append("Float32 holds no such number: it would round the gradient to zero.")
        keeps = KEEPS.get(self.kind)
        if keeps in self.gates:
            gate = self.gates[keeps]
            said.append(
                f"Its gate {keeps} keeps {np.mean(gate.mean):.2f} of a state at a step on average, {gate.open:.0%} of "
                f"its values are above .95 and {gate.closed:.0%} below .05."
            )
        elif "h" in self.gates:
            said.append(f"{self.gates['h'].open + self.gates['h'].closed:.0%} of its states are saturated.")
        if self.exponents is not None and np.isfinite(self.exponents[0]):
            said.append(f"Its largest exponent is {self.exponents[0]:.2f} nats a step.")
        return said


@dataclass(frozen=True, eq=False)
class Report:
    """What `probe` found: one LayerReport for each layer and direction, from the input up.

    layers  in the order in which the model calls them; report["rnn, layer 2, forward"] finds one by its name
    loss    the loss's value
    notes   sentences on the whole run
    """

    layers: tuple[LayerReport, ...]
    loss: float
    notes: tuple[str, ...] = field(default=())

    def __getitem__(self, name: str) -> LayerReport:
        """The layer of this name."""
        names = {layer.name: layer for layer in self.layers}
        return names[_validate.choice("name", name, names)]

    def verdict(self, lag: int | None = None) -> str:
        """A paragraph for each layer, then what is to be known of the run; `lag`: how many steps your labels need."""
        if lag is not None:
            _validate.integer("lag", lag, 1)
        return "\n".join([*(layer.verdict(lag) for layer in self.layers), *self.notes])

    def __str__(self) -> str:
        return self.verdict()

    __repr__ = __str__

    def _repr_html_(self) -> str:
        heads = ("layer", "cell", "units", "steps", "forgets half in", "largest exponent", "keeps on average")
        rows = "".join(f"<tr>{_cells('td', self._row(layer))}</tr>" for layer in self.layers)
        words = "".join(f"<p>{html.escape(line)}</p>" for line in str(self).splitlines())
        return f"<table><thead><tr>{_cells('th', heads)}</tr></thead><tbody>{rows}</tbody></table>{words}"

    def _row(self, layer: LayerReport) -> list[str]:
        keeps = layer.gates.get(KEEPS.get(layer.kind, ""))
        return [
            layer.name,
            layer.kind,
            str(layer.hidden_size),
            str(layer.steps),
            "not measured" if layer.reach is None else f"{_short(layer.half_life)} steps",
            "-" if layer.exponents is None else f"{layer.exponents[0]:.2f}",
            "-" if keeps is None else f"{np.mean(keeps.mean):.2f}",
        ]

    def figure(self, lag: int | None = None) -> None:
        """Show a figure for each layer: reach and gradients by lag, gates; a line at `lag`, what your labels need."""
        from course_utils import figures  # matplotlib is loaded only by those who draw

        if lag is not None:
            _validate.integer("lag", lag, 1)
        for layer in self.layers:
            fig, (left, right) = figures.panels(2, gridspec_kw={"width_ratios": (3, 1)})
            T = layer.steps
            lines = {}
            if layer.reach is not None:
                lines[f"{layer.kind}: reach"] = (layer.reach - layer.reach[:, :1]) / LOG10
            with np.errstate(divide="ignore", invalid="ignore"):
                for name, values in (("gradient of states", layer.grad_h), ("gradient of inputs", layer.grad_x)):
                    logs = np.log10(values / np.nanmax(values, axis=1, keepdims=True))
                    logs = np.pad(logs, ((0, 0), (0, T + 1 - logs.shape[1])), constant_values=np.nan)
                    lines[name] = np.where(np.isfinite(logs), logs, np.nan)
            figures.curves(
                lines, title=_title(layer), xlabel="lag in steps", ylabel="$\\log_{10}$ of what is left", ax=left
            )
            if lag is not None:
                left.axvline(lag, color=figures.OTHER, linewidth=0.9)
                figures.mark(left, lag, left.get_ylim()[0], "your labels", offset=(-4, 6), dot=False)
            figures.bars(
                {name: float(np.mean(gate.mean)) for name, gate in layer.gates.items()},
                title="Gates' means" if layer.kind in KEEPS else "Mean state",
                ylabel="",
                ax=right,
            )
            figures.show(fig, alt=f"Two panels. By lag, the reach and the gradients. {layer.verdict(lag)}")


def _cells(tag: str, texts: Sequence[str]) -> str:
    """One row of an HTML table."""
    return "".join(f"<{tag}>{html.escape(text)}</{tag}>" for text in texts)


def _title(layer: LayerReport) -> str:
    found = "reach not measured" if layer.reach is None else f"forgets half in {_short(layer.half_life)} steps"
    return f"{layer.name}: {found}"


def _short(steps: float) -> str:
    """Two digits, or whole numbers from 10 on."""
    return "infinitely many" if math.isinf(steps) else f"{steps:.0f}" if steps >= 10 else f"{steps:.2g}"


def _power(decades: float) -> str:
    """10^decades in words that can be read: 0.034, 1e-23, nothing."""
    if decades == -math.inf:
        return "nothing"
    return f"{10**decades:.2g}" if decades > -3 and decades < 4 else f"1e{decades:.0f}"
