"""Assignment 1, by hand: its questions, for instructors only."""

from functools import partial

import numpy as np

from course_utils.cells import Params, forward, sigmoid
from course_utils.gradients import backward
from coursework.grader.question import Question, by_slip, rounded_to


def _states(w, u, b, x, h0):
    unit = Params("RNN", Wx=[[u]], Wh=[[w]], bx=[b], bh=[0.0])
    return forward(unit, x[:, None], h0=[h0]).h[:, 0]


def _squashed_once(w, u, b, x, h0):
    a = [h0]
    for x_t in x:
        a.append(w * a[-1] + u * x_t + b)
    return np.array([h0, *np.tanh(a[1:])])


def _truncated(w, u, b, x, h0):
    h = np.full(len(x) + 1, h0)
    for t, x_t in enumerate(x, start=1):
        h[t] = np.tanh(w * h[t - 1] + u * x_t + b)
    return h


def _sigmoid_states(w, u, b, x, h0):
    unit = Params("RNN", Wx=[[u]], Wh=[[w]], bx=[b], bh=[0.0], activation="sigmoid")
    return forward(unit, x[:, None], h0=[h0]).h[:, 0]


def _states_wrong(w, u, b, x, h0, slip):
    h = [float(h0)]
    for x_t in x:
        met = 0 if slip == "alone" else h[-1] if slip == "w" else w * h[-1]
        read, bias = (-u if slip == "-u" else u) * x_t, -b if slip == "-b" else b
        a = met + (0 if slip == "x" else read) + (0 if slip == "outside" else bias)
        h.append(a if slip == "linear" else np.tanh(a) + (b if slip == "outside" else 0))
    return h[-1] if slip == "last" else np.array(h)


def _rest(w, b):
    """The one h with σ(w h + b) = h, by halving: left of it a step goes up, right of it down."""
    low, high = 0.0, 1.0
    for _ in range(60):
        h = (low + high) / 2
        low, high = (h, high) if sigmoid(w * h + b) > h else (low, h)
    return h


def _rate(w, b, rest=_rest):
    h = rest(w, b)
    return h * (1 - h) * w


def _early(steps):
    """The rate where a unit is after so many steps from h = 1/2."""

    def rest(w, b):
        h = 0.5
        for _ in range(steps):
            h = sigmoid(w * h + b)
        return h

    return lambda w, b: _rate(w, b, rest)


def _to_past(w, h, slopes=slice(1, None), slope=lambda h: 1 - h**2):
    factors = w * slope(h[slopes])
    return np.array([np.prod(factors[k:]) for k in range(len(h))])


def _jacobian(Wh, slope):
    return np.diag(slope) @ Wh


def _totals(J, dh, send=lambda step: step.T, off=0, slip=""):
    """Total dL/dh_t, with one thing wrong at a time if asked."""
    total = [dh[-1]]
    for t in range(len(dh) - 2, -1, -1):
        back = send(J[t + 1 + off])
        if slip == "late":
            total.append(back @ (dh[t] + total[-1]))
        elif slip == "entries":
            total.append(dh[t] + np.diag(back) * total[-1])
        else:
            total.append(dh[t] + (-back if slip == "sign" else back) @ total[-1])
    return np.array(total[::-1])


def _direct_last_only(J, dh):
    return _totals(J, np.vstack([0 * dh[:-1], dh[-1:]]))


def _one_step_back(J, dh):
    return dh + np.vstack([(J[t + 1].T @ dh[t + 1])[None] for t in range(len(dh) - 1)] + [0 * dh[:1]])


def _forwards(J, dh):
    total = [dh[0]]
    for t in range(1, len(dh)):
        total.append(dh[t] + J[t] @ total[-1])
    return np.array(total)


def _run(Wx, Wh, b, x, h0):
    return forward(Params("RNN", Wx, Wh, b, 0 * b), x, h0=h0)


def _gradient(Wx, Wh, b, x, y, h0):
    trace = _run(Wx, Wh, b, x, h0)
    return backward(trace, trace.h[1:] - y).Wh


def _seen(Wx, Wh, b, x, h0):
    return _run(Wx, Wh, b, x, h0).h


def _sigmoid_run(Wx, Wh, b, x, h0):
    return forward(Params("RNN", Wx, Wh, b, 0 * b, activation="sigmoid"), x, h0=h0).h


def _linear_run(Wx, Wh, b, x, h0):
    h = [h0]
    for x_t in x:
        h.append(Wx @ x_t + Wh @ h[-1] + b)
    return np.array(h)


