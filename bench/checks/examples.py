"""Small made-up examples for the laws: panels, answers and tables, read-only and the same every time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, cast

import numpy as np
import pandas as pd

from bench.core.losses import mean, proper
from bench.core.nouns import Array, Kind, Panel, Prediction, Target, clip_probabilities
from bench.core.registry import Scheme
from bench.core.settings import DEFAULT_LEVELS
from bench.runner.evaluate import finish

NOISE = (0.4, 0.6, 0.8, 1.0, 1.3)
"""How far off each learner is, in units of the target."""

SHARES = (0.5, 0.3, 0.2)
FOLDS = 5


@dataclass(frozen=True)
class Exam:
    """What learners said of training rows (out of fold) and of test rows, with the truth of both."""

    target: Target
    oof: Panel
    y: Array
    test: Panel
    y_test: Array

    def learn(self, scheme: Scheme[Any], seed: int = 0) -> Any:
        """Return the combiner that a scheme learns."""
        return scheme(self.oof, self.y, np.random.default_rng(seed))

    def combine(self, scheme: Scheme[Any]) -> Array:
        """Return what a scheme says of the test rows, finished as on a board, shape (n, K)."""
        return predictions(self.learn(scheme), self.test)

    def fitted_by(self, index: Array, weight: Array | None = None) -> Exam:
        """Return the exam with some of the training rows, in this order, and with new row weights."""
        return replace(self, oof=frozen(replace(self.oof.rows(index), weight=weight)), y=read_only(self.y[index]))


def predictions(combiner: Any, panel: Panel) -> Array:
    """Return what a combiner says of a panel, finished as on a board: clipped or sorted."""
    return finished(combiner(panel), panel)


def finished(values: Array, panel: Panel) -> Array:
    """Return an answer as it stands on a board: clipped or sorted; refuse an unlawful one."""
    prediction = finish(panel.target, values, panel.weight)
    return prediction.values  # noqa: PD011 - no data frame


def loss(values: Array, panel: Panel, y: Array) -> float:
    """Return the mean proper loss of an answer."""
    return float(mean(proper(panel.target, y, finished(values, panel)), panel.weight))


def target_of(kind: str, width: int = 3) -> Target:
    """Return a target of the kind: nine levels, or `width` classes."""
    outputs: dict[str, tuple[Any, ...]] = {
        "point": (),
        "quantile": DEFAULT_LEVELS,
        "class": tuple("abcdefgh"[:width]),
    }
    return Target(cast("Kind", kind), outputs[kind])


def exam(
    kind: str,
    *,
    n: int = 150,
    noise: Sequence[float] = NOISE,
    width: int = 3,
    seed: int = 0,
    n_test: int = 60,
) -> Exam:
    """Draw an exam with one learner for each entry of `noise`."""
    rng = np.random.default_rng(seed)
    target = target_of(kind, width)
    truths = [_truth(rng, target, rows) for rows in (n, n_test)]
    panels = [_panel(rng, target, y, noise) for y in truths]
    fold = np.arange(n) % FOLDS
    return Exam(target, frozen(replace(panels[0], inner_fold=fold)), truths[0], frozen(panels[1]), truths[1])


def _truth(rng: np.random.Generator, target: Target, n: int) -> Array:
    """Draw y; every class occurs."""
    if target.kind != "class":
        return read_only(5 + 2 * rng.normal(size=n))
    shares = np.array(SHARES[: target.width])
    y = rng.choice(target.width, n, p=shares / shares.sum())
    y[: target.width] = np.arange(target.width)
    return read_only(y)


def _panel(rng: np.random.Generator, target: Target, y: Array, noise: Sequence[float]) -> Panel:
    X = pd.DataFrame(read_only(rng.normal(size=(len(y), 2))), columns=["x1", "x2"])
    names = tuple(f"learner-{j}" for j in range(len(noise)))
    return Panel(target, names, X, np.stack([_said(rng, target, y, level) for level in noise]))


def _said(rng: np.random.Generator, target: Target, y: Array, level: float) -> Array:
    """Draw what one learner says, shape (n, K); noise of 0 is the truth, and certain of it."""
    n = len(y)
    if target.kind == "class":
        hot = np.eye(target.width)[y]
        return hot if level == 0 else softmax(2 * hot / level + rng.normal(size=hot.shape))
    centre = (y + 2 * level * rng.normal(size=n))[:, None]
    if target.kind == "point":
        return centre
    spread = level * rng.uniform(1.5, 2.5, size=(n, 1))
    return np.asarray(centre + spread * _normal_quantiles(target.levels))


def _normal_quantiles(levels: Array) -> Array:
    from scipy.special import ndtri

    return np.asarray(ndtri(levels))


def softmax(logits: Array) -> Array:
    """Return probabilities, shape (..., K)."""
    odds = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return np.asarray(odds / odds.sum(axis=-1, keepdims=True))


def with_said(given: Exam, oof: Array, test: Array) -> Exam:
    """Return the exam with other words of the learners, each of shape (L, n, K)."""
    names = tuple(f"learner-{j}" for j in range(len(oof)))
    return replace(
        given,
        oof=frozen(replace(given.oof, predictions=oof, learners=names)),
        test=frozen(replace(given.test, predictions=test, learners=names)),
    )


def renamed_classes(given: Exam, order: Array) -> Exam:
    """Return the exam with class `order[k]` in place k."""
    place = np.argsort(order)
    target = replace(given.target, outputs=tuple(given.target.outputs[k] for k in order))
    oof, test = (
        replace(panel, target=target, predictions=panel.predictions[:, :, order]) for panel in (given.oof, given.test)
    )
    return Exam(target, frozen(oof), read_only(place[given.y]), frozen(test), read_only(place[given.y_test]))


def certain(given: Exam) -> Exam:
    """Return the exam with probabilities next to 0 and 1, right and wrong, as they are after the clip."""

    def harden(panel: Panel) -> Array:
        flat = (panel.predictions == panel.predictions.max(axis=2, keepdims=True)).reshape(-1, panel.target.width)
        return clip_probabilities(flat.astype(float))[0].reshape(panel.predictions.shape)

    return with_said(given, harden(given.oof), harden(given.test))


def answer_of(
    kind: str, *, n: int = 150, width: int = 3, seed: int = 0, weighted: bool = False
) -> tuple[Array, Prediction]:
    """Draw y and one fair answer to it; integer row weights from 0 to 3 if `weighted`."""
    drawn = exam(kind, n=n, noise=(0.8,), width=width, seed=seed)
    weight = read_only(np.arange(n) % 4 * 1.0) if weighted else None
    values = read_only(drawn.oof.predictions[0])
    return drawn.y, Prediction(drawn.target, values, weight, unsorted=values if kind == "quantile" else None)


def rows_of(prediction: Prediction, index: Array) -> Prediction:
    """Return the answer of some rows, in this order."""
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


def by_fold_of(prediction: Prediction, folds: int = FOLDS, noise: float = 0.2, seed: int = 0) -> Array:
    """Draw what the models of each fold say, about as much as the answer, shape (F, n, K)."""
    rng = np.random.default_rng(seed)
    values = prediction.values  # noqa: PD011 - no data frame
    if prediction.target.kind == "class":
        return read_only(softmax(np.log(values) + noise * rng.normal(size=(folds, *values.shape))))
    return read_only(values + noise * rng.normal(size=(folds, len(values), 1)))


def changed_values(prediction: Prediction, change: Callable[[Array], Array]) -> Prediction:
    """Return the answer with a change of everything that it says: `change` takes and returns (..., K)."""

    def changed(predictions: Array | None) -> Array | None:
        return None if predictions is None else read_only(change(predictions))

    values = read_only(change(prediction.values))
    return replace(
        prediction, values=values, unsorted=changed(prediction.unsorted), by_fold=changed(prediction.by_fold)
    )


def moved_answer(prediction: Prediction, scale: float, shift: float) -> Prediction:
    """Return the answer in another unit and from another origin."""
    return changed_values(prediction, lambda predictions: scale * predictions + shift)


def upside_down_of(prediction: Prediction) -> Prediction:
    """Return the quantiles of -y, for levels that are symmetric."""
    return changed_values(prediction, lambda predictions: -predictions[..., ::-1])


def class_order_of(prediction: Prediction, order: Array) -> Prediction:
    """Return the answer with class `order[k]` in place k."""
    target = replace(prediction.target, outputs=tuple(prediction.target.outputs[k] for k in order))
    effective_class_weights = (
        None if prediction.effective_class_weights is None else prediction.effective_class_weights[..., order]
    )
    renamed = changed_values(prediction, lambda predictions: predictions[..., order])
    return replace(renamed, target=target, effective_class_weights=effective_class_weights)


def frozen(panel: Panel) -> Panel:
    """Return the panel with arrays that nobody can write to."""
    for array in (panel.predictions, panel.weight, panel.inner_fold):
        if array is not None:
            read_only(array)
    return panel


def read_only(array: Array) -> Array:
    """Forbid writing to an array, and return it."""
    array.setflags(write=False)
    return array


@contextmanager
def global_randomness(seed: int) -> Iterator[None]:
    """Set the random states that belong to nobody, and put them back afterwards."""
    import random

    before = random.getstate(), np.random.get_state()  # noqa: NPY002 - this is what must not matter
    random.seed(seed)
    np.random.seed(seed)  # noqa: NPY002
    try:
        yield
    finally:
        random.setstate(before[0])
        np.random.set_state(before[1])  # noqa: NPY002
