"""Small made-up examples for the laws: panels and predictions, read-only and the same every time."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, cast

import numpy as np
import pandas as pd

from bench.core.losses import mean, proper_loss
from bench.core.nouns import Array, Kind, Panel, Prediction, Target, clip_probabilities, read_only
from bench.core.scheme import Scheme
from bench.core.settings import DEFAULT_LEVELS
from bench.runner.evaluate import finish

LEARNER_NOISE = (0.4, 0.6, 0.8, 1.0, 1.3)
"""How far off each learner is, in units of the target."""

SHARES = (0.5, 0.3, 0.2)
"""How common the classes are."""

EXAMPLE_FOLDS = 5


@dataclass(frozen=True)
class Example:
    """Learners' predictions of training rows (out of fold) and of test rows, with the true values of both."""

    target: Target
    oof: Panel
    y: Array
    test: Panel
    y_test: Array

    def fit(self, scheme: Scheme[Any], seed: int = 0) -> Any:
        """Return the combiner that a scheme fits."""
        return scheme(self.oof, self.y, np.random.default_rng(seed))

    def combine(self, scheme: Scheme[Any]) -> Array:
        """Return a scheme's predictions of the test rows, finished as on a board, shape (n, K)."""
        return predict_panel(self.fit(scheme), self.test)

    def with_rows(self, index: Array, weight: Array | None = None) -> Example:
        """Return the example with some of the training rows, in this order, and with new row weights."""
        return replace(self, oof=freeze(replace(self.oof.rows(index), weight=weight)), y=read_only(self.y[index]))


def combine_plain_example(scheme: Scheme[Any], kind: str) -> Array:
    """Return a scheme's predictions of the test rows of the plain example of a kind, worked out once for all laws."""
    return _combine_plain_example(scheme.entry.function, scheme.parameters, kind)


@functools.lru_cache(maxsize=32)  # laws come scheme by scheme; a mutant has a function of its own
def _combine_plain_example(function: Callable[..., Any], parameters: tuple[tuple[str, Any], ...], kind: str) -> Array:
    example = draw_example(kind)
    combiner = function(example.oof, example.y, np.random.default_rng(0), **dict(parameters))
    return read_only(predict_panel(combiner, example.test))


def predict_panel(combiner: Any, panel: Panel) -> Array:
    """Return a combiner's predictions for a panel, finished as on a board: clipped or sorted."""
    return finish_prediction(combiner(panel), panel)


def finish_prediction(values: Array, panel: Panel) -> Array:
    """Return values as they stand on a board, clipped or sorted; refuse what is no prediction."""
    prediction = finish(panel.target, values, panel.weight)
    return prediction.values  # noqa: PD011 - no data frame


def loss(values: Array, panel: Panel, y: Array) -> float:
    """Return the mean proper loss of predicted values."""
    return float(mean(proper_loss(panel.target, y, finish_prediction(values, panel)), panel.weight))


def target_of(kind: str, width: int = 3) -> Target:
    """Return a target of the kind: nine levels, or `width` classes."""
    outputs: dict[str, tuple[Any, ...]] = {
        "point": (),
        "quantile": DEFAULT_LEVELS,
        "class": tuple("abcdefgh"[:width]),
    }
    return Target(cast("Kind", kind), outputs[kind])


def draw_example(
    kind: str,
    *,
    n: int = 150,
    noise: Sequence[float] = LEARNER_NOISE,
    width: int = 3,
    seed: int = 0,
    n_test: int = 60,
) -> Example:
    """Draw an example with one learner for each entry of `noise`."""
    rng = np.random.default_rng(seed)
    target = target_of(kind, width)
    truths = [_draw_truth(rng, target, rows) for rows in (n, n_test)]
    panels = [_draw_panel(rng, target, y, noise) for y in truths]
    fold = np.arange(n) % EXAMPLE_FOLDS
    return Example(target, freeze(replace(panels[0], inner_fold=fold)), truths[0], freeze(panels[1]), truths[1])


def _draw_truth(rng: np.random.Generator, target: Target, n: int) -> Array:
    """Draw y; every class occurs."""
    if target.kind != "class":
        return read_only(5 + 2 * rng.normal(size=n))
    shares = np.array(SHARES[: target.width])
    y = rng.choice(target.width, n, p=shares / shares.sum())
    y[: target.width] = np.arange(target.width)
    return read_only(y)


def _draw_panel(rng: np.random.Generator, target: Target, y: Array, noise: Sequence[float]) -> Panel:
    X = pd.DataFrame(read_only(rng.normal(size=(len(y), 2))), columns=["x1", "x2"])
    names = tuple(f"learner-{j}" for j in range(len(noise)))
    return Panel(target, names, X, np.stack([_draw_predictions(rng, target, y, level) for level in noise]))


def _draw_predictions(rng: np.random.Generator, target: Target, y: Array, level: float) -> Array:
    """Draw one learner's predictions, shape (n, K); noise of 0 is the truth, and certain of it."""
    from scipy.special import ndtri

    n = len(y)
    if target.kind == "class":
        hot = np.eye(target.width)[y]
        return hot if level == 0 else softmax(2 * hot / level + rng.normal(size=hot.shape))
    centre = (y + 2 * level * rng.normal(size=n))[:, None]
    if target.kind == "point":
        return centre
    # around 2 × level, the error's own deviation: some learners are a little too narrow, some too wide
    spread = level * rng.uniform(1.5, 2.5, size=(n, 1))
    return np.asarray(centre + spread * np.asarray(ndtri(target.levels)))


def softmax(logits: Array) -> Array:
    """Return probabilities, shape (..., K)."""
    odds = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return np.asarray(odds / odds.sum(axis=-1, keepdims=True))


