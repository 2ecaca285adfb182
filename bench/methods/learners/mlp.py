"""A small neural network."""

from __future__ import annotations

import warnings
from typing import Any

from bench.core.nouns import Array, Target
from bench.methods.learners import Model, register
from bench.methods.learners.adapters import ClassModel, PointModel, Standardised


@register(
    "point",
    "class",
    tags=("core",),
    encoding="scaled",
    weights=True,
    space={"hidden": (16, 128), "alpha": (1e-3, 3.0), "learning_rate": (1e-3, 2e-2)},
)
def mlp(
    target: Target,
    seed: int,
    *,
    hidden: int = 64,
    alpha: float = 0.1,
    learning_rate: float = 0.005,
    epochs: int = 30,
) -> Model:
    """Network of one layer of `hidden` rectified units, trained by Adam with a squared penalty `alpha`.

    No rows are held out to stop early: small parts and rare classes have none to spare.
    Rumelhart, Hinton and Williams (1986), Learning Representations by Back-Propagating Errors; Kingma and Ba
    (2015), Adam: A Method for Stochastic Optimization.
    """
    from sklearn.neural_network import MLPClassifier, MLPRegressor

    network = MLPClassifier if target.kind == "class" else MLPRegressor

    def make(n: int) -> Any:
        return _AllEpochs(
            network(
                hidden_layer_sizes=(hidden,),
                alpha=alpha,
                learning_rate_init=learning_rate,
                max_iter=epochs,
                n_iter_no_change=epochs,
                batch_size=batch_size(n),
                random_state=seed,
            )
        )

    return ClassModel(make, target.width) if target.kind == "class" else Standardised(PointModel(make))


def batch_size(n: int) -> int:
    """Return the rows of a batch: about 16 batches an epoch, so that small and large tables get as many steps."""
    return min(n, max(16, min(256, n // 16)))


class _AllEpochs:
    """A network that is trained for its epochs without warnings."""

    def __init__(self, estimator: Any) -> None:
        self._estimator = estimator

    def fit(self, X: Array, y: Array, sample_weight: Array | None = None) -> Any:
        """Train the network and return it."""
        from sklearn.exceptions import ConvergenceWarning

        with warnings.catch_warnings():
            # The epochs are the stopping rule, so that reaching the last one is no news.
            warnings.simplefilter("ignore", ConvergenceWarning)
            return self._estimator.fit(X, y, sample_weight)