def _walk(
    Wx,
    Wh,
    b,
    x,
    y,
    h0,
    *,
    states=_seen,
    own=lambda h, y: h[1:] - y,
    slope=lambda h: 1 - h**2,
    at=0,
    send=lambda W: W.T,
    pass_on="da",
    sum_up=True,
    met=-1,
    last=False,
):
    """dL/dWh with one thing wrong at a time."""
    h = states(Wx, Wh, b, x, h0)
    dh, dWh, later = own(h, y), np.zeros_like(Wh), np.zeros(len(Wh))
    if last:
        dh = np.vstack([0 * dh[:-1], dh[-1:]])
    for t in range(len(x), 0, -1):
        total = dh[t - 1] + later
        da = total * slope(h[t + at])
        term = np.outer(da, h[t + met])
        dWh = dWh + term if sum_up else term
        later = {"da": send(Wh) @ da, "total": send(Wh) @ total, "none": later}[pass_on]
    return dWh


def _draw_unit(rng, T=None):
    T = int(rng.integers(3, 7)) if T is None else T
    return rng.uniform(0.5, 2), rng.uniform(0.5, 2), rng.normal(), rng.normal(size=T), int(rng.choice([-1, 1]))


def _draw_negative(rng):
    """Both weights below 0, a start that is no whole number."""
    w, u, b, x, _ = _draw_unit(rng)
    return -w, -u, b, x, float(rng.uniform(-0.9, 0.9))


def _draw_slow(rng):
    """A unit with w near 4 that rests near 1/2, and takes its time: a step leaves some .93 of a distance."""
    w, h = 3.9, 0.5 + rng.choice([-1, 1]) * rng.uniform(0.09, 0.12)
    return w, float(np.log(h / (1 - h)) - w * h)


def _draw_past(rng, T=None, sign=1):
    w, u, b, x, h0 = _draw_unit(rng, T)
    w = sign * w
    return w, _states(w, u, 0.2 * b, x, 0.5 * h0)


def _draw_states(rng, T=None):
    T = int(rng.integers(2, 6)) if T is None else T
    return (rng.uniform(-0.9, 0.9, (T + 1, int(rng.integers(2, 6)))),)


def _draw_flat(rng):
    """States where tanh is flat to all digits, and where it is steepest."""
    (h,) = _draw_states(rng)
    h[1, :2], h[-1, -1] = [0.0, -1.0], 1.0
    return (h,)


def _draw_step(rng, H=None):
    H = int(rng.integers(2, 6)) if H is None else H
    return rng.normal(size=(H, H)), rng.uniform(0.1, 0.9, H)


def _draw_totals(rng, T=None, H=None):
    T, H = int(rng.integers(4, 8)) if T is None else T, int(rng.integers(2, 6)) if H is None else H
    return rng.normal(size=(T, H, H)), rng.normal(size=(T, H))


def _draw_share(rng, H=None, D=None):
    H = int(rng.integers(2, 6)) if H is None else H
    D = H + int(rng.choice([-1, 1, 2])) if D is None else D
    return rng.normal(size=H), rng.uniform(0.1, 0.9, H), rng.normal(size=D)


def _draw_saturated(rng):
    """One unit whose slope is 0, as large as float64 can tell."""
    delta, slope, met = _draw_share(rng)
    slope[0] = 0.0
    return delta, slope, met


def _draw_net(rng, T=None, H=None, D=None):
    T, H = int(rng.integers(3, 7)) if T is None else T, int(rng.integers(2, 6)) if H is None else H
    D = H + int(rng.choice([-1, 1, 2])) if D is None else D
    return (
        rng.normal(size=(H, D)),
        rng.normal(size=(H, H)) / np.sqrt(H),
        rng.normal(size=H),
        rng.normal(size=(T, D)),
        rng.normal(size=(T, H)),
        rng.uniform(-0.9, 0.9, H),
    )


