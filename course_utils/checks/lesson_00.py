"""00 · start here."""

from course_utils.checks.exercise import Exercise

EXERCISES = {
    "00 what is left": Exercise(
        right=0.99**90,
        rtol=0.02,
        mistakes={
            "1 % of the *start* is not lost at every step: each step keeps 99 % of what is left.": 0.1,
            "this is what is lost, not what is left.": 1 - 0.99**90,
            "this is a percentage, the question asks for a fraction.": 100 * 0.99**90,
        },
    ),
    "00 decay": Exercise(
        right=lambda z, lag: z**lag,
        draw=lambda rng: (rng.uniform(0.2, 0.95), int(rng.integers(2, 30))),
        mistakes={
            "losses multiply, they don't add: each step keeps the share z of what is left.": (
                lambda z, lag: 1 - lag * (1 - z)
            ),
            "this is z times lag. How often does the factor z come in?": lambda z, lag: z * lag,
            "base and exponent are swapped.": lambda z, lag: float(lag) ** z,
            "this is what is lost, not what is left.": lambda z, lag: 1 - z**lag,
        },
    ),
}
