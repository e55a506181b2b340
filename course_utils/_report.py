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
    """One gate over all steps of all sequences: `mean` (H,) of each unit; the shares of values that are `closed`, below
    .05, and `open`, above .95. Of candidates and tanh states, between -1 and 1, `closed` counts those below -.95; of
    relu states those that are zero, and none is `open`.
    """

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
    reach (n, T+1)    ln ‖∂h_T/∂h_{T-lag}‖ in the Frobenius norm, of the n sequences `rows`; of an LSTM over (h, c)
    exact             whether the reach is the whole state's, and no estimate; if not, `notes` says what it is
    exponents (H,)    Lyapunov exponents of the first of `rows`, nats per step, largest first (an LSTM's: 2H), or None
    gates             {name: Gate}; of an RNN its state "h"; none of a cell that the course has no equations of
    reads (B,)        at how many of each sequence's own steps the loss, or a layer above, reads the state directly
    params            the layer as Params; None for a cell that the course has no equations of
    notes             sentences on what was seen

    Where the model itself takes a state from one call to the next and changes it, or where the cell is none of torch's,
    states are what enters a call, and h_T is what the cell puts out in the last one. What the model does to it after
    the last step is left out. NaN stands for a state that no gradient could be taken of, as for a constant h_0 there.
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
    reach: np.ndarray
    exact: bool
    rows: tuple[int, ...]
    exponents: np.ndarray | None
    gates: dict[str, Gate]
    reads: np.ndarray
    params: Params | None
    notes: tuple[str, ...] = ()

    @property
    def steps(self) -> int:
        """T, the longest sequence."""
        return int(self.lengths.max())

    @property
    def rate(self) -> float:
        """Mean change of ln ‖∂h_T/∂h_{T-lag}‖ a step, over all measured lags of each row; the median of the rows."""
        rates = [(row[lag] - row[0]) / lag for row, lag in zip(self.reach, self._measured, strict=True) if lag]
        return float(np.median(rates)) if rates else math.nan

    @property
    def _measured(self) -> list[int]:
        """The largest lag of each row that was measured."""
        return [int(np.flatnonzero(~np.isnan(row))[-1]) for row in self.reach]

    @property
    def half_life(self) -> float:
        """Steps in which the reach halves, on average over all lags: ln 2 / -rate; infinite where it doesn't fall."""
        return math.inf if self.rate >= 0 else math.log(2) / -self.rate

    def decades(self, lag: int) -> float:
        """log10 of what the state `lag` steps back still counts, next to the last one: ‖∂h_T/∂h_{T-lag}‖ / ‖I‖.

        The median of the rows that are long enough; past the longest one, continued at its `rate`.
        """
        lag = _validate.integer("lag", lag, 0)
        left = (self.reach - self.reach[:, :1])[:, min(lag, self.steps)]
        left = left[~np.isnan(left)]
        if lag > self.steps or not len(left):
            return lag * self.rate / LOG10
        return float(np.median(left)) / LOG10

    def verdict(self, lag: int | None = None) -> str:
        """A few sentences; `lag`: how many steps back your labels need."""
        return " ".join([f"{self.name} ({self.kind}, {self.hidden_size} units):", *self._sentences(lag), *self.notes])

    def lines(self) -> dict[str, np.ndarray]:
        """{name: (rows or B, T+1)} log10 of what is left by lag: reach; gradients, next to their largest."""
        lines = {f"{self.kind}: reach": (self.reach - self.reach[:, :1]) / LOG10}
        for name, values in (("gradient of states", self.grad_h), ("gradient of inputs", self.grad_x)):
            if np.any(values > 0):  # false for NaN
                logs = np.full((len(values), self.steps + 1), np.nan)
                logs[:, : values.shape[1]] = np.log10(np.where(values > 0, values, np.nan))
                lines[name] = logs - np.nanmax(logs)
        for name, values in lines.items():
            lines[name] = np.where(np.isfinite(values), values, np.nan)
        return lines

    def shares(self) -> dict[str, float]:
        """{name: share} for bars: the gates' means; of an RNN how many states are at an end of its activation."""
        if "h" in self.gates:
            return {self._end: self.gates["h"].open + self.gates["h"].closed}
        return {name: float(np.mean(gate.mean)) for name, gate in self.gates.items() if name not in ("h_tilde", "g")}

    @property
    def _end(self) -> str:
        return "zero" if self.params is not None and self.params.activation == "relu" else "saturated"

    def _whose(self, lag: int) -> str:
        """In how many sequences nothing at all is left after so many steps, unless in all of them."""
        gone, rows = int((self.reach[:, : lag + 1] == -math.inf).any(axis=1).sum()), len(self.reach)
        return "" if gone == rows else f" in {gone} of {rows} sequences"

    def _sentences(self, lag: int | None) -> list[str]:
        T, rate = max(self._measured), self.rate
        if rate == -math.inf:
            said = [f"Nothing of a state is left after {T} steps{self._whose(T)}."]
        elif rate < 0:
            said = [f"It forgets half in {_short(self.half_life)} steps, on average over {T}."]
        elif rate > 0:
            said = [f"It doesn't forget: what a state counts doubles in {_short(math.log(2) / rate)} steps, over {T}."]
        elif math.isnan(rate):
            said = ["Too few of its states were measured to say how it forgets."]
        else:
            said = [f"It doesn't forget over {T} steps."]
        if lag is not None:
            left = self.decades(lag)
            would = "would be left at that rate" if lag > T else "is left"
            whose = self._whose(lag) if left == -math.inf else ""
            said.append(f"Your labels need {lag}: there {_power(left)} of it {would}{whose}.")
            if -math.inf < left < FLOAT32_ENDS:
                said.append("Float32 has no number so small, it takes this for zero.")
        if (keeps := KEEPS.get(self.kind)) in self.gates:
            gate = self.gates[keeps]
            said.append(
                f"Its gate {keeps} keeps {np.mean(gate.mean):.2f} of a state at a step on average; {gate.open:.0%} of "
                f"its values are above .95 and {gate.closed:.0%} below .05."
            )
        elif "h" in self.gates:
            said.append(f"{self.shares()[self._end]:.0%} of its states are {self._end}.")
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

    @property
    def method(self) -> str:
        """How the reaches were measured: which norm, of how many sequences."""
        layer = self.layers[0]
        return (
            "Reach: Frobenius norms of ∂h_T/∂h_k by lag T - k, multiplied out in float64 unless a layer's words say "
            f"else, of {len(layer.rows)} of the batch's {len(layer.lengths)} sequences."
        )

    def __str__(self) -> str:
        return self.verdict()

    __repr__ = __str__

    def _repr_html_(self) -> str:
        heads = ("layer", "cell", "units", "steps", "forgets half in", "largest exponent", "keeps on average")
        rows = "".join(f"<tr>{_cells('td', self._row(layer))}</tr>" for layer in self.layers)
        words = "".join(f"<p>{html.escape(line)}</p>" for line in str(self).splitlines())
        head = f"<caption>{html.escape(self.method)}</caption><thead><tr>{_cells('th', heads)}</tr></thead>"
        return f"<table>{head}<tbody>{rows}</tbody></table>{words}"

    def _row(self, layer: LayerReport) -> list[str]:
        keeps = layer.gates.get(KEEPS.get(layer.kind, ""))
        return [
            layer.name,
            layer.kind,
            str(layer.hidden_size),
            str(layer.steps),
            f"{_short(layer.half_life)} steps",
            "-" if layer.exponents is None else f"{layer.exponents[0]:.2f}",
            "-" if keeps is None else f"{np.mean(keeps.mean):.2f}",
        ]

    def figure(self, lag: int | None = None) -> None:
        """Show a figure for each layer: reach and gradients by lag, gates; a line at `lag`, what your labels need."""
        from course_utils import figures  # matplotlib is loaded only by those who draw

        if lag is not None:
            _validate.integer("lag", lag, 1)
        for layer in self.layers:
            bars = layer.shares()
            fig, axes = figures.panels(2, gridspec_kw={"width_ratios": (3, 1)}) if bars else figures.panels(1)
            ax = axes[0] if bars else axes
            figures.curves(
                layer.lines(),
                title=_title(layer),
                xlabel="lag in steps",
                ylabel=r"$\log_{10}$ of what is left",
                ax=ax,
            )
            if lag is not None:
                ax.axvline(lag, color=figures.OTHER, linewidth=0.9)
                figures.mark(ax, lag, ax.get_ylim()[0], "your labels", offset=(-4, 6), dot=False)
            if bars:
                figures.bars(bars, title="Gates, mean" if layer.kind in KEEPS else "States", ylabel="", ax=axes[1])
                axes[1].set_ylim(0, 1.05)
            figures.show(fig, alt=f"By lag, the reach and the gradients; beside them gates. {layer.verdict(lag)}")


def _cells(tag: str, texts: Sequence[str]) -> str:
    """One row of an HTML table."""
    return "".join(f"<{tag}>{html.escape(text)}</{tag}>" for text in texts)


def _title(layer: LayerReport) -> str:
    if layer.rate > 0:
        return f"{layer.name}: doesn't forget"
    return f"{layer.name}: forgets half in {_short(layer.half_life)} steps"


def _short(steps: float) -> str:
    """Two digits, or whole numbers from 10 on."""
    return "infinitely many" if math.isinf(steps) else f"{steps:.0f}" if steps >= 10 else f"{steps:.2g}"


def _power(decades: float) -> str:
    """10^decades in words that can be read: 0.034, 1e-23, nothing."""
    if decades == -math.inf:
        return "nothing"
    return f"{10**decades:.2g}" if decades > -3 and decades < 4 else f"1e{decades:.0f}"
