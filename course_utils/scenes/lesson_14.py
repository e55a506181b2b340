"""14 · the clinic: what the measurement says to each of ten explanations."""

from collections.abc import Callable, Mapping

import numpy as np

from course_utils import figures, widgets
from course_utils.predictions import Guess

POWERS = 60  # steps that the explorer of powers looks at
POWER_AXES = {
    "curve": {"x": (0, POWERS), "y": (1e-3, 1e3)},
    "log": True,
    "xlabel": "lag n in steps",
    "ylabel": "norm of W^n",
}
GROWTH = {"rho": np.arange(50, 100, 2) / 100, "beside": np.arange(0, 10.5, 0.5), "play": "beside"}  # its sliders
NORMS = ("below a millionth", "near 1", "above 1,000")
PARTS = ("larger", "as small as before", "smaller")
COUNTS = ("in 15 or more", "in 6 to 14", "in 5 or fewer")
HORIZONS = ("1 day ahead", "3 days ahead", "7 days ahead")
WINNERS = (
    "the GRU at both",
    "the RNN at both",
    "the GRU at 100, the RNN at 600",
    "the RNN at 100, the GRU at 600",
)


def weigh_rest(guess: Guess) -> None:
    """What was guessed of the three units, beside what is measured."""
    guess.compare(
        "B",
        meanings={
            "A": "A rests because every start is pulled to one place. That is how a start is lost.",
            "C": "C moves because of its inputs. Of its start, a tenth at most is left after each step.",
            "none of them": "B rests, too, but because it keeps what it has.",
        },
    )


def all_five(left: np.ndarray) -> None:
    """Print whether the norms (5,) are large in all five nets."""
    print(f"above 1,000 in all five nets: {np.all(left > 1000)}")


def weigh_weights(guess: Guess, left: np.ndarray) -> None:
    """What was guessed of five nets with all weights below 1, beside their norms (5,)."""
    guess.compare(
        "above 1,000" if left.min() > 1000 else "near 1",
        meanings={
            "below a millionth": "So it would be if a unit were connected to itself alone. It reads 63 others as well.",
            "near 1": "That would take slopes that undo σ_1, which is above 5. These inputs are too weak.",
        },
    )


def norms_of_powers(norms: np.ndarray, rho: float, guess: Guess) -> None:
    """Show ‖W^n‖ (N + 1,) beside ρ^n, and compare the guess."""
    claimed = rho ** np.arange(len(norms))
    ax = figures.curves(
        {"gradient": norms, "as claimed, $0.9^n$": claimed},
        title="Both eigenvalues are 0.9, and the gradient first grows to 19",
        xlabel="lag $n$ in steps",
        ylabel=r"$\Vert W^n\Vert$",
        log=True,
        reference=1,
    )
    guess.draw(ax)
    figures.show(
        ax,
        alt="On a log axis over 60 steps, the claimed line falls straight from 1. The measured norm rises to 19 at "
        "step 9, comes down to 1 near step 55, and from then on falls nearly as steeply as the claimed line.",
    )
    guess.compare(
        norms,
        meanings={"the claim": (claimed, "So it is for a gradient along the eigenvector. Others are turned into it.")},
    )


def growth(norms_of: Callable[[float, float], np.ndarray]) -> Callable[..., tuple]:
    """An explorer's function: ‖W^n‖ of a matrix with both eigenvalues rho and one entry beside them.

    norms_of  the lesson's: (rho, beside) -> (POWERS + 1,) norms.
    """

    def shown(rho: float = 0.9, beside: float = 5.0) -> tuple:
        norms = norms_of(rho, beside)
        peak = int(norms.argmax())
        claimed = np.maximum(rho ** np.arange(POWERS + 1), 1e-6)
        words = f"first grows to {norms[peak]:.3g}, at lag {peak}" if peak else "shrinks from the first step on"
        return (
            widgets.equation(f"ρ = {rho:.2f},  σ_1 = {norms[1]:.2f},  ‖W^{{{POWERS}}}‖ = {norms[-1]:.2g}"),
            widgets.curves(
                {"gradient": norms, "ρ^n": claimed},
                title="Norm after n steps",
                xlabel="lag n in steps",
                ylabel="‖W^n‖",
                log=True,
                reference={"1: nothing is lost": 1},
                ylim=(1e-3, 1e3),
            ),
            f"Both eigenvalues are {rho:.2f}, and the gradient {words}.",
        )

    return shown


def first_half(share: float) -> None:
    """Print how small the share of the first 25 of 50 steps is."""
    print(f"share of steps 1 to 25 below a millionth: {share < 1e-6}")


def parts(before: np.ndarray, after: np.ndarray, guess: Guess) -> None:
    """Show what each step adds to the gradient, before and after it was brought to length 1; norms (T,) each."""
    ax = figures.curves(
        {"gradient": before, "gradient, brought to length 1": after},
        x=np.arange(1, len(before) + 1),
        title="One factor for all steps: the early ones stay as far behind",
        xlabel="step $t$ whose use of $W_h$ is meant",
        ylabel="norm of its part",
        log=True,
    )
    figures.show(
        ax,
        alt="On a log axis, the norm of each step's part of the gradient over 50 steps. It rises from about "
        "1e-15 at the first steps to its largest at the last. After the gradient was brought to length 1, the line is "
        "parallel to the first one.",
    )
    guess.compare(
        "as small as before",
        meanings={
            "larger": "Then early steps would have got a larger factor than late ones. There is one factor for all.",
            "smaller": "Then late steps would have got a larger factor than early ones. There is one factor for all.",
        },
    )


