"""A population of ensembles that is kept diverse, searched for the best of them."""

from __future__ import annotations

import numpy as np

from bench.core import losses
from bench.core.nouns import Array, BenchError, Panel, Weights
from bench.methods.ensembles import register
from bench.methods.ensembles.learner_badness import name_order
from bench.methods.ensembles.objective import badness_of_weights
from bench.methods.ensembles.rows import shares_of
from bench.solvers.row_blocks import row_blocks

EVALUATIONS = 50
"""Trials a learner."""

MOST_TRIALS = 5000
"""Trials at most."""

NICHES = 7
"""Niches along each of the two axes."""

Archive = dict[tuple[int, int], tuple[Array, float]]
"""Niche -> its best member: how often each learner counts (L,), and how bad that is."""


@register("point", "class", "quantile", tags=("extended",))
def quality_diversity(
    panel: Panel, y: Array, rng: np.random.Generator, *, metric: str | None = None, batch: int = 20
) -> Weights:
    """Breed vectors of repetitions in niches, and return the best of all; weights are repetitions / their sum.

    A niche is a number of distinct learners (1 to 7 and more) and a seventh of the range of the mean correlation of
    their losses; each keeps its best member. A child is a two-point crossover of two members or a copy of one, with one
    repetition added or taken away. Parents are drawn evenly, or as the better of two. It begins with every learner, the
    best one paired with each other, and all of them, and ends after 50 L trials (5,000 at most). A small relative of
    QDO-ES: Purucker, Schneider, Anastacio, Beel, Bischl and Hoos (2023), "Q(D)O-ES: population-based quality
    (diversity) optimisation for post hoc ensemble selection in AutoML"; Mouret and Clune (2015), "Illuminating search
    spaces by mapping elites".

    Raises:
        BenchError: `batch` is less than one, or the metric does not exist.
    """
    if batch < 1:
        raise BenchError(f"batch of quality-diversity cannot be {batch!r}: give a whole number from 1")
    L, order = len(panel.learners), name_order(panel.learners)
    likeness = _likeness(panel, y)[np.ix_(order, order)]
    badness = badness_of_weights(panel, y, metric)

    def judge(members: Array) -> Array:
        w = np.empty(members.shape)
        w[:, order] = members / members.sum(axis=1, keepdims=True)
        return badness(w)

    corners = np.eye(L)
    singles = judge(corners)
    archive: Archive = {}
    _settle(archive, corners, singles, likeness)
    pairs = np.delete(corners + corners[np.argmin(singles)], np.argmin(singles), axis=0)
    newcomers = np.concatenate([pairs, np.ones((1, L))])
    left = min(EVALUATIONS * L, MOST_TRIALS) - L
    while left > 0 and len(newcomers):
        _settle(archive, newcomers, judge(newcomers), likeness)
        left -= len(newcomers)
        newcomers = np.array([_child(archive, rng) for _ in range(min(batch, left))])
    best, _ = min(archive.values(), key=lambda member: member[1])
    w = np.empty(L)
    w[order] = best / best.sum()
    return Weights(w)


def _likeness(panel: Panel, y: Array) -> Array:
    """Return the correlations of the learners' losses (L, L), stretched to 0 … 1; a constant loss is like no other."""
    share = shares_of(panel)
    blocks = list(row_blocks(len(share)))

    def own(rows: slice) -> Array:
        return losses.proper_loss(panel.target, y[rows], panel.predictions[:, rows])

    mean = np.sum([own(rows) @ share[rows] for rows in blocks], axis=0)

    def centred(rows: slice) -> Array:
        return np.asarray((own(rows) - mean[:, None]) * np.sqrt(share[rows]))

    size = np.sqrt(np.sum([(centred(rows) ** 2).sum(axis=1) for rows in blocks], axis=0))
    largest = np.max([np.abs(own(rows)).max(axis=1, initial=1e-300) for rows in blocks], axis=0)
    # a loss whose spread is rounding is constant; its correlations are zero
    unit = np.where(size > 1e-12 * largest, size, np.inf)[:, None]
    correlation = np.zeros((len(mean), len(mean)))
    for rows in blocks:
        part = centred(rows) / unit
        correlation += part @ part.T
    pairs = correlation[np.triu_indices(len(mean), 1)]
    span = np.ptp(pairs) if len(pairs) else 0.0
    # where all pairs are alike but for rounding there is no range to stretch
    return (correlation - pairs.min()) / span if span > 1e-9 else np.ones_like(correlation)


def _settle(archive: Archive, members: Array, values: Array, likeness: Array) -> None:
    """Put every member into its niche if that is free or held by a worse one."""
    for member, value in zip(members, values.tolist(), strict=True):
        niche = _niche(member, likeness)
        # better by more than rounding, so that ties stay with the first
        if niche not in archive or value < archive[niche][1] - 1e-12 * abs(archive[niche][1]):
            archive[niche] = member, value


def _niche(member: Array, likeness: Array) -> tuple[int, int]:
    """Return the number of distinct learners and the seventh of the likeness that a member belongs to."""
    present = np.flatnonzero(member)
    m = len(present)
    among = likeness[np.ix_(present, present)]
    mean = (among.sum() - np.trace(among)) / (m * (m - 1)) if m > 1 else 1.0
    return min(m, NICHES), int(np.clip(mean * NICHES, 0, NICHES - 1))


def _child(archive: Archive, rng: np.random.Generator) -> Array:
    """Return a new vector of repetitions: crossed over, changed by one repetition, or both."""
    child = _parent(archive, rng).copy()
    crossed = len(child) > 1 and rng.random() < 0.5
    if crossed:
        first, last = np.sort(rng.choice(len(child) + 1, 2, replace=False))
        mixed = child.copy()
        mixed[first:last] = _parent(archive, rng)[first:last]
        child = mixed if mixed.any() else child
    if not crossed or rng.random() < 0.5:
        taken = child.sum() > 1 and rng.random() < 0.5
        child[rng.choice(np.flatnonzero(child) if taken else len(child))] += -1 if taken else 1
    return child


def _parent(archive: Archive, rng: np.random.Generator) -> Array:
    """Draw a member evenly, or as the better of two, with equal odds."""
    members = list(archive.values())
    drawn = [members[j] for j in rng.integers(len(members), size=rng.integers(1, 3))]
    return min(drawn, key=lambda member: member[1])[0]
