"""Assignment 4, remember: its questions and essays, for instructors only."""

from functools import partial

import numpy as np

from coursework.grader.question import Essay, Question


def _logit(z):
    return np.log(z / (1 - z))


def _biases(lags, share):
    return _logit(share ** (1 / lags))


def _chrono(u, longest):
    return np.log(1 + u * (longest - 2))


def _keeps(z):
    """Share of h_k in h_T, k = 0..T."""
    return np.vstack([np.cumprod(z[::-1], axis=0)[::-1], np.ones_like(z[:1])])


def _contributions(z, h_tilde, h0):
    return _keeps(z) * np.vstack([h0, (1 - z) * h_tilde])


def _half_lives(z):
    return np.log(0.5) / np.log(z).mean(0)


def _solved_at(eval_steps, scores, goal, never=-1):
    solved = scores >= goal
    return np.where(solved.any(1), np.asarray(eval_steps)[solved.argmax(1)], never)


def _log(x):
    """The logarithm, -inf at 0, where a mistake may take it."""
    with np.errstate(divide="ignore"):
        return np.log(x)


def _draw_biases(rng):
    return rng.integers(2, 200, int(rng.integers(2, 6))), rng.uniform(0.1, 0.9)


def _draw_next_step(rng):
    """A single unit whose memory is needed one step later."""
    return np.array([1]), rng.uniform(0.55, 0.9)


def _draw_ends(rng):
    """Draws at both ends of the range, for a net that looks back three steps at most."""
    return np.append(rng.permutation([0.0, 1.0]), rng.uniform(size=int(rng.integers(1, 4)))), 3


def _draw_gates(rng, T=None, H=None):
    return (
        rng.uniform(
            0.2,
            0.98,
            (int(rng.integers(3, 8)) if T is None else T, int(rng.integers(2, 6)) if H is None else H),
        ),
    )


def _draw_open(rng):
    """Gates of which some are open to all digits, as a saturated sigmoid is: z = 1."""
    (z,) = _draw_gates(rng)
    z[1:, 0] = z[-1, 1] = 1.0
    return (z,)


def _draw_states(rng, T=None, H=None):
    (z,) = _draw_gates(rng, T, H)
    return z, rng.uniform(-1, 1, z.shape), rng.uniform(-1, 1, z.shape[1])


def _draw_from_zero(rng):
    z, h_tilde, h0 = _draw_states(rng)
    return z, h_tilde, 0 * h0


def _draw_scores(rng):
    """Accuracies of five nets: solved in the end, solved and lost again, exactly at the goal, never, and at once.

    Evaluations begin before the first update. Some updates lie between them, not always as many.
    """
    E, goal = int(rng.integers(6, 9)), float(rng.choice([0.9, 0.95]))
    scores = rng.uniform(0.2, goal - 0.05, (5, E))
    scores[0, -2:] = goal + 0.02, goal + 0.03
    scores[1, 2] = goal + 0.01
    scores[2, 3:6] = goal, goal + 0.04, goal + 0.01
    scores[3, 0] = goal + 0.01
    eval_steps = np.append(0, np.cumsum(5 * rng.permutation(np.arange(3, 3 + E))[: E - 1]))
    return eval_steps, scores[rng.permutation(5)], goal


def _draw_once(rng):
    """A net that was evaluated once, after its last update, and met the goal exactly."""
    goal = float(rng.choice([0.9, 0.95]))
    return np.array([int(rng.integers(50, 400))]), np.array([[goal]]), goal


def _draw_before(rng):
    """Two nets that were evaluated once, before any update. One of them met the goal there."""
    goal = float(rng.choice([0.9, 0.95]))
    return np.array([0]), rng.permutation([[goal + 0.01], [goal - 0.05]]), goal


LEAST_BIAS = float(_logit(0.01 ** (1 / 100)))  # leaves 1 % after 100 steps
MOST_BIAS = float(_logit(0.999))  # lets in one part in a thousand
MIDDLE_BIAS = (MOST_BIAS + LEAST_BIAS) / 2


def _pick(eval_steps, chosen):
    return np.asarray(eval_steps)[chosen]