def weigh_third(guess: Guess, share: float) -> None:
    """What was guessed of the share of the third block's values below 0, beside what is measured."""
    guess.compare(
        "about half" if 0.3 < share < 0.7 else "none",
        meanings={
            "none": "This would make it a share, as r and z are. It comes out of tanh, and not out of a sigmoid.",
            "all": "Its inputs have either sign, and so has tanh of them.",
        },
    )


def profiles(lines: Mapping[str, np.ndarray], guess: Guess, count: int) -> None:
    """Show total gradients by step, (T,) each, and compare the guess with the count of entries that aren't zero."""
    steps = np.arange(1, 1 + len(next(iter(lines.values()))))
    ax = figures.curves(
        lines,
        x=steps,
        title="The total gradient isn't zero at step 1 in either net; retain_grad saw step 30 alone",
        xlabel="step $t$",
        ylabel=r"$\Vert dL/dh_t\Vert$",
        log=True,
    )
    last = next(iter(lines.values()))[-1]
    figures.mark(ax, steps[-1], last, "all that out.grad holds", offset=(-8, -14))
    figures.show(
        ax,
        alt="Total gradient by step on a log axis. In the fresh GRU it falls from step 30 back to step 1 by about six "
        "powers of ten. With a gate that keeps nearly everything it stays level. A dot at step 30 marks what out.grad "
        "holds.",
    )
    guess.compare(
        f"{count}",
        meanings={
            "about 15": "That would be so if the numbers told something about the net.",
            "all 30": "That is what the total gradient would show. This code keeps something else.",
        },
    )


def weigh_zero(guess: Guess, lag: int) -> None:
    """What was guessed of the lag at which float64 comes to zero, beside what is measured, to the nearest hundred."""
    guess.compare(
        round(lag, -2),
        meanings={
            235: "Then zero would say something about the net. It is the same net.",
            470: "float64 has twice the bits, but its exponent has 11 of them instead of 8.",
        },
    )


def seeds(rnn: np.ndarray, gru: np.ndarray, guess: Guess) -> None:
    """Show both kinds' errors (S,) in °C, a dot a seed, and compare the guess of how often the GRU is ahead."""
    ax = figures.dots(
        {"RNN": rnn, "GRU": gru},
        title="7 days ahead, 400 updates at rate .003, 20 seeds: no kind is ahead",
        xlabel="RMSE in °C",
    )
    for row, errors in enumerate((rnn, gru)):
        figures.mark(ax, errors[0], row, "seed 0", offset=(-2, 9))
    figures.show(
        ax,
        alt="Errors of 20 RNNs and 20 GRUs as dots. Both rows reach from about 3.6 to 4.1 °C, with medians near 3.9. "
        "In seed 0 the GRU lies left of the RNN.",
    )
    ahead = int(np.sum(gru < rnn))
    guess.compare(
        "in 6 to 14" if 6 <= ahead <= 14 else "in 15 or more",
        meanings={
            "in 15 or more": "One seed cannot tell this from a coin. A coin gives 15 of 20 or more in 2 of 100 trials.",
            "in 5 or fewer": "Then seed 0 would have been a rare one. It was a common one.",
        },
    )


def budgets(updates: np.ndarray, ahead: Mapping[str, np.ndarray], guess: Guess) -> None:
    """Show in which share of seeds the GRU is ahead, against the number of updates.

    updates  (E,).
    ahead    {name: (E,)} shares between 0 and 1.
    """
    ax = figures.curves(
        ahead,
        x=updates,
        title="Who is ahead depends on when we stop (rate .003, 20 seeds)",
        xlabel="updates",
        ylabel="share of seeds in which the GRU is ahead",
        reference={"a coin": 0.5},
    )
    ax.set_ylim(0, 1.02)
    figures.show(
        ax,
        alt="Share of seeds in which the GRU is ahead, against updates. Seven days ahead it falls from 1 at 100 "
        "updates to a fifth at 600; one day ahead it rises from a third to above nine tenths.",
    )
    guess.compare(
        "the RNN at 100, the GRU at 600",
        meanings={
            "the GRU at 100, the RNN at 600": "That is so seven days ahead. One day ahead it is the other way round.",
            "the GRU at both": "At 100 updates the RNN, which has fewer weights, has come further.",
            "the RNN at both": "So it is at 100 updates. Given more of them, the GRU passes it.",
        },
    )


def means(errors: Mapping[str, np.ndarray], guess: Guess) -> None:
    """Show errors (D,) in °C for horizons of 1, 2, ... days, and compare the guess of where the leak helps most."""
    days = np.arange(1, 1 + len(next(iter(errors.values()))))
    ax = figures.curves(
        errors,
        x=days,
        title="A centred mean helps most where it sees farthest, on day 3",
        xlabel="days ahead",
        ylabel="RMSE in °C",
    )
    ax.set_xticks(days)
    figures.show(
        ax,
        alt="Error against days ahead. Without a mean, and with one that ends today, it rises from 2.7 °C at one day "
        "to 3.7 at three and then hardly more. With a centred mean it is lower up to day five, mostly at 2 and 3.",
    )
    centred, honest = errors["centred mean"], errors["mean that ends today"]
    gained = {f"{d} day{'s' * (d > 1)} ahead": honest[d - 1] - centred[d - 1] for d in (1, 3, 7)}
    guess.compare(
        max(gained, key=lambda name: gained[name]),
        meanings={
            "1 day ahead": "Tomorrow is in the mean, but today's value tells much of it already.",
            "7 days ahead": "The mean of seven days sees three days ahead, and no further.",
        },
    )
