"""A class of students who answer ps1 rightly, each in a style of their own.

«a|b» marks where the styles of one text part. The first text of a function is taken most often, as in a class.
"""

import random
import re

STYLES = {
    "states": [
        """\
def states(w, u, b, x, h0):
    h = [«h0|float(h0)»]
    for x_t in x:
        h.append(np.tanh(w * h[-1] + u * x_t + b))
    return np.array(h)""",
        """\
def states(w, u, b, x, h0):
    h = «np.zeros(len(x) + 1)|np.empty(len(x) + 1)|np.zeros(x.shape[0] + 1)|np.zeros(x.size + 1)»
    h[0] = h0
    for t in range(len(x)):
        «h[t + 1] = np.tanh(w * h[t] + u * x[t] + b)|a = w * h[t] + u * x[t] + b
        h[t + 1] = np.tanh(a)»
    return h""",
        """\
def states(w, u, b, x, h0):
    T = «len(x)|x.shape[0]»
    h = «np.zeros(T + 1)|np.empty(T + 1)»
    h[0] = h0
    for t in range(1, T + 1):
        h[t] = np.tanh(w * h[t - 1] + u * x[t - 1] + b)
    return h""",
        """\
def states(w, u, b, x, h0):
    out, h = [h0], h0
    for i in range(«len(x)|x.shape[0]»):
        h = np.tanh(u * x[i] + w * h + b)
        out.append(h)
    return np.array(out«|, dtype=float»)""",
    ],
    "rate": [
        """\
def rate(w, b):
    h = «0.5|0.0»
    for _ in range(«1000|10000|500|200»):
        h = «sigmoid(w * h + b)|1 / (1 + np.exp(-(w * h + b)))»
    return «h * (1 - h) * w|w * h * (1 - h)»""",
        """\
def rate(w, b):
    h, old = 0.5, 2.0
    while abs(h - old) > «1e-14|1e-12|1e-15»:
        old, h = h, sigmoid(w * h + b)
    return w * «h * (1 - h)|(h - h**2)»""",
        """\
def rate(w, b):
    low, high = 0.0, 1.0
    for _ in range(«100|60|200»):
        mid = «(low + high) / 2|0.5 * (low + high)»
        if sigmoid(w * mid + b) > mid:
            low = mid
        else:
            high = mid
    return w * mid * (1 - mid)""",
    ],
    "gradients_to_past": [
        """\
def gradients_to_past(w, h):
    back = np.cumprod((w * (1 - h[1:] ** 2))[::-1])[::-1]
    return «np.append(back, 1.0)|np.concatenate([back, [1.0]])|np.hstack([back, 1.0])»""",
        """\
def gradients_to_past(w, h):
    out = «np.ones(len(h))|np.ones_like(h)»
    for k in range(«len(h) - 2|len(h) - 2|h.size - 2», -1, -1):
        out[k] = out[k + 1] * w * (1 - h[k + 1] ** 2)
    return out""",
        """\
def gradients_to_past(w, h):
    T = len(h) - 1
    grads = np.zeros(T + 1)
    grads[T] = 1
    for t in «range(T, 0, -1)|reversed(range(1, T + 1))»:
        slope = 1 - h[t] ** 2
        grads[t - 1] = grads[t] * «slope * w|w * slope»
    return grads""",
        """\
def gradients_to_past(w, h):
    return np.array([np.prod(w * (1 - h[k + 1 :] ** 2)) for k in range(len(h))])""",
        """\
def gradients_to_past(w, h):
    g, total = [1.0], 1.0
    for h_t in h[:0:-1]:
        total *= w * (1 - h_t«**2| * h_t»)
        g.append(total)
    return np.array(g[::-1])""",
    ],
    "slopes": [
        "def slopes(h):\n    return 1 - «h[1:] ** 2|h[1:] ** 2|h[1:] * h[1:]|np.square(h[1:])»",
        "def slopes(h):\n    return (1 - h[1:]) * (1 + h[1:])",
    ],
    "step_jacobian": [
        "def step_jacobian(Wh, slope):\n    return «slope[:, None]|slope.reshape(-1, 1)» * Wh",
        "def step_jacobian(Wh, slope):\n    return «np.diag(slope) @ Wh|np.diag(slope) @ Wh|(Wh.T * slope).T»",
    ],
    "totals": [
        """\
def totals(J, dh):
    total = «dh.copy()|np.array(dh)|np.array(dh, dtype=float)»
    for t in range(«len(dh) - 2|len(dh) - 2|dh.shape[0] - 2», -1, -1):
        total[t] += «J[t + 1].T @ total[t + 1]|total[t + 1] @ J[t + 1]»
    return total""",
        """\
def totals(J, dh):
    T = «len(dh)|dh.shape[0]»
    out = np.zeros_like(dh)
    out[«-1|T - 1»] = dh[«-1|T - 1»]
    for t in «range(T - 2, -1, -1)|reversed(range(T - 1))»:
        out[t] = dh[t] + J[t + 1].T @ out[t + 1]
    return out""",
        """\
def totals(J, dh):
    back, later = [], np.zeros(dh.shape[1])
    for t in range(len(dh) - 1, -1, -1):
        total = dh[t] + later
        back.append(total)
        later = «J[t].T @ total|total @ J[t]»
    return np.array(back[::-1])""",
    ],
    "share": [
        "def share(delta, slope, met):\n    return «np.outer(delta * slope, met)|np.outer(slope * delta, met)»",
        "def share(delta, slope, met):\n    return (delta * slope)[:, None] * «met|met[None, :]»",
        "def share(delta, slope, met):\n    return np.einsum('i,j->ij', delta * slope, met)",
        """\
def share(delta, slope, met):
    da = delta * slope
    return «np.outer(da, met)|da[:, None] * met|da[:, np.newaxis] @ met[np.newaxis, :]»""",
    ],
    "gradient_of_Wh": [
        """\
def gradient_of_Wh(Wx, Wh, b, x, y, h0):
    h = [h0]
    for x_t in x:
        h.append(np.tanh(Wx @ x_t + Wh @ h[-1] + b))
    h = np.array(h)
    slope = slopes(h)
    J = np.array([step_jacobian(Wh, s) for s in slope])
    delta = totals(J, h[1:] - y)
    return sum(share(d, s, met) for d, s, met in zip(delta, slope, h[:-1]«|, strict=True»))""",
        """\
def gradient_of_Wh(Wx, Wh, b, x, y, h0):
    T, H = «y.shape|len(x), len(h0)»
    h = np.zeros((T + 1, H))
    h[0] = h0
    for t in range(T):
        h[t + 1] = np.tanh(«Wx @ x[t] + Wh @ h[t] + b|Wh.dot(h[t]) + Wx.dot(x[t]) + b»)
    s = slopes(h)
    J = «np.array([step_jacobian(Wh, s[t]) for t in range(T)])|np.stack([step_jacobian(Wh, row) for row in s])»
    delta = totals(J, h[1:] - y)
    dW = np.zeros(«(H, H)|Wh.shape»)
    for t in range(T):
        dW += share(delta[t], s[t], h[t])
    return dW""",
        """\
def gradient_of_Wh(Wx, Wh, b, x, y, h0):
    states = [h0]
    for t in range(len(x)):
        states.append(np.tanh(Wx @ x[t] + Wh @ states[t] + b))
    dW, later = np.zeros_like(Wh), np.zeros(len(h0))
    for t in range(len(x), 0, -1):
        da = (states[t] - y[t - 1] + later) * (1 - states[t] ** 2)
        dW += np.outer(da, states[t - 1])
        later = «Wh.T @ da|da @ Wh»
    return dW""",
    ],
}


def answers(rng: random.Random, share: float = 1.0) -> list[str]:
    """The code cells of one student, who answers this share of the questions."""
    texts = [rng.choices(texts, [3] + [2] * (len(texts) - 1))[0] for texts in STYLES.values()]
    return [
        re.sub("«([^«»]*)»", lambda found: rng.choice(found[1].split("|")), text)
        for text in texts
        if rng.random() < share
    ]