QUESTIONS = [
    Question(
        name="biases",
        points=6,
        objective="Choose gate biases for wanted lags.",
        right=_biases,
        draw=_draw_biases,
        edges=(_draw_next_step,),
        single=4e-5,  # a gate near 1 has few digits of 1 - z
        mistakes={
            "this is the gate z. Which bias brings the sigmoid to it?": lambda lags, share: share ** (1 / lags),
            "z and 1-z are swapped: this bias is right for a gate that writes.": (
                lambda lags, share: -_biases(lags, share)
            ),
            "this leaves 1/e, whatever the share.": lambda lags, share: _biases(lags, np.exp(-1)),
            "log of the lag is a rule of thumb. Solve for the share, exactly.": lambda lags, share: np.log(lags),
            "this is what is lost. The share is what is left.": lambda lags, share: _biases(lags, 1 - share),
            "this is the logarithm of the gate. Which bias brings the sigmoid to it?": (
                lambda lags, share: np.log(share) / lags
            ),
            "this leaves the share after one step, at every lag.": lambda lags, share: _logit(share) + 0 * lags,
            "base and exponent: the gate is the lag-th root of the share, not its power.": (
                lambda lags, share: _logit(share**lags)
            ),
            "the logarithm is missing: the bias is log(z / (1 - z)).": (
                lambda lags, share: np.exp(_biases(lags, share))
            ),
            "the sigmoid is applied where its inverse is needed.": (
                lambda lags, share: 1 / (1 + np.exp(-(share ** (1 / lags))))
            ),
            "the decimal logarithm does not belong to a sigmoid, which is made of powers of e.": (
                lambda lags, share: _biases(lags, share) / np.log(10)
            ),
            "that is the inverse of tanh. A gate is a sigmoid.": lambda lags, share: np.arctanh(share ** (1 / lags)),
            "the loss is spread evenly over the steps. What is kept at each step multiplies.": (
                lambda lags, share: _logit(1 - (1 - share) / lags)
            ),
            "the share is divided by the lag. What is kept at each step multiplies.": (
                lambda lags, share: _logit(share / lags)
            ),
            "1 - z has the wrong sign: the bias is log(z / (1 - z)).": (
                lambda lags, share: np.log(share ** (1 / lags) / (1 + share ** (1 / lags)))
            ),
        },
    ),
    Question(
        name="chrono",
        points=4,
        objective="Initialise a layer for many time scales at once.",
        right=_chrono,
        draw=lambda rng: (rng.uniform(size=int(rng.integers(3, 7))), int(rng.integers(5, 400))),
        edges=(_draw_ends,),
        mistakes={
            "the logarithm is missing: these are time scales, not biases.": lambda u, longest: 1 + u * (longest - 2),
            "z and 1-z are swapped: with the sign turned, the gates are shut.": lambda u, longest: -_chrono(u, longest),
            "the decimal logarithm does not belong to a sigmoid, which is made of powers of e.": (
                lambda u, longest: _chrono(u, longest) / np.log(10)
            ),
            "the range is off at its upper end: u = 1 has to give longest - 1.": (
                lambda u, longest: np.log(1 + u * (longest - 1))
            ),
            "the range is off at its lower end: u = 0 has to give 1.": lambda u, longest: _log(u * (longest - 1)),
            "here the biases are spread evenly. The time scales are to be.": (
                lambda u, longest: u * np.log(longest - 1)
            ),
            "the range is off at both ends: it goes from 0 to longest - 2 here.": (
                lambda u, longest: _log(u * (longest - 2))
            ),
            "the range is off at its upper end: it goes to longest + 1 here.": (
                lambda u, longest: np.log(1 + u * longest)
            ),
            "the range is off at both ends: it goes from 2 to longest here.": (
                lambda u, longest: np.log(2 + u * (longest - 2))
            ),
            "the range doesn't depend on longest.": lambda u, longest: np.log(1 + u),
            "the logarithm to the base 2 does not belong to a sigmoid, which is made of powers of e.": (
                lambda u, longest: _chrono(u, longest) / np.log(2)
            ),
            "u is turned: u = 0 gives the shortest time scale, not the longest.": (
                lambda u, longest: _chrono(1 - u, longest)
            ),
        },
    ),
    Question(
        name="gate_bias",
        points=4,
        objective="Choose an initialisation for a task, between forgetting and never writing.",
        right=lambda: MIDDLE_BIAS,
        draw=lambda rng: (),
        rtol=(MOST_BIAS - LEAST_BIAS) / (MOST_BIAS + LEAST_BIAS),
        mistakes={
            "that is a fresh gate: half of the memory is gone in a step.": lambda: 0.0,
            "that is the lag. A gate with this bias keeps everything, and never learns to write.": lambda: 100.0,
            "with the sign turned, the gate is shut: z keeps.": lambda: -4.6,
            "that is the gate z itself. Which bias brings the sigmoid to it?": lambda: 0.95,
            "too little: less than 1 % is left after 100 steps.": lambda: 2.2,
            "too much: the gate lets in less than one part in a thousand.": lambda: 10.0,
        },
    ),
    Question(
        name="solved_at",
        points=10,
        objective="Report a training experiment over several seeds, failures included.",
        right=_solved_at,
        draw=_draw_scores,
        edges=(_draw_once, _draw_before),
        mistakes={
            "this is the number of the evaluation. Asked is how many updates came before it.": (
                lambda eval_steps, scores, goal: _solved_at(np.arange(len(eval_steps)), scores, goal)
            ),
            "a net that never gets there counts as solved at step 0. It is to be -1.": (
                lambda eval_steps, scores, goal: _solved_at(eval_steps, scores, goal, never=0)
            ),
            "meeting the goal exactly counts as solved, too.": (
                lambda eval_steps, scores, goal: _solved_at(eval_steps, scores, np.nextafter(goal, 1))
            ),
            "a net that falls back later has solved the task all the same: the first time counts.": (
                lambda eval_steps, scores, goal: np.where(
                    scores[:, -1] >= goal, _solved_at(eval_steps, scores, goal), -1
                )
            ),
            "this is the best evaluation. The first one at the goal is asked for.": (
                lambda eval_steps, scores, goal: np.where(
                    scores.max(1) >= goal, _pick(eval_steps, scores.argmax(1)), -1
                )
            ),
            "wrong axis: one answer a net, and nets are axis 0.": (
                lambda eval_steps, scores, goal: _solved_at(np.arange(len(scores)), scores.T, goal)
            ),
            "0 is an answer as well: a net may have solved the task before its first update.": (
                lambda eval_steps, scores, goal: np.where(
                    _solved_at(eval_steps, scores, goal) == 0, -1, _solved_at(eval_steps, scores, goal)
                )
            ),
            "a net that meets the goal at its first evaluation has solved the task, after the updates before that.": (
                lambda eval_steps, scores, goal: np.where(
                    (scores >= goal).argmax(1) > 0, _solved_at(eval_steps, scores, goal), -1
                )
            ),
            "the updates between two evaluations may differ. Take them from eval_steps.": (
                lambda eval_steps, scores, goal: _solved_at(
                    eval_steps[min(1, len(eval_steps) - 1)] * np.arange(len(eval_steps)), scores, goal
                )
            ),
            "other than 25 updates may lie between evaluations. Take them from eval_steps.": (
                lambda eval_steps, scores, goal: _solved_at(25 * np.arange(len(eval_steps)), scores, goal)
            ),
            "a net that never gets there is to be -1, not NaN.": partial(_solved_at, never=np.nan),
            "a net that never gets there is to be -1, not the last evaluation.": (
                lambda eval_steps, scores, goal: _solved_at(eval_steps, scores, goal, never=eval_steps[-1])
            ),
            "a net that never gets there is to be -1, not infinity.": partial(_solved_at, never=np.inf),
            "this is the last evaluation at the goal. The first one is asked for.": (
                lambda eval_steps, scores, goal: _solved_at(eval_steps[::-1], scores[:, ::-1], goal)
            ),
            "this is how often the goal was met.": (
                lambda eval_steps, scores, goal: np.where((scores >= goal).any(1), (scores >= goal).sum(1), -1)
            ),
            "this is one evaluation too late.": (
                lambda eval_steps, scores, goal: _solved_at(np.append(eval_steps[1:], eval_steps[-1]), scores, goal)
            ),
            "this says whether the goal was met. Asked is how many updates came before it.": (
                lambda eval_steps, scores, goal: (scores >= goal).any(1)
            ),
            "nets that failed are left out. Each has its place, with -1.": (
                lambda eval_steps, scores, goal: _solved_at(eval_steps, scores, goal)[(scores >= goal).any(1)]
            ),
            "small is good for an error. These are accuracies.": (
                lambda eval_steps, scores, goal: _solved_at(eval_steps, -scores, -goal)
            ),
        },
    ),
    Question(
        name="keeps",
        points=8,
        objective="Read from a trained net's gates what is left of each earlier state.",
        right=_keeps,
        draw=_draw_gates,
        edges=(_draw_open, partial(_draw_gates, T=1), partial(_draw_gates, H=1)),
        mistakes={
            "off by one in t: the first gate acts on h_0, the last entry (T) has met none.": (
                lambda z: np.vstack([np.ones_like(z[:1]), np.cumprod(z, axis=0)])[::-1]
            ),
            "this looks forward from h_0: share of h_0 in each h_t. Asked is the share of each h_k in h_T.": (
                lambda z: np.vstack([np.ones_like(z[:1]), np.cumprod(z, axis=0)])
            ),
            "the last row is missing: h_T holds all of itself.": lambda z: _keeps(z)[:-1],
            "one gate too many: h_k has not met its own gate z_k, only the later ones.": (
                lambda z: np.vstack([_keeps(z)[:1], _keeps(z)[:-1]])
            ),
            "wrong axis: this multiplies over the units. Steps are axis 0.": (
                lambda z: np.vstack([np.cumprod(z[:, ::-1], axis=1)[:, ::-1], np.ones_like(z[:1])])
            ),
            "every row is the same: one array is changed in place and kept many times. Keep a new one a step.": (
                lambda z: np.repeat(_keeps(z)[:1], len(z) + 1, axis=0)
            ),
            "z and 1-z are swapped. Here z keeps.": lambda z: _keeps(1 - z),
            "shares are added. Along a chain they multiply.": (
                lambda z: np.vstack([np.cumsum(z[::-1], axis=0)[::-1], np.ones_like(z[:1])])
            ),
            "the last row is wrong: h_T holds all of itself, the share 1.": (
                lambda z: np.vstack([_keeps(z)[:-1], np.zeros_like(z[:1])])
            ),
            "these are single gates. All the gates from k + 1 to T multiply.": (
                lambda z: np.vstack([z, np.ones_like(z[:1])])
            ),
            "the products are right, and stand in the wrong order: the fewest gates are left for h_T.": (
                lambda z: np.vstack([_keeps(z)[-2::-1], np.ones_like(z[:1])])
            ),
            "the products begin at the first gate. Begin at the last one and go back.": (
                lambda z: np.vstack([np.cumprod(z, axis=0), np.ones_like(z[:1])])
            ),
            "this is what is left of h_0 alone. Those of all h_k are asked for.": lambda z: np.prod(z, axis=0),
            "these are logarithms of the shares.": lambda z: np.log(_keeps(z)),
            "the gates are averaged over the units. Each unit has its own.": (
                lambda z: _keeps(np.repeat(z.mean(1, keepdims=True), z.shape[1], axis=1))
            ),
        },
    ),
    Question(
        name="contributions",
        points=6,
        objective="Take a state apart into what each step has written into it.",
        right=_contributions,
        draw=_draw_states,
        edges=(_draw_from_zero, partial(_draw_states, T=2, H=1)),
        mistakes={
            "1 - z is missing: step k writes the share 1 - z_k of its candidate.": (
                lambda z, h_tilde, h0: _keeps(z) * np.vstack([h0, h_tilde])
            ),
            "z and 1-z are swapped. Here z keeps, and 1 - z writes.": (
                lambda z, h_tilde, h0: _keeps(1 - z) * np.vstack([h0, z * h_tilde])
            ),
            "this is what each step writes. What is left of it at step T is asked for.": (
                lambda z, h_tilde, h0: np.vstack([h0, (1 - z) * h_tilde])
            ),
            "off by one in t: what step k writes has not met z_k, only the later gates.": (
                lambda z, h_tilde, h0: np.vstack([_keeps(z)[:1], _keeps(z)[:-1]]) * np.vstack([h0, (1 - z) * h_tilde])
            ),
            "the start is missing: the first row is what is left of h0.": (
                lambda z, h_tilde, h0: _contributions(z, h_tilde, h0)[1:]
            ),
            "the start is taken as zero.": lambda z, h_tilde, h0: _contributions(z, h_tilde, 0 * h0),
            "this is their sum, h_T. Each step's own contribution is asked for.": (
                lambda z, h_tilde, h0: _contributions(z, h_tilde, h0).sum(0)
            ),
            "z and 1-z are swapped in what is written. The candidate comes in with the share 1 - z.": (
                lambda z, h_tilde, h0: _keeps(z) * np.vstack([h0, z * h_tilde])
            ),
            "the candidates are missing: these are shares alone.": (
                lambda z, h_tilde, h0: _keeps(z) * np.vstack([h0, 1 - z])
            ),
            "the candidate's share is 1 + z here. It is 1 - z.": (
                lambda z, h_tilde, h0: _keeps(z) * np.vstack([h0, (1 + z) * h_tilde])
            ),
            "these are the shares that are left. Multiply them by what was written.": lambda z, h_tilde, h0: _keeps(z),
            "the start stands at the end. It is the first row.": (
                lambda z, h_tilde, h0: _keeps(z) * np.vstack([(1 - z) * h_tilde, h0])
            ),
            "these are running sums. Each step's own contribution is asked for.": (
                lambda z, h_tilde, h0: np.cumsum(_contributions(z, h_tilde, h0), axis=0)
            ),
            "the start is left as it was. Gates keep a share of it, too.": (
                lambda z, h_tilde, h0: np.vstack([h0, _contributions(z, h_tilde, h0)[1:]])
            ),
        },
    ),
    Question(
        name="half_lives",
        points=5,
        objective="Tell long-term from short-term units by their gates.",
        right=_half_lives,
        draw=_draw_gates,
        edges=(partial(_draw_gates, T=1), partial(_draw_gates, H=1)),
        mistakes={
            "the mean of the gates was taken. Gates multiply over time: take the mean of their logarithms.": (
                lambda z: np.log(0.5) / np.log(z.mean(0))
            ),
            "wrong axis: one number a unit is asked for, and steps are axis 0.": (
                lambda z: np.log(0.5) / np.log(z).mean(1)
            ),
            "one number for all units. Each unit has its own.": lambda z: np.log(0.5) / np.log(z).mean(),
            "1/(1-z) is the time to 1/e, roughly. Half-life is asked for.": lambda z: (1 / (1 - z)).mean(0),
            "this is the time to 1/e. Half-life is asked for.": lambda z: -1 / np.log(z).mean(0),
            "missing sum over k: the total of the logarithms is taken as one step's. Divide it by T.": (
                lambda z: np.log(0.5) / np.log(z).sum(0)
            ),
            "the mean was taken of half-lives. Where gates change, their logarithms are to be averaged first.": (
                lambda z: (np.log(0.5) / np.log(z)).mean(0)
            ),
            "numerator and denominator are swapped.": lambda z: np.log(z).mean(0) / np.log(0.5),
            "the last gate alone is used. All of them multiply.": lambda z: np.log(0.5) / np.log(z[-1]),
            "the median of the gates was taken. Gates multiply over time: take the mean of their logarithms.": (
                lambda z: np.log(0.5) / np.log(np.median(z, axis=0))
            ),
            "this is the constant gate that keeps as much. Asked is after how many steps one half is left.": (
                lambda z: np.exp(np.log(z).mean(0))
            ),
            "the logarithm of 1/2 is missing.": lambda z: 0.5 / np.log(z).mean(0),
            "the logarithm of the gates is missing.": lambda z: np.log(0.5) / z.mean(0),
            "these are half-lives of single steps. One number a unit is asked for.": lambda z: np.log(0.5) / np.log(z),
            "half-lives are no whole numbers here. Leave them as they are.": lambda z: np.ceil(_half_lives(z)),
        },
    ),
]
ESSAYS = [
    Essay(
        name="essay_weather",
        points=7,
        prompt=(
            "A sigmoid RNN reads daily weather and predicts the weather several days ahead. Why might it fail to "
            "use what happened thirty days ago? And is that the same thing as predicting several days ahead?"
        ),
        rubric={
            "0: restates": "Says that the network has vanishing gradients or a short memory, without a reason.",
            "1: a reason": (
                "Says that the gradient passes through many steps and gets smaller at each, without saying why."
            ),
            "2: names the product": (
                "The gradient from the loss to an input thirty days back is a product of thirty factors, slope times "
                "weight."
            ),
            "3: says why it shrinks": (
                "Says in addition that a sigmoid's slope is at most 1/4, so that the product shrinks exponentially "
                "unless the weights are large."
            ),
            "4: states the condition": (
                "Says in addition when it must vanish (largest singular value below 4) or that saturation makes the "
                "slope smaller still."
            ),
            "5: not the same": "Says in addition that predicting several days ahead is another thing.",
            "6: tells lag from horizon": (
                "Says in addition why: the lag between the telling input and the target counts, not how far ahead the "
                "forecast lies."
            ),
            "7: shows it": (
                "Gives a case for that, such as yesterday's weather, which says much about a day three days ahead."
            ),
        },
        model=(
            "What the loss says about the input thirty days back arrives as a product of thirty factors, each the "
            "slope of a sigmoid times the weights. The slope is at most 1/4, and near 0 where a unit is "
            "saturated. With a largest singular value below 4 the product must vanish, so the weights never learn "
            "that the old input matters. This is a matter of the lag from input to target. A forecast three days "
            "ahead can do well with the last few days alone, and the persistence of the weather is a baseline "
            "that has to be beaten first."
        ),
    ),
    Essay(
        name="essay_mechanism",
        points=6,
        prompt=(
            "In simple terms: why can vanishing gradients prevent an RNN from learning from inputs far back, "
            "although the gradient of its weights is not zero?"
        ),
        rubric={
            "0: restates": "Says that gradients become small and learning is slow.",
            "1: names a product": (
                "Says that something is multiplied at every step, without saying that the factors are small."
            ),
            "2: names the mechanism": (
                "Each step back multiplies by a factor below 1, so the early inputs' part is tiny."
            ),
            "3: names the sum": "Says in addition that the gradient of a weight is a sum with one term for each step.",
            "4: tells its terms apart": (
                "Says in addition which of these terms are small, and that the recent ones stay large."
            ),
            "5: says what is learned": (
                "Says in addition what follows: the network does learn, but from the recent past only."
            ),
            "6: explains the sum": (
                "Says in addition how the far terms are lost: drowned by the recent ones or by the noise of the "
                "batch, as so many times smaller parts of one sum."
            ),
        },
        model=(
            "The gradient of a weight is a sum with one term for each step at which the weight was used. The term "
            "of a step far back has come through many steps and each has made it smaller, while the terms of the "
            "last steps are as large as ever. So the sum is not zero: the network learns, but only from the "
            "recent past. What an early input could have taught it may be a part in a million of the sum, lost "
            "among the other terms and the noise of the batch."
        ),
    ),
    Essay(
        name="essay_clipping",
        points=6,
        prompt=(
            "A set of slides asks how gradient clipping mitigates the *vanishing* gradient problem. What does "
            "clipping do, and does it?"
        ),
        rubric={
            "0: accepts the premise": "Explains how clipping helps against vanishing gradients.",
            "1: doubts the premise": "Says that clipping is meant for explosion, without a reason.",
            "2: corrects the premise": (
                "Clipping shortens gradients that are too long, so it helps against explosion only."
            ),
            "3: says why not": (
                "Says in addition that it makes nothing longer: a gradient below the threshold passes untouched."
            ),
            "4: says how": "Says in addition how clipping by norm works: the direction is kept, the length is limited.",
            "5: scales it up": "Says in addition that making a vanished gradient longer would not help either.",
            "6: explains it": "Says in addition why: the far terms stay as small relative to the near ones.",
        },
        model=(
            "It does not. Clipping by norm divides a gradient that is longer than a threshold by its length, so "
            "that the direction is kept and the step is limited; a gradient below the threshold passes untouched. "
            "That helps where gradients explode, as at a cliff in the error surface. A vanished gradient is "
            "already short. Scaling it up would not help either, since its sum would still consist of the recent "
            "terms: what is missing is their proportion."
        ),
    ),
    Essay(
        name="essay_alternatives",
        points=6,
        prompt=(
            "Besides another activation function, name two approaches against vanishing gradients. Say what each "
            "changes in the step's Jacobian, and one limit of each."
        ),
        rubric={
            "0: names one": "At most one approach, or names without a mechanism.",
            "1: one with a mechanism": "One approach with what it does to the Jacobian, or two without.",
            "2: names two": (
                "Two approaches that act on the Jacobian's size, such as gates with an open bias, LSTM, orthogonal or "
                "identity initialisation, skip connections. (Clipping is not one of them.)"
            ),
            "3: one Jacobian": (
                "Says for one of them what becomes of the Jacobian: near the identity, or with singular values near 1."
            ),
            "4: both Jacobians": "Says for both what becomes of the Jacobian.",
            "5: a limit": "Names a limit of one of them, for instance that an open gate writes little.",
            "6: two limits": (
                "Names a limit of each, for instance, besides, that orthogonal weights still meet slopes below 1 and "
                "keep noise as well as signal."
            ),
        },
        model=(
            "Gates: in a GRU, J contains diag(z), so with z near 1 it is near the identity, and the network can "
            "learn how near. A fresh gate is about one half and forgets as fast as a plain RNN, so its bias has "
            "to be raised; and an open gate lets little new in. Orthogonal recurrent weights: all singular values "
            "of W_h are 1, so that W_h itself neither shrinks nor stretches. The slopes still shrink, and what is "
            "kept is kept without selection, noise included."
        ),
    ),
    Essay(
        name="essay_comparison",
        points=6,
        prompt="Compare the effects of vanishing and exploding gradients on training. Can one network have both?",
        rubric={
            "0: one side": "Describes one of the two only.",
            "1: both, by name": "Names small and large gradients and says little about training.",
            "2: one in training": (
                "Says what one of the two does to training. Vanishing: it goes on, without the far past, and nothing "
                "looks wrong. Exploding: huge steps, a loss that jumps or becomes NaN."
            ),
            "3: compares": "Says it of both.",
            "4: one is silent": (
                "Says in addition how each is noticed: a jump or NaN, against a comparison at long lags, or names a "
                "remedy for each."
            ),
            "5: both at once": "Says in addition that one network can do both.",
            "6: says how": (
                "Says in addition that they happen in different directions of the state or at different times, and "
                "that they need different remedies."
            ),
        },
        model=(
            "Explosion is loud: one huge step throws the weights away, the loss jumps or becomes NaN, and "
            "clipping is a simple remedy. Vanishing is silent: the loss falls, since the recent past is learned, "
            "and only a comparison at long lags shows what is missing. Both can happen in one network, because a "
            "Jacobian has many directions: large weights stretch a few of them and saturate units, which crushes "
            "the others."
        ),
    ),
    Essay(
        name="essay_gru",
        points=7,
        prompt=(
            "How can a GRU remember over longer sequences than a plain RNN? Say also what a freshly initialised "
            "GRU does."
        ),
        rubric={
            "0: praises": "Says that gates let it remember, without saying how.",
            "1: names the mixture": "Says that the new state is a mixture of the old one and a candidate.",
            "2: names the path": "Says that the state is copied with weight z, on a path without weights and slopes.",
            "3: follows the gradient": (
                "Says in addition that the gradient goes back on this path, diag(z), as z to the power of the lag."
            ),
            "4: with a number": (
                "Says in addition how much is left after a number of steps, or that a bias or the input sets z."
            ),
            "5: fresh": "Says in addition that a fresh GRU has z near 1/2 and forgets almost as fast as a plain RNN.",
            "6: each its own": "Says in addition what is gained: a keep factor between 0 and 1 for each unit.",
            "7: learned, not given": "Says in addition that a bias sets this factor and the input can change it.",
        },
        model=(
            "The new state is z times the old one plus 1 - z times a candidate. A memory, and its gradient, "
            "therefore has a direct path on which each step multiplies by z alone, with no weights and no slope. "
            "With z = .99, 40 % are left after 90 steps. But a fresh GRU has z near 1/2, which would leave one "
            "part in 10^27: its gradient vanishes like a plain RNN's. What the GRU offers is a keep factor of its own "
            "for each unit, between 0 and 1, that a bias sets, training finds and the input can change at every step."
        ),
    ),
    Essay(
        name="essay_stories",
        points=6,
        prompt=(
            "We build a system that writes stories. Which do we take, a plain RNN or a GRU? Give a reason, a way "
            "to test the choice, and what neither of them will do well."
        ),
        rubric={
            "0: picks": "Names one without a reason that has to do with memory.",
            "1: a general reason": "A reason that has to do with memory, but not with what a story has to carry.",
            "2: what is carried": "The GRU, since names, number and tense have to be carried over many words.",
            "3: by which units": (
                "Says in addition how: units with z near 1 can do that while others follow the last words."
            ),
            "4: a test or a limit": "Adds either a way to test the choice or a limit of both nets.",
            "5: a test and a limit": (
                "Adds both, such as a limit from a state of fixed size, which cannot hold a whole story."
            ),
            "6: a fair test": (
                "The test is fair: several seeds, the same budget, and held-out text or agreement over long distances."
            ),
        },
        model=(
            "The GRU: a story carries some facts over hundreds of words (who, how many, when) and others over two "
            "or three. Units whose z is near 1 can hold the first, units with small z the second, and training "
            "decides which. We would test it and not assume it: both models with the same number of weights and "
            "updates, five seeds each, on held-out text and on verbs far from their subjects. Neither keeps a "
            "plot of many pages in a state of fixed size."
        ),
    ),
    Essay(
        name="essay_chat",
        points=6,
        prompt=(
            "A chat system is to remember earlier conversations. What can a GRU contribute to that, and what can "
            "it not?"
        ),
        rubric={
            "0: overclaims": "Says that the GRU remembers past conversations, without saying how or for how long.",
            "1: within limits": "Says that the memory is limited, without saying by what.",
            "2: names what it can": (
                "Within a sequence, gates decide what of the earlier turns stays in the state, so that answers fit "
                "what was said."
            ),
            "3: one limit explained": (
                "Explains one of the limits: the reset between conversations, the fixed size, or the decay with the "
                "lag."
            ),
            "4: two limits explained": "Explains two of them.",
            "5: three limits explained": (
                "A state that is reset between conversations holds nothing of them; it has a fixed size; and it "
                "decays as a product of gates, such as z to the power of the lag."
            ),
            "6: names what it takes": (
                "Says in addition what earlier conversations need: a state that is saved, or text that is stored and "
                "looked up."
            ),
        },
        model=(
            "Within one conversation the state carries what the gates keep: the topic, a name, whether a question "
            "is open. Units with z near 1 hold it over many turns, and the reset gate lets a candidate start "
            "afresh when the topic changes. Earlier conversations are in it only if the state was saved and "
            "loaded again. Even then the state is a vector of fixed size, in which every unit's content decays as "
            "a product of its gates. Facts that must not be lost belong in a store from which they are looked up."
        ),
    ),
    Essay(
        name="essay_translation",
        points=7,
        prompt=(
            "Describe the steps to train a system that translates sentences, built from GRUs. Name two "
            "difficulties and how to meet them."
        ),
        rubric={
            "0: generic": "Steps that would fit any network.",
            "1: encoder and decoder": "Names the two nets, without how they are trained.",
            "2: what each does": (
                "An encoder GRU reads the source; a decoder GRU starts from its last state and predicts word by word."
            ),
            "3: the data": "Says in addition what they learn from: sentence pairs, cut into words or subwords.",
            "4: the training": (
                "Says in addition how: cross-entropy summed over words, and backpropagation through time through both."
            ),
            "5: one difficulty met": "Adds one real difficulty with a remedy that fits.",
            "6: a second difficulty": "Adds a second real difficulty.",
            "7: two difficulties met": (
                "Both have a remedy that fits, such as: long sentences squeezed into one vector (attention, reading "
                "the source backwards), explosion (clipping by norm), rare words (subwords), the decoder's own "
                "mistakes (beam search, training on its own outputs)."
            ),
        },
        model=(
            "Collect sentence pairs and cut them into words or subwords. An encoder GRU reads the source; its "
            "last state starts a decoder GRU, which receives the right previous word and gives a probability for "
            "each next one. The loss is the cross-entropy, summed over the words, and its gradient travels "
            "through the decoder and the encoder. First difficulty: one vector has to hold a long sentence. "
            "Attention lets the decoder look at all encoder states. Second: in use the decoder reads its own "
            "words, mistakes included. Beam search keeps several candidates. Exploding gradients are clipped by "
            "norm."
        ),
    ),
]
