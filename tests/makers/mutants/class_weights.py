"""Wrong plug-ins: class weightings."""

import numpy as np

from bench.methods.class_weights import averages
from makers.mutants import mutant


@mutant("class-weight", "fit", "class_order", "equal_counts")
def first_class_heavier(counts, total):
    """Favour the first class."""
    return (counts > 0) * np.linspace(2, 1, len(counts))


@mutant("class-weight", "fit", "empty_class")
def divides_by_zero(counts, total):
    """Give 1/0 to a class without rows."""
    return total / (len(counts) * counts)


@mutant("class-weight", "fit", "empty_class")
def counts_empty_classes(counts, total):
    """Weigh a class that has no row."""
    return 1 / (counts + 1.0)


@mutant("class-weight", "fit", "lawful", "mean_row_weight")
def negative_class_weight(counts, total):
    """Punish the largest class beyond zero."""
    return np.where(counts > total / 2, -1.0, 1.0)


@mutant("class-weight", "fit", "same_bytes")
def random_class_weights(counts, total):
    """Draw from the random state that belongs to nobody."""
    return np.random.random(len(counts))  # noqa: NPY002


@mutant("class-weight", "fit", "rare_not_lighter")
def reversed_balance(counts, total):
    """Give the large classes the large weights."""
    return averages.weighted(counts, total)
