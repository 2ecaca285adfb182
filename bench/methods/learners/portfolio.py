"""Portfolios: many configurations of each learner, drawn from the space that the learner declares."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from bench.core.hashing import generator
from bench.core.scheme import Entry
from bench.methods.learners import LearnerOptions, registry


def portfolio(names: Sequence[str], each: int, seed: int = 0) -> list[str]:
    """Return `each` configurations of every named learner, as ids: the default one, then drawn ones.

    A parameter is drawn log-uniformly between the bounds of the option `space`, whole numbers rounded. The draw depends
    on the learner, its place and `seed` alone, so a larger portfolio holds every smaller one. Erickson et al. (2025),
    "TabArena: a living benchmark for machine learning on tabular data", combine such portfolios.

    Raises:
        BenchError: a learner does not exist.
    """
    return [learner for name in names for learner in _configurations(registry.scheme(name).entry, each, seed)]


def _configurations(entry: Entry[LearnerOptions], each: int, seed: int) -> Iterator[str]:
    yield entry.name
    space = entry.options.space
    for place in range(1, each if space else 1):
        rng = generator("portfolio", seed, entry.name, place)
        drawn = {name: _draw_value(rng, low, high) for name, (low, high) in sorted(space.items())}
        yield f"{entry.name}:{','.join(f'{name}={value:g}' for name, value in drawn.items())}"


def _draw_value(rng: np.random.Generator, low: float, high: float) -> float:
    """Draw a number, three digits of it: whole where both bounds are."""
    value = float(np.exp(rng.uniform(np.log(low), np.log(high))))
    return round(value) if isinstance(low, int) and isinstance(high, int) else float(f"{value:.3g}")