def with_predictions(example: Example, oof: Array, test: Array) -> Example:
    """Return the example with other predictions of the learners, each of shape (L, n, K)."""
    names = tuple(f"learner-{j}" for j in range(len(oof)))
    return replace(
        example,
        oof=freeze(replace(example.oof, predictions=oof, learners=names)),
        test=freeze(replace(example.test, predictions=test, learners=names)),
    )


def reorder_example_classes(example: Example, order: Array) -> Example:
    """Return the example with class `order[k]` in place k."""
    place = np.argsort(order)
    target = reorder_target(example.target, order)
    oof, test = (
        replace(panel, target=target, predictions=panel.predictions[:, :, order])
        for panel in (example.oof, example.test)
    )
    return Example(target, freeze(oof), read_only(place[example.y]), freeze(test), read_only(place[example.y_test]))


def make_certain(example: Example) -> Example:
    """Return the example with probabilities next to 0 and 1, right and wrong, as they are after the clip."""

    def harden(panel: Panel) -> Array:
        flat = (panel.predictions == panel.predictions.max(axis=2, keepdims=True)).reshape(-1, panel.target.width)
        return clip_probabilities(flat.astype(float))[0].reshape(panel.predictions.shape)

    return with_predictions(example, harden(example.oof), harden(example.test))


def draw_prediction(
    kind: str, *, n: int = 150, width: int = 3, seed: int = 0, weighted: bool = False
) -> tuple[Array, Prediction]:
    """Draw y and one fair prediction of it; integer row weights from 0 to 3 if `weighted`."""
    drawn = draw_example(kind, n=n, noise=(0.8,), width=width, seed=seed)
    weight = read_only(np.arange(n) % 4 * 1.0) if weighted else None
    values = read_only(drawn.oof.predictions[0])
    return drawn.y, Prediction(drawn.target, values, weight, unsorted=values if kind == "quantile" else None)


def take_rows(prediction: Prediction, index: Array) -> Prediction:
    """Return the prediction of some rows, in this order."""
    by_row = prediction.effective_class_weights is not None and prediction.effective_class_weights.ndim == 2
    return replace(
        prediction,
        values=prediction.values[index],  # noqa: PD011 - no data frame
        weight=None if prediction.weight is None else prediction.weight[index],
        effective_class_weights=prediction.effective_class_weights[index]
        if prediction.effective_class_weights is not None and by_row
        else prediction.effective_class_weights,
        unsorted=None if prediction.unsorted is None else prediction.unsorted[index],
        inner_fold=None if prediction.inner_fold is None else prediction.inner_fold[index],
        by_fold=None if prediction.by_fold is None else prediction.by_fold[:, index],
    )


def draw_by_fold(prediction: Prediction, folds: int = EXAMPLE_FOLDS, noise: float = 0.2, seed: int = 0) -> Array:
    """Draw predictions of each fold's models, near the prediction itself, shape (F, n, K)."""
    rng = np.random.default_rng(seed)
    values = prediction.values  # noqa: PD011 - no data frame
    if prediction.target.kind == "class":
        return read_only(softmax(np.log(values) + noise * rng.normal(size=(folds, *values.shape))))
    return read_only(values + noise * rng.normal(size=(folds, len(values), 1)))


def map_values(prediction: Prediction, change: Callable[[Array], Array]) -> Prediction:
    """Return the prediction with all its values changed: `change` takes and returns (..., K)."""

    def change_if_any(predictions: Array | None) -> Array | None:
        return None if predictions is None else read_only(change(predictions))

    values = read_only(change(prediction.values))
    return replace(
        prediction,
        values=values,
        unsorted=change_if_any(prediction.unsorted),
        by_fold=change_if_any(prediction.by_fold),
    )


def rescale(prediction: Prediction, scale: float, shift: float) -> Prediction:
    """Return the prediction in another unit and from another origin."""
    return map_values(prediction, lambda predictions: scale * predictions + shift)


def negate(prediction: Prediction) -> Prediction:
    """Return the quantiles of -y, for levels that are symmetric."""
    return map_values(prediction, lambda predictions: -predictions[..., ::-1])


def reorder_target(target: Target, order: Array) -> Target:
    """Return a target of classes with class `order[k]` in place k; the positive class stays the one that it is."""
    outputs = tuple(target.outputs[k] for k in order)
    return replace(target, outputs=outputs, positive=int(np.flatnonzero(order == target.positive)[0]))


def reorder_classes(prediction: Prediction, order: Array) -> Prediction:
    """Return the prediction with class `order[k]` in place k."""
    target = reorder_target(prediction.target, order)
    effective_class_weights = (
        None if prediction.effective_class_weights is None else prediction.effective_class_weights[..., order]
    )
    renamed = map_values(prediction, lambda predictions: predictions[..., order])
    return replace(renamed, target=target, effective_class_weights=effective_class_weights)


def freeze(panel: Panel) -> Panel:
    """Return the panel with arrays that nobody can write to."""
    return replace(
        panel,
        predictions=read_only(panel.predictions),
        weight=read_only(panel.weight),
        inner_fold=read_only(panel.inner_fold),
    )


@contextmanager
def global_randomness(seed: int) -> Iterator[None]:
    """Set the global random states, and put them back afterwards."""
    import random

    before = random.getstate(), np.random.get_state()  # noqa: NPY002 - this is what must not matter
    random.seed(seed)
    np.random.seed(seed)  # noqa: NPY002
    try:
        yield
    finally:
        random.setstate(before[0])
        np.random.set_state(before[1])  # noqa: NPY002
