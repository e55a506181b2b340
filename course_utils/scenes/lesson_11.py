"""Figures and explorers of lesson 11."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike

from course_utils import figures, tasks, widgets
from course_utils.predictions import Guess

Errors = Mapping[str, ArrayLike]  # {forecaster: error in °C, one or (S,) for S seeds}


def season_and_departures(high: np.ndarray, season: np.ndarray, left: ArrayLike, guess: Guess) -> None:
    """Show a year with its climatology, (365,) in °C, and what is left of 5 °C after 0, 1, ... days, with the guess."""
    fig, (year, fades) = figures.panels(2)
    figures.curves(
        {"high": high, "climatology": season},
        title="A season, and departures from it",
        xlabel="day of 2013",
        ylabel="daily maximum, °C",
        names=False,
        ax=year,
    )
    year.lines[0].set(linewidth=0.8, color=figures.STATE)
    figures.mark(year, 130, 17, "climatology", offset=(14, -18), dot=False)
    figures.curves(
        {"left": left},
        reference=0,
        title="After a week, little is left",
        xlabel="days later",
        ylabel="left of 5 °C, in °C",
        names=False,
        ax=fades,
    )
    guess.draw(fades)
    figures.show(
        fig,
        alt="Left, the daily maximum of 2013, jagged around a smooth seasonal curve. Right, what is left "
        "of a departure of 5 °C: 3.3 after one day, about 1 after three, below 0.5 from day seven on.",
    )
    days = np.arange(15)
    guess.compare(
        np.asarray(left)[days],
        x=days,
        meanings={
            "a steady fall": (np.linspace(5, 0, 15), "With such a fall, half would be left after a week."),
            "it lasts": (np.full(15, 5.0), "If it lasted, today's departure would be the best forecast for any day."),
        },
    )


def copycat(dealt: float, by_time: float, guess: Guess) -> None:
    """Hold the guess against the copycat's error in °C after dealing at random; by_time: after a split by time."""
    guess.compare(
        dealt,
        meanings={by_time: "This is near its error after a split by time, where no learning target is near."},
    )


def damping(high: np.ndarray, season: np.ndarray, today: int = 455) -> Callable[..., tuple]:
    """An explorer's function: forecasts that keep a share of today's departure, on the days of the learning years.

    high, season  (T,) in °C: measured, and the climatology.
    today         the day whose forecast is written out; day 455 is 31 March 2013, which was too warm.
    """
    shares = np.linspace(0, 1, 21)
    e = high - season
    shown = np.arange(today - 15, today + 20)

    def kept(d: float = 1, share: float = 1.0) -> tuple:
        d, then = int(d), today + int(d)
        misses = e[d:] - shares[:, None] * e[:-d]
        errors = np.sqrt(np.mean(misses**2, axis=1))
        now = float(errors[np.argmin(np.abs(shares - share))])
        forecast = season[shown] + share * e[shown - d]
        answer = season[then] + share * e[today]
        best = "no share does better" if now == errors.min() else f"another share reaches {errors.min():.2f} °C"
        return (
            widgets.equation(
                f"forecast = season + share · departure = {season[then]:.1f} + {share:.2f} · {e[today]:.1f} "
                f"= {answer:.1f} degrees; measured {high[then]:.1f}"
            ),
            widgets.curves(
                {"error": errors},
                title="Error over two years",
                x=shares,
                xlabel="share of today's departure",
                ylabel="RMSE, °C",
                ylim=(2, 6),
                marks={"now": (share, now)},
            ),
            widgets.curves(
                {"measured": high[shown], "season": season[shown], "forecast": forecast},
                title="Each day, and what was forecast for it",
                x=shown - today,
                xlabel="days after 31 March 2013",
                ylabel="daily maximum, °C",
                ylim=(0, 30),
                marks={"this forecast": (d, answer)},
            ),
            f"{d} {'day' if d == 1 else 'days'} ahead, with a share of {share:.2f}, it is {now:.2f} °C off in the "
            f"learning years; {best}.",
        )

    return kept