QUESTIONS = [
    Question(
        name="states",
        points=10,
        objective="Run a recurrent unit by hand, and in code that takes any sequence.",
        right=_states,
        draw=_draw_unit,
        edges=(_draw_negative, partial(_draw_unit, T=1)),
        mistakes={
            "the start is missing: h_0 belongs to the answer, which has T + 1 entries.": (
                lambda w, u, b, x, h0: _states(w, u, b, x, h0)[1:]
            ),
            "the states were cut down to whole numbers: an array made from an integer h_0 holds integers.": _truncated,
            "h_0 is fed back at every step. Step t wants h_{t-1}.": (
                lambda w, u, b, x, h0: np.array([h0, *np.tanh(w * h0 + u * x + b)])
            ),
            "the inputs are off by one: step 1 reads the first entry of x.": (
                lambda w, u, b, x, h0: _states(w, u, b, np.array([*x[1:], 0]), h0)
            ),
            "the inputs come one step late: step 1 reads the first entry of x.": (
                lambda w, u, b, x, h0: _states(w, u, b, np.array([0, *x[:-1]]), h0)
            ),
            "what is fed back has not been squashed. The unit sends h on, not a.": _squashed_once,
            "this is a sigmoid unit. The exercise has tanh.": _sigmoid_states,
            "the weight u of the input is missing.": lambda w, u, b, x, h0: _states(w, 1.0, b, x, h0),
            "the bias b is missing.": lambda w, u, b, x, h0: _states(w, u, 0.0, x, h0),
            "u and w are swapped.": lambda w, u, b, x, h0: _states(u, w, b, x, h0),
            **by_slip(
                _states_wrong,
                {
                    "linear": "the tanh is missing.",
                    "outside": "the bias b stands outside of the tanh. It belongs inside, into a.",
                    "alone": "the state before is missing: a holds w h_{t-1}.",
                    "w": "the weight w is missing: the state before is taken as it is.",
                    "x": "the input is missing: a holds u x_t.",
                    "-u": "the input u x_t has the wrong sign. All three terms of a are added.",
                    "-b": "the bias b has the wrong sign. All three terms of a are added.",
                    "last": "this is the last state alone. All of them are asked for, from h_0 on.",
                },
            ),
        },
    ),
    Question(
        name="rate",
        points=10,
        objective="Tell a resting state from the rate at which it forgets.",
        right=_rate,
        draw=lambda rng: (rng.uniform(0.5, 3), rng.uniform(-2, 1)),
        edges=(_draw_slow,),
        rtol=rounded_to(6),
        mistakes={
            "σ' is left out: this is the weight alone, the popular rule.": lambda w, b: w,
            "w is left out: this is the slope alone.": lambda w, b: _rate(w, b) / w,
            "this is the resting state, not the factor by which a distance to it shrinks.": _rest,
            "the slope is taken at h = 1/2, where it is steepest. The unit rests elsewhere.": lambda w, b: w / 4,
            "the unit has not come to rest: this is the factor of its first step from h = 0.": (
                lambda w, b: sigmoid(b) * (1 - sigmoid(b)) * w
            ),
            "1 - h² is the slope of tanh. This unit is a sigmoid.": lambda w, b: (1 - _rest(w, b) ** 2) * w,
            "the slope h (1 - h) wants the state h, not a = w h + b.": (
                lambda w, b: (w * _rest(w, b) + b) * (1 - w * _rest(w, b) - b) * w
            ),
            "this is the logarithm of the factor.": lambda w, b: np.log(_rate(w, b)),
            "this is 1 less the factor: what a step takes away. Asked is what it leaves.": lambda w, b: 1 - _rate(w, b),
            "this is 1 over the factor.": lambda w, b: 1 / _rate(w, b),
            "half of the slope is missing: h (1 - h) falls to 0 at both ends, and h alone does not.": (
                lambda w, b: _rest(w, b) * w
            ),
            "half of the slope is missing: h (1 - h) falls to 0 at both ends, and 1 - h alone does not.": (
                lambda w, b: (1 - _rest(w, b)) * w
            ),
            "the slope is h (1 - h). Here the 1 and h are added.": lambda w, b: _rest(w, b) * (1 + _rest(w, b)) * w,
            "the bias b is left out where the unit comes to rest.": lambda w, b: _rate(w, 0.0),
            "the bias b has the wrong sign where the unit comes to rest.": lambda w, b: _rate(w, -b),
            "the weight w is left out where the unit comes to rest.": lambda w, b: w * _rate(1.0, b),
            **{
                f"the unit has not come to rest: after {n} steps it may still move. Go on until nothing changes.": (
                    _early(n)
                )
                for n in (10, 20, 25, 30, 40, 50, 60)
            },
        },
    ),
    Question(
        name="gradients_to_past",
        points=15,
        objective="Compute how the last state depends on each earlier one.",
        derive=True,
        right=_to_past,
        draw=_draw_past,
        edges=(partial(_draw_past, sign=-1), partial(_draw_past, sign=0), partial(_draw_past, T=1)),
        mistakes={
            "the last entry is missing: dh_T/dh_T is 1.": lambda w, h: _to_past(w, h)[:-1],
            "these are dh_k/dh_0, from the start on. Asked is dh_T/dh_k, back from the end.": (
                lambda w, h: np.cumprod([1.0, *(w * (1 - h[1:] ** 2))])
            ),
            "the order is turned: entry k belongs to h_k, so the last one is 1.": lambda w, h: _to_past(w, h)[::-1],
            "off by one: the slope of step t stands at h_t, not at h_{t-1}.": (
                lambda w, h: _to_past(w, h, slice(0, -1))
            ),
            "one factor too many: from h_k to h_T there are T - k steps.": (
                lambda w, h: np.array([np.prod(w * (1 - h[k:] ** 2)) for k in range(len(h))])
            ),
            "σ' is left out: every step has the slope of its own state.": (
                lambda w, h: w ** np.arange(len(h) - 1, -1, -1.0)
            ),
            "w is left out of the factors.": lambda w, h: _to_past(1.0, h),
            "h (1 - h) is the slope of a sigmoid. This unit is tanh.": (
                lambda w, h: np.array([np.prod(w * h[k + 1 :] * (1 - h[k + 1 :])) for k in range(len(h))])
            ),
            "the factors are added. Along a chain they multiply.": (
                lambda w, h: np.array([np.sum(w * (1 - h[k + 1 :] ** 2)) for k in range(len(h))])
            ),
            "the sign of w is lost: where w is negative, each step turns the sign.": lambda w, h: _to_past(abs(w), h),
            "the square is missing: the slope of tanh is 1 - h².": lambda w, h: _to_past(w, h, slope=lambda h: 1 - h),
            "the square stands at the wrong place: the slope of tanh is 1 - h², not (1 - h)².": (
                lambda w, h: _to_past(w, h, slope=lambda h: (1 - h) ** 2)
            ),
            "the sign in the slope is wrong: it is 1 - h², which is at most 1.": (
                lambda w, h: _to_past(w, h, slope=lambda h: 1 + h**2)
            ),
            "tanh is applied once more. The states h are its outputs already.": (lambda w, h: _to_past(w, np.tanh(h))),
            "these are single steps. From h_k to h_T all factors between multiply.": (
                lambda w, h: np.append(w * (1 - h[1:] ** 2), 1.0)
            ),
            "the products begin at the first step. Begin at the last one and go back.": (
                lambda w, h: np.append(np.cumprod(w * (1 - h[1:] ** 2)), 1.0)
            ),
            "the products begin at the first step, and are turned afterwards. Turn the factors before, too.": (
                lambda w, h: np.append(np.cumprod(w * (1 - h[1:] ** 2))[::-1], 1.0)
            ),
            "the products are right and stand in the wrong order: the longest belongs to h_0.": (
                lambda w, h: np.append(_to_past(w, h)[-2::-1], 1.0)
            ),
            "the last entry is wrong: dh_T/dh_T is 1.": lambda w, h: np.append(_to_past(w, h)[:-1], 0.0),
        },
    ),
    Question(
        name="slopes",
        points=10,
        objective="Write the slope of an activation in its output, at the right step.",
        axes=("step", "unit"),
        derive=True,
        right=lambda h: 1 - h[1:] ** 2,
        draw=_draw_states,
        edges=(_draw_flat, partial(_draw_states, T=1)),
        mistakes={
            "h_0 has no slope: it was not computed by a step.": lambda h: 1 - h**2,
            "off by one: these are the slopes at h_0 to h_{T-1}.": lambda h: 1 - h[:-1] ** 2,
            "h (1 - h) is the slope of a sigmoid. These units are tanh.": lambda h: h[1:] * (1 - h[1:]),
            "the square is missing.": lambda h: 1 - h[1:],
            "tanh is applied once more. The states h are its outputs already.": lambda h: 1 - np.tanh(h[1:]) ** 2,
            "the sign in the slope is wrong: it is at most 1, at h = 0.": lambda h: 1 + h[1:] ** 2,
            "the square stands at the wrong place: it belongs to h alone.": lambda h: (1 - h[1:]) ** 2,
            "this is h². Where tanh is flat, h is near 1 or -1, and the slope near 0.": lambda h: h[1:] ** 2,
        },
    ),
    Question(
        name="step_jacobian",
        points=10,
        objective="Carry the step's derivative over from one unit to many.",
        axes=("new unit", "old unit"),
        derive=True,
        right=_jacobian,
        draw=_draw_step,
        edges=(partial(_draw_step, H=1),),
        mistakes={
            "wrong broadcasting: the slopes scale the columns. The slope belongs to the new state, the row.": (
                lambda Wh, slope: Wh * slope
            ),
            "σ' is left out: this is Wh alone.": lambda Wh, slope: Wh,
            "Wh is transposed. Entry [i, j] leads to unit i from unit j.": lambda Wh, slope: np.diag(slope) @ Wh.T,
            "the whole matrix is transposed: rows belong to the new state.": lambda Wh, slope: (np.diag(slope) @ Wh).T,
            "this is a product with a vector. The slopes form a diagonal matrix.": lambda Wh, slope: Wh @ slope,
            "this is a product with a row vector. The slopes form a diagonal matrix.": lambda Wh, slope: slope @ Wh,
            "the slope is taken twice: what is handed in is the slope already, no state.": (
                lambda Wh, slope: np.diag(1 - slope**2) @ Wh
            ),
            "the weights between different units are missing: multiply by @, not by *.": (
                lambda Wh, slope: np.diag(slope) * Wh
            ),
            "slopes and weights are added. Along a chain they multiply.": lambda Wh, slope: np.diag(slope) + Wh,
        },
    ),
    Question(
        name="totals",
        points=15,
        objective="Tell the direct from the total gradient of a state, and walk back through time.",
        axes=("step", "unit"),
        derive=True,
        right=_totals,
        draw=_draw_totals,
        edges=(partial(_draw_totals, T=1), partial(_draw_totals, H=1), partial(_draw_totals, T=2)),
        mistakes={
            "missing transpose: backwards, a gradient goes through the transposed step.": (
                lambda J, dh: _totals(J, dh, send=lambda step: step)
            ),
            "only the direct gradients: each state also counts through the steps after it.": (lambda J, dh: dh),
            "off by one in J: the step from h_t to h_{t+1} leads the gradient back to h_t.": (
                lambda J, dh: _totals(J, dh, off=-1)
            ),
            "each step's own dh is forgotten on the way: this is the last loss alone.": _direct_last_only,
            "the gradient goes back one step only. What arrives there has to travel on.": _one_step_back,
            "this walks forwards in time. Gradients start at the last step.": _forwards,
            "direct gradients are added without the steps between.": lambda J, dh: np.cumsum(dh[::-1], axis=0)[::-1],
            "a step's own dh goes back through a step before it counts. It belongs to h_t as it is.": (
                partial(_totals, slip="late")
            ),
            "what comes back from later has the wrong sign. It is added.": partial(_totals, slip="sign"),
            "only the diagonal of J is used: multiply by @, not by *.": partial(_totals, slip="entries"),
        },
    ),
    Question(
        name="share",
        points=10,
        objective="Write one use's share in the gradient of a weight matrix.",
        axes=("unit that the weight leads to", "what the weight meets"),
        derive=True,
        right=lambda delta, slope, met: np.outer(delta * slope, met),
        draw=_draw_share,
        edges=(
            _draw_saturated,
            partial(_draw_share, H=1, D=2),
            partial(_draw_share, D=1),
            partial(_draw_share, H=3, D=3),
        ),
        mistakes={
            "the outer product is the wrong way round: rows belong to the unit that the weight leads to.": (
                lambda delta, slope, met: np.outer(met, delta * slope)
            ),
            "σ' is left out: between dL/dh and dL/da stands the slope.": (
                lambda delta, slope, met: np.outer(delta, met)
            ),
            "the gradient delta is missing.": lambda delta, slope, met: np.outer(slope, met),
            "what the weight met is missing.": lambda delta, slope, met: np.outer(delta * slope, np.ones(len(met))),
            "this is divided by the slope. The chain rule multiplies.": (
                lambda delta, slope, met: np.outer(delta / np.where(slope == 0, 1e-300, slope), met)
            ),
            "the slope is taken twice: what is handed in is the slope already, no state.": (
                lambda delta, slope, met: np.outer(delta * (1 - slope**2), met)
            ),
            "delta and slope are added. The chain rule multiplies.": (
                lambda delta, slope, met: np.outer(delta + slope, met)
            ),
        },
    ),
    Question(
        name="gradient_of_Wh",
        points=20,
        objective="Assemble backpropagation through time, with its sum over all uses of a weight.",
        derive=True,
        right=_gradient,
        draw=_draw_net,
        edges=(partial(_draw_net, T=1), partial(_draw_net, H=1, D=2), partial(_draw_net, H=3, D=3)),
        mistakes={
            "gradient not accumulated over time: each step replaces what the others brought.": (
                lambda *net: _walk(*net, sum_up=False)
            ),
            "missing sum over k: this is the share of the last step alone.": (
                lambda *net: _walk(*net, last=True, pass_on="none")
            ),
            "missing transpose: the gradient goes back through Wh transposed.": (
                lambda *net: _walk(*net, send=lambda W: W)
            ),
            "only the direct gradients: what comes back from later steps is missing.": (
                lambda *net: _walk(*net, pass_on="none")
            ),
            "only the last loss is used. L is a sum over all steps.": lambda *net: _walk(*net, last=True),
            "σ' is left out: between dL/dh and dL/da stands the slope.": lambda *net: _walk(*net, slope=lambda h: 1),
            "h (1 - h) is the slope of a sigmoid. These units are tanh.": (
                lambda *net: _walk(*net, slope=lambda h: h * (1 - h))
            ),
            "off by one in t: in step t, Wh meets h_{t-1}, not h_t.": lambda *net: _walk(*net, met=0),
            "the outer product is the wrong way round: this is the transpose.": lambda *net: _gradient(*net).T,
            "this is averaged over the steps. L is the sum.": lambda *net: _gradient(*net) / len(net[3]),
            "L has a factor 1/2, which cancels the 2 of the square.": lambda *net: 2 * _gradient(*net),
            "the start is taken as zero. Use the h0 that is handed in.": (
                lambda Wx, Wh, b, x, y, h0: _gradient(Wx, Wh, b, x, y, 0 * h0)
            ),
            "off by one in t: the slope of step t stands at h_t, not at h_{t-1}.": lambda *net: _walk(*net, at=-1),
            "on the way back σ' is left out: to h_{t-1} leads Wh transposed times dL/da, not dL/dh.": (
                lambda *net: _walk(*net, pass_on="total")
            ),
            "what comes back from later has the wrong sign. It is added.": (
                lambda *net: _walk(*net, send=lambda W: -W.T)
            ),
            "the square is missing: the slope of tanh is 1 - h².": lambda *net: _walk(*net, slope=lambda h: 1 - h),
            "the sign in the slope is wrong: it is 1 - h², which is at most 1.": (
                lambda *net: _walk(*net, slope=lambda h: 1 + h**2)
            ),
            "tanh is applied once more: the slope is made of h, which is its output already.": (
                lambda *net: _walk(*net, slope=lambda h: 1 - np.tanh(h) ** 2)
            ),
            "the targets y are missing: the direct gradient is h_t - y_t.": lambda *net: _walk(
                *net, own=lambda h, y: h[1:]
            ),
            "the targets y are added. The direct gradient is h_t - y_t.": (
                lambda *net: _walk(*net, own=lambda h, y: h[1:] + y)
            ),
            "off by one in t: y_t is compared with h_{t-1}.": lambda *net: _walk(*net, own=lambda h, y: h[:-1] - y),
            "the direct gradient is squared: that of half a square is h_t - y_t.": (
                lambda *net: _walk(*net, own=lambda h, y: (h[1:] - y) ** 2)
            ),
            **{
                f"the states are wrong: {words}": partial(_walk, states=states)
                for words, states in {
                    "the bias b is missing.": lambda Wx, Wh, b, x, h0: _seen(Wx, Wh, 0 * b, x, h0),
                    "the bias b has the wrong sign.": lambda Wx, Wh, b, x, h0: _seen(Wx, Wh, -b, x, h0),
                    "the inputs are missing.": lambda Wx, Wh, b, x, h0: _seen(Wx, Wh, b, 0 * x, h0),
                    "the state before is missing.": lambda Wx, Wh, b, x, h0: _seen(Wx, 0 * Wh, b, x, h0),
                    "Wh h_{t-1} has the wrong sign.": lambda Wx, Wh, b, x, h0: _seen(Wx, -Wh, b, x, h0),
                    "going forward, h meets Wh as it is, not its transpose.": (
                        lambda Wx, Wh, b, x, h0: _seen(Wx, Wh.T, b, x, h0)
                    ),
                    "they went through a sigmoid, and the exercise has tanh.": _sigmoid_run,
                    "the tanh is missing.": _linear_run,
                }.items()
            },
        },
    ),
]
