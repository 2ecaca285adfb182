"""The median class size over that of the class."""

from __future__ import annotations

import numpy as np

from bench.core.nouns import Array
from bench.methods.class_weights import register
from bench.methods.class_weights.ratios import power_of_counts


@register("fit", tags=("extended",))
def median_frequency(counts: Array, total: float) -> Array:
    """Weigh a class by the median of the class sizes over its own: w_c = median(n) / n_c, over the classes with rows.

    Every row has one class here, so once the mean row weight is one this is `balanced`; the authors count a class in
    the images that show it alone, and there the two differ. Eigen and Fergus (2015), Predicting depth, surface normals
    and semantic labels with a common multi-scale convolutional architecture.
    """
    counts = np.asarray(counts, dtype=float)
    return np.median(counts[counts > 0]) * power_of_counts(counts, -1)