def choosing(slow: Sequence[np.ndarray], fast: Sequence[np.ndarray]) -> None:
    """Show errors of GRUs after 0, 50, ..., 800 steps at two rates, (S, 17) in °C each: on 2014, and while learning."""
    fig, axes = figures.panels(2, sharey=True)
    titles = ("Rate 0.003: it stays flat", "Rate 0.01: longer is worse")
    for ax, (judged, learned), title in zip(axes, (slow, fast), titles, strict=True):
        figures.curves(
            {"GRU, 2014": judged, "GRU, learning": learned},
            x=np.arange(0, 801, 50),
            title=title,
            xlabel="training steps",
            ylabel="",
            ax=ax,
        )
    axes[0].set(ylabel="RMSE 3 days ahead, °C", ylim=(2, 5.5))
    figures.show(
        fig,
        alt="Error against training steps for five GRUs at two rates. At 0.003 the error on 2014 "
        "flattens near 3.8 °C; at 0.01 it rises above 4 °C while the error on the learning years "
        "keeps falling.",
    )


def judged(errors: Mapping[int, Errors], guess: Guess) -> None:
    """Show the errors in 2015 at horizons of 1, 3 and 7 days, and who is ahead at 7, by the median."""
    fig, axes = figures.panels(3, sharey=True, sharex=True)
    titles = ("1 day: level", "3 days: level", "7 days: damped is ahead")
    for ax, rows, title in zip(axes, errors.values(), titles, strict=True):
        figures.dots(rows, title=title, xlabel="RMSE in 2015, °C", ax=ax)
        ax.axvline(rows["damped persistence"], color=figures.OTHER, linewidth=0.9, zorder=1)
    figures.show(
        fig,
        alt="Three panels of errors in 2015. One and three days ahead, the fifteen nets scatter "
        "around the line of damped persistence, 2.7 and 3.6 °C; seven days ahead, they lie right "
        "of it, near 3.9 against 3.7 °C.",
    )
    median = {name: float(np.median(np.asarray(error))) for name, error in errors[7].items()}
    more = "Then the month before a forecast would hold more than today and the calendar do."
    meanings = dict.fromkeys(("RNN", "GRU", "LSTM"), more)
    meanings["persistence"] = "Then a departure would last for a week."
    meanings["climatology"] = "It is close behind: of today's departure, a little is left after a week."
    guess.compare(min(median, key=median.__getitem__), meanings=meanings)


def counted(errors: Mapping[int, Errors], kinds: Sequence[str]) -> None:
    """Print how the nets of these kinds stand beside the rules without a net, {days ahead: errors}."""
    for d, named in errors.items():
        rows = {name: np.asarray(values, float) for name, values in named.items()}
        scores, damped = np.array([rows[kind] for kind in kinds]), rows["damped persistence"]
        behind = np.median(scores, axis=1) > damped + 0.1
        print(f"d = {d}: nets that beat persistence {(scores < rows['persistence']).sum()}/15,")
        print(f"  nets 0.2 °C better than damped persistence {(scores < damped - 0.2).sum()}/15,")
        print(f"  kinds whose median is 0.1 °C behind it {behind.sum()}/3")


def memories(
    fresh: Mapping[str, np.ndarray], after: Mapping[str, np.ndarray], longer: Sequence[str], guess: Guess
) -> None:
    """Show the norm of dh_T/dh_{T-lag} against lag before and after training: {net: (S, lags)} each.

    longer  the kinds that remember longer after it.
    """
    fig, axes = figures.panels(2, sharey=True)
    titles = ("Fresh", "Trained: gates remember longer")
    for ax, norms, title in zip(axes, (fresh, after), titles, strict=True):
        seen = {name: np.where(n.min(axis=0) > 1e-8, n, 0) for name, n in norms.items()}
        figures.curves(seen, log=True, title=title, xlabel="lag in days", ylabel="", ax=ax)
    axes[0].set_ylabel(r"$\Vert\partial h_T/\partial h_{T-\mathrm{lag}}\Vert_2$")
    figures.show(
        fig,
        alt="Norm against lag, fresh and trained. Sigmoid RNN and RNN fall fastest in both panels; "
        "GRU and LSTM fall to about 1e-5 fresh and to about 1e-2 trained; the open GRU stays "
        "near 1 in both.",
    )
    guess.compare(
        ", ".join(longer) or "none",
        meanings={
            "RNN, GRU, LSTM": "The RNN has no gate that training could open.",
            "LSTM": "The GRU's update gate can open as well.",
            "none": "Then training would leave the gates as they start.",
        },
    )


