"""What a gate catches: the share of simulated comparisons that it fails, for a known shift and a known noise."""

from __future__ import annotations

import numpy as np

from bench.report.comparison.verdicts import judge, verdict_words
from bench.stats.holm import holm


def power(
    tasks: int, tests: int, shift: float, margin: float, *, draws: int = 2000, seed: int = 0, confidence: float = 0.95
) -> float:
    """Return the share of gates that fail when one of `tests` methods became worse, the others did not.

    Scores of a task carry normal noise of standard deviation 1, the reseed noise, in BASE and in NEW, independent of
    each other; the worse method loses `shift` of it on every task, and `margin` is what the rule allows, in the same
    unit. With `shift` 0 this is the rate of false alarms of the whole gate.
    """
    rng = np.random.default_rng([seed, tasks, tests])
    harm = rng.normal(scale=np.sqrt(2), size=(draws, tests, tasks))
    harm[:, 0] += shift
    group = np.repeat(np.arange(draws * tests), tasks)
    bound = np.full(draws * tests, float(margin))
    found = judge(harm.reshape(-1), group, bound, confidence)
    corrected = np.concatenate([holm(p) for p in found.p.reshape(draws, tests)])
    worse = verdict_words(found, corrected, bound, confidence) == "worse"
    return float(worse.reshape(draws, tests).any(axis=1).mean())
