"""07 · how far back: what is left of a gradient by lag, for fresh cells, open gates, gates taken away, and weather."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from course_utils import figures, widgets
from course_utils.cells import sigmoid
from course_utils.predictions import Guess

NORM = r"$\Vert\partial h_T/\partial h_{T-\mathrm{lag}}\Vert_2$"

FRESH_AXES: dict[str, Any] = {
    "curve": {"x": (0, 200), "y": (1e-70, 1)},
    "log": True,
    "xlabel": "lag in steps",
    "ylabel": "norm",
}


def short(decades: float) -> str:
    """A power of ten as the lesson prints it; where the gradient grows without digits, since they aren't sure."""
    return f"{decades:.2g}" if decades < 1 else "> 1"


def underflow(carried: np.ndarray, plain: Mapping[str, np.ndarray]) -> None:
    """A norm whose logarithm was carried along, and where plain products end.

    carried  (T+1,) log10 of the norm by lag.
    plain    {number format: (n,) norms at the lags 1 to n}, the last ones exactly zero.
    """
    ax = figures.curves(
        {"RNN": carried},
        title="Plain products stop at the end of their number format, the gradient goes on",
        xlabel="lag in steps",
        ylabel=r"$\log_{10}\,\Vert\partial h_T/\partial h_{T-\mathrm{lag}}\Vert_2$",
        names=False,
    )
    for (name, norms), offset in zip(plain.items(), ((8, 6), (-10, -5)), strict=True):
        last = int(np.flatnonzero(norms)[-1]) + 1
        figures.mark(ax, last, carried[last], f"{name} ends here", offset=offset)
    figures.show(
        ax,
        alt="The logarithm of the norm falls along a straight line over 1500 steps. A dot near lag 190 marks where "
        "float32 reaches zero, one near 1360 where float64 does.",
    )


def fresh(logs: Mapping[str, np.ndarray], guess: Guess) -> None:
    """What three fresh cells have left by lag, and what was guessed for the GRU.

    logs  {"RNN, fresh": (seeds, T+1)} log10 of the norms.
    """
    ax = figures.curves(
        {name: 10**values for name, values in logs.items()},
        log=True,
        reference=1,
        title="Fresh, all three forget: a GRU's gradient vanishes almost like an RNN's",
        xlabel="lag in steps",
        ylabel=NORM,
    )
    guess.draw(ax)
    figures.show(
        ax,
        alt="Norm against lag on a log axis, medians and ranges of five nets. RNN, GRU and LSTM all fall along nearly "
        "the same line, below 1e-35 after 200 steps; the RNN's range covers the others.",
    )


def remedies(logs: Mapping[str, np.ndarray]) -> None:
    """Nine settings, a panel for each kind of cell. logs: {"GRU, chrono": (seeds, T+1)}, log10 of the norms."""
    fig, axes = figures.panels(3, sharey=True)
    titles = ("RNN: fade or explode", "GRU: one bias decides", "LSTM: two biases (chrono)")
    for ax, kind, title in zip(axes, ("RNN", "GRU", "LSTM"), titles, strict=True):
        lines = {name: 10**values for name, values in logs.items() if name.startswith(kind)}
        figures.curves(lines, log=True, reference=1, title=title, xlabel="lag", ylabel="", ax=ax)
    axes[0].set_ylabel(NORM)
    figures.show(
        fig,
        alt="Three panels, norm against lag. The RNN falls, falls more slowly when orthogonal, and explodes at gain "
        "2.5. GRU and LSTM fall when fresh and stay near 1 with chrono biases.",
    )


def eigenvalues(values: Mapping[str, np.ndarray]) -> None:
    """Eigenvalues of one step in the complex plane, {setting: (seeds, H)}: the first net of each setting."""
    fig, axes = figures.panels(4, height=2.5, sharey=True)
    findings = ("far from 1", "closer", "nearly 1", "up to 1")
    for ax, (name, found), finding in zip(axes, values.items(), findings, strict=True):
        figures.plane(found[0], title=f"{name}: {finding}", colour=figures.GRU, ax=ax)
        ax.set_ylabel("")
    axes[0].set_ylabel("imaginary part")
    figures.show(
        fig,
        alt="Eigenvalues of a GRU step in four complex planes with the unit circle. Fresh, they lie around one half; "
        "with bias 1 and 3 they contract towards 1; with chrono biases they line up left of 1.",
    )


def removed(fresh: Mapping[str, np.ndarray], opened: Mapping[str, np.ndarray]) -> None:
    """GRUs from which a gate was taken, fresh and with update bias 3: {name: (seeds, T+1)}, log10 of the norms."""
    fig, axes = figures.panels(2, sharey=True)
    titles = "Fresh: the reset gate costs 4 decades", "Bias +3: it costs a third of one"
    for ax, logs, title in zip(axes, (fresh, opened), titles, strict=True):
        lines = {f"GRU, {name}": 10**values for name, values in logs.items()}
        figures.curves(
            lines, title=title, xlabel="lag (10 nets, 64 units)", ylabel="", log=True, reference=1, names=False, ax=ax
        )
    figures.label_ends(axes[0])
    axes[0].set_ylabel(NORM)
    figures.show(
        fig,
        alt="Norm against lag, log axis, medians and ranges of ten GRUs. Fresh: at lag 50 about 1e-9 with all gates, "
        "1e-27 without update gate, 1e-5 without reset gate. With bias 3: 0.2, 1e-27 and 0.5.",
    )


