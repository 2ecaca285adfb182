"""SMOTE within clusters."""

from __future__ import annotations

from typing import Any

from bench.core.nouns import BenchError
from bench.methods.trainings import FitContext, FittedModel, register
from bench.methods.trainings.oversampling import Growth, by_sampler, oversample
from bench.methods.trainings.sample import fit_chosen_rows, whole_number

REFUSALS = {
    "No clusters found": "no cluster holds enough of its rows",
    "cannot convert float NaN": "its clusters hold equal rows",
}


@register("fit", tags=("extended", "resampling"), hook="resample", libraries=("imbalanced-learn",))
def kmeans_smote(
    context: FitContext, *, k: int = 2, clusters: int = 8, balance: float = -1.0, ratio: float = 1.0
) -> FittedModel:
    """Grow a class within clusters of the table that hold enough of it, most where its rows lie far apart.

    A cluster counts if the class has the share `balance` of its rows, and more than k. Below 0 this is the share that
    the class has of the table; a half, as the authors have it, finds no cluster on most tables. A class without such a
    cluster grows by plain SMOTE. A category is that of the nearest row of the class. Douzas, Bacao and Last (2018),
    Improving imbalanced learning through a heuristic oversampling method based on k-means and SMOTE.

    Raises:
        BenchError: k or clusters is below 1, the balance above 1, or the ratio not in (0, 1].
    """
    whole_number("clusters", clusters)
    if balance > 1:
        raise BenchError(f"parameter 'balance' of kmeans-smote is {balance}: give a share, or -1")

    def sampler(growth: Growth) -> Any:
        from imblearn.over_sampling import KMeansSMOTE
        from sklearn.cluster import MiniBatchKMeans

        n_clusters = min(clusters, len(growth.y))
        kmeans = MiniBatchKMeans(n_clusters, random_state=growth.seed, n_init=3)
        threshold = balance if balance >= 0 else len(growth.own) / len(growth.y)
        return KMeansSMOTE(
            k_neighbors=growth.k,
            kmeans_estimator=kmeans,
            cluster_balance_threshold=threshold,
            random_state=growth.seed,
        )

    return fit_chosen_rows(context, oversample(context, by_sampler(sampler, REFUSALS), k, ratio))
