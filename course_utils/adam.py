"""Adam, the optimiser of all our trainings: `train` of `training` uses it, and so may loops of your own."""

from collections.abc import Mapping

import numpy as np

BETAS, EPS = (0.9, 0.999), 1e-8  # torch's defaults


class Adam:
    """Adam (Kingma & Ba 2015): running means of each weight's gradient and of its square, divided by each other.

    rate  how far a weight moves at most, roughly, in one update.

    >>> adam, theta = Adam(rate=0.1), {"w": np.array([3.0, -2.0])}
    >>> theta = adam.step(theta, {"w": np.array([10.0, -0.001])})
    >>> print(theta["w"].round(3))
    [ 2.9 -1.9]
    """

    def __init__(self, rate: float = 0.01) -> None:
        self.rate, self.t = rate, 0
        self.mean: dict[str, np.ndarray] = {}
        self.square: dict[str, np.ndarray] = {}

    def step(self, theta: Mapping[str, np.ndarray], grad: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """New weights, {name: array} as theta and their gradient: theta - rate · m̂ / (√v̂ + ε)."""
        self.t += 1
        (b1, b2), t = BETAS, self.t
        new = {}
        for name, g in grad.items():
            mean, square = (means.setdefault(name, np.zeros_like(g)) for means in (self.mean, self.square))
            mean += (1 - b1) * (g - mean)
            square *= b2
            square += (1 - b2) * g**2
            scale = np.sqrt(square) / np.sqrt(1 - b2**t) + EPS
            new[name] = theta[name] - self.rate / (1 - b1**t) * mean / scale
        return new