def after_two_weeks(fresh: Mapping[str, np.ndarray], after: Mapping[str, np.ndarray]) -> None:
    """Print in how many of five nets more is left after 14 days than before training, {name: (5, lags)} each."""
    for name in ("GRU", "LSTM"):
        count = (after[name][:, 14] > fresh[name][:, 14]).sum()
        print(f"{name}: more left after 14 days than before training: {count}/5")


def worth(cloud: Mapping[str, tuple[np.ndarray, np.ndarray]], damped: float) -> None:
    """Show what memory is worth. cloud: {net: (memory over 14 days, error)}, (S,) each; errors, and `damped`, in °C."""
    ax = figures.curves(
        {},
        title="Ten million times more memory moves the median by less than 0.2 °C",
        xlabel=r"memory: $\Vert\partial h_T/\partial h_{T-14}\Vert_2$",
        ylabel="RMSE in 2015, °C",
        reference=damped,
    )
    ax.set(xscale="log", xlim=(1e-9, 10), ylim=(3.2, 4.2))
    for name, (x, y) in cloud.items():
        colour, height = figures.line_styles([name])[0][0], 3.3 if name == "LSTM" else 4.0
        ax.plot(x, y, "o", color=colour, alpha=0.6)
        figures.mark(ax, x.min(), height, name, offset=(0, 0), dot=False, colour=colour)
    figures.mark(ax, 1e-6, 3.62, "damped persistence", offset=(0, 2), dot=False)
    figures.show(
        ax,
        alt="Each net a dot, memory over 14 days against error 3 days ahead. From the sigmoid RNNs "
        "near 1e-8 to the open GRUs near 1 the dots scatter around the line of damped "
        "persistence at 3.6 °C, with hardly a trend.",
    )


def reach(sizes: Mapping[str, np.ndarray]) -> None:
    """Show how much the forecast depends on each day's weather: {net: (S, 30)}, the latest day first."""
    ax = figures.curves(
        {name: np.where(n.min(axis=0) > 1e-6, n, 0) for name, n in sizes.items()},
        log=True,
        title="The open GRU uses the whole month, the RNN its last week",
        xlabel="days before the forecast is made",
        ylabel=r"$\Vert d\hat y/dx_{T-\mathrm{lag}}\Vert_2$",
    )
    figures.show(
        ax,
        alt="How much the forecast depends on each day's weather, log axis. The RNN's line falls "
        "steeply to 1e-6 within three weeks, the GRU's more slowly, the open GRU's is nearly "
        "level from day ten to day thirty.",
    )


def variant(window: int, columns: int) -> tasks.Task:
    """The forecast 7 days ahead from the first `columns` columns, judged on the days that a window of 90 can reach."""
    task = tasks.weather_forecast(days_ahead=7, window=window)
    shared = tasks.weather_windows(7, window)[1].target_day >= tasks.weather_windows(7, 90)[1].target_day[0]

    def sample(rng: np.random.Generator, batch: int) -> tuple[np.ndarray, np.ndarray]:
        x, y = task.sample(rng, batch)
        return x[..., :columns], y

    x, y = task.test
    return replace(task, sample=sample, test=(x[shared][..., :columns], y[shared]), input_size=columns)


def windows(widths: Sequence[int], lines: Mapping[str, np.ndarray], verdict: Mapping[str, bool], guess: Guess) -> None:
    """Show the error 7 days ahead against the days in a window: {name: (S, len(widths))} in °C.

    verdict  {name: whether it falls}.
    """
    ax = figures.curves(
        lines,
        title="A longer memory buys the season, which a calendar gives for free",
        xlabel="days in the window",
        ylabel="RMSE 7 days ahead in 2015, °C",
    )
    ax.set_xticks(range(len(widths)), [str(width) for width in widths])
    figures.show(
        ax,
        alt="Error against window length, median and range of five GRUs. Without a calendar it "
        "falls from 4.2 °C with 3 days to 3.9 °C with 30; with a calendar the median stays "
        "between 3.8 and about 4.0 °C, in a wide band.",
    )
    fall = [name for name in lines if verdict[name]]
    guess.compare(
        fall[0] if len(fall) == 1 else "both" if fall else "neither",
        meanings={
            "GRU with calendar": "With a calendar the past month is less useful, since the season is known.",
            "both": "Then the past month would hold more than the season.",
            "neither": "Then this experiment could not show a memory that matters.",
        },
    )
