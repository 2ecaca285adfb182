"""Metrics of decided labels other than F1."""

from __future__ import annotations

import numpy as np

from bench.core.nouns import Array, BenchError, Target
from bench.methods.metrics.confusion import Counts, label_metric


@label_metric()
def accuracy(table: Counts) -> Array:
    """Return the share of rows with the right label."""
    return table.hit.sum(axis=-1) / table.true.sum()


@label_metric()
def balanced_accuracy(table: Counts) -> Array:
    """Return the mean recall of the classes that y has. Brodersen et al. (2010), The balanced accuracy."""
    return table.recall[..., table.present].mean(axis=-1)


@label_metric(low=-1)
def balanced_accuracy_adjusted(table: Counts) -> Array:
    """Return the balanced accuracy B on the scale where chance is 0 and the truth 1: (B - 1/K') / (1 - 1/K').

    K' are the classes that y has; NaN if it is one, as there is nothing to guess. `adjusted=True` in scikit-learn.
    """
    k = np.count_nonzero(table.present)
    balanced = table.recall[..., table.present].mean(axis=-1)
    return (k * balanced - 1) / (k - 1) if k > 1 else np.full(balanced.shape, np.nan)


@label_metric()
def g_mean(table: Counts) -> Array:
    """Return the geometric mean of the recalls of the K' classes that y has, (Π_c recall_c)^(1/K').

    It is 0 as soon as one of them is missed altogether.

    Kubat and Matwin (1997), Addressing the curse of imbalanced training sets; Sun, Kamel and Wang (2006),
    Boosting for learning multiple classes with imbalanced class distribution.
    """
    recall = table.recall[..., table.present]
    roots = recall ** (1 / recall.shape[-1])  # before the product, which may underflow
    return np.prod(roots, axis=-1)


@label_metric(low=-1)
def mcc(table: Counts) -> Array:
    """Return the correlation R_K of true and decided classes; 0 where one is constant, as in scikit-learn.

    With the shares c (right), t_k (true), p_k (decided): (c - Σ t_k p_k) / √((1 - Σ t_k²)(1 - Σ p_k²)).
    Gorodkin (2004), Comparing two K-category assignments by a K-category correlation coefficient.
    """
    mass = table.true.sum()
    t, p = table.true / mass, table.predicted / mass
    spread = (t @ (1 - t)) * (p * (1 - p)).sum(axis=-1)
    both_vary = np.minimum(np.count_nonzero(t), np.count_nonzero(p, axis=-1)) > 1
    shared = table.hit.sum(axis=-1) / mass - p @ t
    return np.divide(shared, np.sqrt(spread), out=np.zeros(np.shape(shared)), where=both_vary)


@label_metric(low=-1)
def kappa(table: Counts) -> Array:
    """Return the agreement beyond chance, (a - e) / (1 - e), with a = Σ_k hit_k and e = Σ_k t_k p_k as shares of rows.

    t_k and p_k are the shares of true and decided classes. NaN where both sides are of one and the same class: chance
    agrees on all rows there. Cohen (1960), A coefficient of agreement for nominal scales.
    """
    mass = table.true.sum()
    agreed, chance = table.hit.sum(axis=-1) / mass, table.predicted @ table.true / mass**2
    # chance agrees on all rows, but for rounding
    certain = np.max(table.predicted * table.true, axis=-1) >= mass**2 * (1 - 1e-12)
    return np.divide(agreed - chance, 1 - chance, out=np.full(np.shape(chance), np.nan), where=~certain)


@label_metric(tags=("extended",))
def sensitivity(table: Counts) -> Array:
    """Return the recall of the positive class, the share of its rows that is found; of more classes the mean recall.

    NaN where y lacks the positive class. Altman and Bland (1994), Diagnostic tests 1: sensitivity and specificity.
    """
    return table.mean_over_classes(table.recall)


@label_metric(tags=("extended",))
def specificity(table: Counts) -> Array:
    """Return the share of the rows of other classes that is not decided to be positive; of more classes the mean.

    The mean is over the classes that y has, each against the rest. NaN where y has the positive class alone. Altman and
    Bland (1994), Diagnostic tests 1: sensitivity and specificity.
    """
    return table.mean_over_classes(table.specificity)


def _allow_share(target: Target, *, alpha: float) -> bool:
    """Return that the index is for every target.

    Raises:
        BenchError: `alpha` does not lie between 0 and 1, where the index does.
    """
    if not 0 <= alpha <= 1:
        raise BenchError(f"parameter 'alpha' of index_balanced_accuracy is {alpha}: give a number from 0 to 1")
    return True


@label_metric(tags=("extended",), applies=_allow_share)
def index_balanced_accuracy(table: Counts, *, alpha: float = 0.1) -> Array:
    """Return (1 + alpha (TPR - TNR)) TPR TNR: the squared geometric mean, in favour of the positive class.

    Two classes: that of the positive one. More: the mean over the classes that y has, each against the rest. It is the
    `iba` of imbalanced-learn. García, Mollineda and Sánchez (2009), Index of balanced accuracy: a performance measure
    for skewed class distributions.
    """
    tpr, tnr = np.broadcast_arrays(table.recall, table.specificity)
    return table.mean_over_classes((1 + alpha * (tpr - tnr)) * tpr * tnr)