def pairs(maps: Mapping[str, np.ndarray]) -> None:
    """log10 norms (T+1, T+1) of all pairs of steps for three nets."""
    titles = ("Fresh RNN: a thin band", "Fresh GRU: hardly more", "Open GRU: all of it")
    figures.show(
        figures.pairs(dict(zip(titles, maps.values(), strict=True)), xlabel="step $k$ (one net)"),
        alt="Three triangles of log norms for all pairs of steps. Fresh RNN and fresh GRU are bright only in a narrow "
        "band along the diagonal; the GRU with bias 3 stays above a thousandth even in the far corner.",
    )


def open_panels(norms: np.ndarray, decades: np.ndarray, z: float) -> tuple:
    """What the explorer of the bias shows: norms by lag (T+1,), log10 norms of all pairs (T+1, T+1), the mean z."""
    seen = "at every lag" if norms.min() > 0.01 else f"up to lag {np.argmax(norms < 0.01) - 1}"
    return (
        widgets.curves(
            {"GRU": norms},
            title="What reaches h_T",
            log=True,
            reference={"1: nothing is lost": 1},
            xlabel="lag in steps",
            ylabel="‖∂h_T/∂h_{T−lag}‖",
            ylim=(1e-12, 10),
        ),
        widgets.heatmap(
            decades,
            title="Every pair of steps",
            limits=(-8, 1),
            xlabel="step k",
            ylabel="step t",
            label="log_{10} norm",
        ),
        f"The mean z is {z:.3f}. More than 1 % is left {seen}.",
    )


def weather(days: Mapping[str, np.ndarray], guess: Guess) -> None:
    """Norms by days before the year's end, {name: (seeds, days)}, for half a year; and what was guessed."""
    half_year = {name: np.where(norms.min(axis=0) > 1e-10, norms, 0)[:, :182] for name, norms in days.items()}
    ax = figures.curves(
        half_year,
        log=True,
        reference=0.01,
        title="Fresh networks see two weeks of weather, an opened gate sees months",
        xlabel="days before 31 December",
        ylabel=NORM,
        names=False,
    )
    for name, day, side in ("RNN, fresh", 28, -8), ("GRU, fresh", 35, 8), ("GRU, bias +3", 90, 8):
        y, colour = float(np.median(days[name][:, day])), figures.COLOURS[name[:3]]
        figures.mark(ax, day, y, name, offset=(side, 4), dot=False, colour=colour)
    figures.mark(ax, 55, 0.01, "1 % left", dot=False)
    guess.draw(ax)
    figures.show(
        ax,
        alt="Norm against days back, log axis. Fresh RNN and GRU pass one per cent within two weeks and fall below "
        "1e-8 within two months; the GRU with bias 3 passes one per cent after about 150 days.",
    )


def fresh_ends(fresh: Mapping[str, np.ndarray]) -> None:
    """Say how little is left at the last lag; {name: (5, T+1) log10 norms by lag}."""
    for name, logs in fresh.items():
        print(f"{name}: below 1e-35 in all five nets: {np.all(logs[:, -1] < -35)}")
    best_rnn, best_gru = fresh["RNN, fresh"][:, -1].max(), fresh["GRU, fresh"][:, -1].max()
    print(f"the luckiest RNN keeps more than every GRU: {best_rnn > best_gru}")


def weigh_fresh(guess: Guess, fresh: Mapping[str, np.ndarray]) -> None:
    """What was guessed, beside what is measured."""
    kept, direct = np.ones(201), sigmoid(0) ** np.arange(201)
    guess.compare(
        10 ** np.median(fresh["GRU, fresh"], axis=0),
        meanings={
            "nothing is lost": (kept, "A gate can keep everything, but only if it is open."),
            "half at each step": (direct, "The direct path loses so much. Three others add to it."),
        },
    )


def weigh_open(guess: Guess, nine: Mapping[str, np.ndarray]) -> None:
    """What was guessed, beside what is measured."""
    ends = {name: 10 ** np.median(logs[:, -1]) for name, logs in nine.items()}
    alone, without = "The direct path alone keeps so much.", "So much is left without the bias."
    guess.compare(ends["GRU, bias +3"], meanings={sigmoid(3) ** 200: alone, ends["GRU, fresh"]: without})


def weigh_gate(guess: Guess) -> None:
    """What was guessed, beside what is measured."""
    guess.compare(
        "without reset gate (Betty)",
        meanings={
            "with all gates": "The reset gate makes the candidate path smaller.",
            "without update gate (Alice)": "Where z = 0, the direct path is gone.",
        },
    )


def weigh_gain(guess: Guess) -> None:
    """What was guessed, beside what is measured."""
    guess.compare(
        "4",
        meanings={
            "1": "At gain 1 the half-open gates shrink far more than the weights stretch.",
            "2": "At gain 2 most norms are still below 1.",
            "6": "At gain 4 the weights already stretch more than the half-open gates shrink.",
        },
    )


def weigh_days(guess: Guess, days_until: Callable, days: Mapping[str, np.ndarray]) -> None:
    """What was guessed, beside what is measured."""
    closed = float(np.median(days_until(days["GRU, fresh"], 0.01)))
    guess.compare(
        np.median(days_until(days["GRU, bias +3"], 0.01)), meanings={closed: "So far the GRU sees without the bias."}
    )
