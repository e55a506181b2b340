"""Figures and explorers of lesson 03."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from course_utils import diagrams, figures, widgets
from course_utils.predictions import Guess

SIZE = r"$\Vert\partial h_T/\partial h_{T-\mathrm{lag}}\Vert$"
Lines = Mapping[str, np.ndarray]
BOUND_AXES: dict[str, Any] = {
    "curve": {"x": (0, 40), "y": (1e-9, 1e12)},
    "log": True,
    "xlabel": "lag in steps",
    "ylabel": "norm of the gradient",
}
SLIDERS: dict[str, Any] = {"labels": {"inputs": "size of inputs"}, "play": "gain"}


def _over_lags(lines: Lines, title: str) -> Axes:
    """Norms against the lag, on a logarithmic axis with a line where nothing is lost."""
    return figures.curves(lines, title=title, xlabel="lag in steps", ylabel=SIZE, log=True, reference=1)


def circle() -> None:
    """Show the ellipse that a matrix makes of the circle, and what a second matrix makes of that."""
    diagrams.show(diagrams.circle_to_ellipse())


def two_nets(norms: Mapping[str, float], guess: Guess) -> None:
    """Compare the guess with what ten steps back left. norms: {"A": ..., "B": ...}."""
    what = {name: "explodes" if norm > 1 else "vanishes" for name, norm in norms.items()}
    words = f"A {what['A']}, B {what['B']}"
    if what["A"] == what["B"]:
        words = "both explode" if what["A"] == "explodes" else "both vanish"
    guess.compare(
        words,
        meanings={
            "A vanishes, B explodes": "This is the rule of thumb. It knows neither slopes nor sums of many weights.",
            "both vanish": "B does. In A, 64 weights of 0.1 enter every unit, and together they count as 6.4.",
            "both explode": "A does. In B the slope of the sigmoid, at most ¼, makes at most 0.75 out of each 3.",
        },
    )


def bound_and_gradients(gradients: Lines, bounds: Lines, guess: Guess) -> None:
    """Show gradients under their bounds, with the curve that was guessed for tanh.

    gradients  {activation: (S, L)} norms by lag for S seeds.
    bounds     {name: (L,)}.
    """
    lines = {**bounds, **{f"RNN, {activation}": norms for activation, norms in gradients.items()}}
    ax = _over_lags(lines, "Bounds grow to $10^{12}$; all 15 gradients end below 1 (5 seeds each)")
    guess.draw(ax)
    figures.show(
        ax,
        alt="On a log axis over 40 steps, the bound of tanh and relu rises to 1e12; gradients "
        "rise to about 2 and then fall, tanh's least. The sigmoid's is far below its bound.",
    )
    median = np.median(gradients["tanh"], axis=0)
    first, *_ = bounds.values()
    guess.compare(
        median,
        meanings={
            "bound": (first, "This is nearer to the bound. It would need steps that all stretch one direction most."),
        },
    )


def held(norms: np.ndarray, guess: Guess) -> None:
    """Show the gradient of the tanh net that is held at one state, and compare the guess. norms (L,) by lag."""
    ax = _over_lags({"RNN, tanh": norms}, "All eigenvalues of $W_h$ are zero, and the gradient explodes")
    ax.plot([0, 1, 2], [1, 4, 1e-9], "o:", color=figures.OTHER, markersize=4)
    ax.set_ylim(bottom=1e-2)
    figures.mark(ax, 2, 1e-1, "linear: 1, 4, then 0 for ever", offset=(8, -6), dot=False)
    figures.show(
        ax,
        alt="On a log axis, the tanh net's gradient rises in a straight line to 1e9 over 60 steps; "
        "that of the linear net is 1, then 4, and then falls off the axis, to zero.",
    )
    guess.compare(
        "above a million" if norms[-1] > 1e6 else "0",
        meanings={
            "0": "So it is in the linear network, where the two units cancel exactly. Other slopes disturb that.",
            "between 0 and 1": "This would be so if smaller slopes could only make the product smaller.",
            "between 1 and 4": "σ_1 = 4 bounds a single step. Sixty steps may multiply to far more.",
        },
    )


def gains(norms: Mapping[float, np.ndarray], guess: Guess) -> None:
    """Show how the gradient goes at several gains, and compare the guess. norms: {gain: (S, L)} by lag."""
    ax = _over_lags(
        {f"RNN, gain {gain}": of_gain for gain, of_gain in norms.items()},
        "Each gain has its rate; with this noise the edge is near 1.5 (5 seeds)",
    )
    figures.show(
        ax,
        alt="Five bands on a log axis over 100 steps: gain 2.5 rises, 1.5 stays near 1, "
        "and 1, 0.58 and 0.4 fall ever more steeply, the last below 1e-35.",
    )
    stays = min(gain for gain, of_gain in norms.items() if np.median(of_gain, axis=0)[-1] >= 1)
    guess.compare(
        f"{stays:g}",
        meanings={
            "0.58": "There the bound is above 1 already, which decides nothing.",
            "1": "There ρ is about 1. But slopes below 1 shrink every step a little more.",
            "2.5": "It explodes there. One smaller gain doesn't vanish either.",
        },
    )


def how_long(lengths: Sequence[int], exponents: np.ndarray) -> None:
    """Show measured exponents against the number of steps. exponents (len(lengths), H), largest first."""
    ax = figures.curves(
        {r"gradient: $\mu_1$": exponents[:, 0]},
        x=lengths,
        title="Ten steps mislead, a hundred thousand settle all eight exponents",
        xlabel="steps measured",
        ylabel="exponents, nats per step",
    )
    ax.plot(lengths, exponents[:, 1:], color=figures.OTHER, linewidth=0.9, zorder=0)
    ax.set_xscale("log")
    figures.show(
        ax,
        alt="Eight exponents against the number of steps measured, on a log axis: they wander "
        "below a hundred steps and are flat from ten thousand on. The largest is drawn thick.",
    )


def spectrum(gains: np.ndarray, spectra: np.ndarray, guess: Guess) -> None:
    """Show all exponents against the gain, and compare the guess. spectra (S, len(gains), H), largest first."""
    growing = (spectra[:, -1] > 0).sum(axis=1)
    print(f"gain {gains[-1]:.1f}: {growing.min()} to {growing.max()} of {spectra.shape[2]} directions grow")
    falls = spectra.mean(axis=2)[:, -1] < spectra.mean(axis=2)[:, 4]
    print(f"the mean exponent is lower than at gain {gains[4]:.1f}, all seeds: {np.all(falls)}")
    H = spectra.shape[2]
    ax = figures.curves(
        {r"gradient: $\mu_1$, largest": spectra[:, :, 0], f"mean of all {H}": spectra.mean(axis=2)},
        x=gains,
        title="tanh: where the largest exponent is positive, most others are not (5 seeds)",
        xlabel="gain $g$",
        ylabel="exponents, nats per step",
        reference=0,
    )
    ax.plot(gains, spectra[0], color=figures.OTHER, linewidth=0.5, alpha=0.6, zorder=0)
    ax.set_ylim(-4, 0.6)
    figures.show(
        ax,
        alt="Against the gain: the largest exponent crosses zero near 1.5. Most thin lines, the "
        "others, stay below zero, and their mean falls from gain 1.2 on.",
    )
    guess.compare(
        np.median((spectra[:, -1] > 0).sum(axis=1)),
        meanings={
            H: "This would be so if larger weights made every product larger. But they also saturate more units.",
            1: "Explosion needs only one such direction. Here there are a few more.",
        },
    )


def edges(gains: np.ndarray, found: Mapping[float, np.ndarray], guess: Guess) -> None:
    """Show the largest exponent against the gain for several sizes of the inputs. found: {size: (S, len(gains))}."""
    ax = figures.curves(
        {f"RNN, inputs × {size:g}": edge for size, edge in found.items()},
        x=gains,
        title="Inputs of 1, 2, 4 times the size: the edge moves up (tanh, 32 units, 5 seeds)",
        xlabel="gain $g$",
        ylabel=r"largest exponent $\mu_1$, nats per step",
        reference=0,
    )
    figures.show(
        ax,
        alt="Largest exponent against the gain for inputs times 0, 1, 2 and 4, bands over 5 seeds. "
        "From times 1 on, larger inputs have a lower line, which crosses zero later; without any, "
        "the line runs close below zero over a wide range.",
    )
    first, last = (gains[np.argmax(np.median(found[size], axis=0) > 0)] for size in (1, 4))
    guess.compare(
        "to larger gains" if last > first else "to smaller gains",
        meanings={
            "to smaller gains": "Larger inputs do make larger states. But the slopes there are smaller.",
            "it stays": "This would be so in a linear network, whose Jacobian is W_h whatever comes in.",
        },
    )


def scale(
    measure: Callable[[float, float], tuple[np.ndarray, np.ndarray, float, float]],
) -> Callable[..., tuple]:
    """An explorer's function: the gradient's mean factor a step beside the bound and ρ, and each direction's factor.

    measure  (gain, size of inputs) in; norms by lag (L,), exponents (H,), σ_1(W_h) and ρ(W_h) out.
    """

    def scaled(gain: float = 1.0, inputs: float = 1.0) -> tuple:
        norms, exponents, sigma_1, rho = measure(gain, inputs)
        lag, rates = np.arange(1, len(norms)), np.exp(exponents)
        lines = {
            "gradient": norms[1:] ** (1 / lag),
            "γσ_1": np.full(len(lag), sigma_1),
            "ρ": np.full(len(lag), rho),
        }
        return (
            widgets.equation(f"γσ_1 = 1 · {sigma_1:.2f} = {sigma_1:.2f}"),
            widgets.curves(
                lines,
                title="Mean factor a step, over the lag",
                x=lag,
                xlabel="lag in steps",
                ylabel="‖∂h_T/∂h_{T−lag}‖^{1/lag}",
                log=True,
                reference={"1: nothing is lost": 1},
                ylim=(0.1, 10),
            ),
            widgets.curves(
                {"RNN": rates},
                title="Factor a step, each direction",
                x=np.arange(1, len(rates) + 1),
                xlabel="direction i",
                ylabel="exp μ_i",
                reference={"1: nothing is lost": 1},
                points=True,
                ylim=(0, 1.5),
            ),
            f"σ_1 is {sigma_1:.2f} and ρ {rho:.2f}; the largest factor a step is {rates[0]:.2f}, "
            f"and {np.sum(rates > 1)} of {len(rates)} directions grow.",
        )

    return scaled


def nearest(off: Mapping[str, np.ndarray], gains: np.ndarray, guess: Guess) -> None:
    """Compare the guess with the number that comes nearest to the measured rate.

    off  {"γσ_1" or "ρ": (sizes, len(gains))}, how far above the measured largest exponent its logarithm is, in nats.
    """
    best = min(off, key=lambda name: np.abs(off[name]).min())
    small = gains[np.unravel_index(np.abs(off[best]).argmin(), off[best].shape)[1]] < np.mean(gains)
    guess.compare(
        f"{best}, at {'small' if small else 'large'} gains",
        meanings={
            "γσ_1, at small gains": "It is a bound, so it is never too low. ρ is lower and comes nearer.",
            "γσ_1, at large gains": "There many units are saturated, and both numbers know nothing of slopes.",
            "ρ, at large gains": "There many units are saturated, and ρ knows nothing of slopes.",
        },
    )
