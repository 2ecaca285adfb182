"""AdaBoost over small trees, with a place for other rows and other weights in each round; nothing is registered.

Letters: D (n,) are the weights of the rows in a round, of sum one; h_t the class that the tree of round t decides on.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from bench.core.nouns import Array
from bench.methods.trainings.balanced_ensembles import uniform_predictor
from bench.methods.trainings.class_rows import predict_all_classes
from bench.methods.trainings.fit_context import FitContext, FittedModel
from bench.methods.trainings.objectives import softmax
from bench.methods.trainings.sample import Sample, note_text

Draw = Callable[[int, Array], tuple[Sample, Array]]
"""(round, D) -> the rows on which its tree is grown, and their weights."""

Reweigh = Callable[[Array, Array], tuple[float, Array] | None]
"""(D, which rows the tree has right) -> the vote of the tree and the next D; nothing where boosting ends."""

CERTAIN = 1e-10
"""Error of a tree at least: a tree without any would have an infinite vote."""


def samme(K: int) -> Reweigh:
    """Return the update of AdaBoost for K classes.

        a = ln((1 - e) / e) + ln(K - 1),   D_i ← D_i exp(a [h(x_i) ≠ y_i]),   e the weighted error

    Zhu, Zou, Rosset and Hastie (2009), Multi-class AdaBoost.
    """

    def reweigh(D: Array, right: Array) -> tuple[float, Array] | None:
        error = max(float(D[~right].sum()), CERTAIN)
        if error >= 1 - 1 / K:
            return None
        vote = float(np.log((1 - error) / error) + np.log(K - 1))
        return vote, D * np.exp(vote * ~right)

    return reweigh


def boost(
    context: FitContext, sample: Sample, *, rounds: int, depth: int, start: Array, draw: Draw, reweigh: Reweigh
) -> FittedModel:
    """Boost trees of a depth on encoded rows from weights `start` (n,), and return the model.

    A row's probabilities are the softmax of the shares of the votes, which are no chances: the class weights in effect
    are not known. Where not even the first tree is better than chance, classes with rows are equally probable.
    """
    from sklearn.tree import DecisionTreeClassifier

    present = np.unique(sample.y)
    unknown = np.full(context.target.width, np.nan)
    if len(present) < 2:
        return FittedModel(uniform_predictor(context, present), unknown, note_text(context, sample.notes))
    X, D = np.asarray(context.encode(sample.X)), start / start.sum()
    trees: list[tuple[Any, float]] = []
    notes = sample.notes
    for t in range(rounds):
        rows, weight = draw(t, D)
        tree = DecisionTreeClassifier(max_depth=depth, random_state=context.seed_of("tree", t) % 2**32)
        tree.fit(np.asarray(context.encode(rows.X)), rows.y, sample_weight=weight)
        found = reweigh(D, tree.predict(X) == sample.y)
        notes = notes or rows.notes
        if found is None:
            break
        vote, D = found
        D = D / D.sum()
        trees.append((tree, vote))
    if not trees:
        uniform = uniform_predictor(context, present)
        return FittedModel(uniform, unknown, note_text(context, (*notes, ("no tree is better than chance", ""))))

    def vote_shares(rows: Array) -> Array:
        votes = sum(vote * (tree.predict(rows)[:, None] == present) for tree, vote in trees)
        return softmax(np.asarray(votes / sum(vote for _, vote in trees)))

    predict = predict_all_classes(context, present, lambda rows: vote_shares(np.asarray(rows)))
    return FittedModel(predict, unknown, note_text(context, notes))


def equal_start(sample: Sample) -> Array:
    """Return the row weights of the task, or ones (n,)."""
    return np.ones(len(sample.y)) if sample.weight is None else sample.weight


def all_rows(sample: Sample) -> Draw:
    """Return the draw of every row, with its weight D."""
    return lambda _, D: (sample, D)
