"""A linear model and a network of one hidden layer for any loss of logits, with analytic gradients and two optimisers.

All parameters of a network stand in one vector, theta. Two classes share one output z, with logits (-z/2, z/2), as in
scikit-learn: so the penalty means the same. X is an array (n, d), f are logits (n, K). `forward` returns the outputs
and a function `back`, from the gradient by the outputs to that by theta (back-propagation).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

import numpy as np

from bench.core.nouns import Array
from bench.methods.learners.mlp import batch_size
from bench.methods.trainings.class_rows import EncodedRows
from bench.methods.trainings.fit_context import FitContext
from bench.methods.trainings.objectives import RowLoss, softmax

Loss = Callable[[Array, Array, Array], tuple[float, Array]]
"""(f, y, row weights) -> loss of these rows together, and its gradient by f (n, K)."""

Back = Callable[[Array], Array]
"""From a gradient by the logits to one by theta."""

MIRROR = np.array([[-0.5, 0.5]])
"""From one output z to the logits of two classes."""

LBFGS_STEPS = 500
"""Steps of L-BFGS; after that, only the tails of separable classes still move."""

LATE_SHARE = 0.2
"""Share of the epochs in which the second of two losses takes over."""


class Network(Protocol):
    """Logits as a function of parameters and rows; `penalised` (size,) is one for weights and zero for intercepts."""

    @property
    def penalised(self) -> Array:
        """Return which parameters the penalty counts."""

    def forward(self, theta: Array, X: Array) -> tuple[Array, Callable[[Array], Array]]:
        """Return the logits of rows, and the function from their gradient to that of theta."""


@dataclass(frozen=True)
class Linear:
    """f = X B + b of `d` columns and `K` classes."""

    d: int
    K: int

    @property
    def outputs(self) -> int:
        """Columns of B."""
        return 1 if self.K == 2 else self.K

    @cached_property
    def penalised(self) -> Array:
        """One for B, zero for b."""
        return np.repeat([1.0, 0.0], [self.d * self.outputs, self.outputs])

    def start(self) -> Array:
        """Return zeros: the losses are best approached from there."""
        return np.zeros((self.d + 1) * self.outputs)

    def head(self, theta: Array) -> tuple[Array, Array]:
        """Return B (d, K) and b (K,) of the logits."""
        B, b = unpack(theta, (self.d, self.outputs), (self.outputs,))
        return logits_of(B), logits_of(b[None])[0]

    def forward(self, theta: Array, X: Array) -> tuple[Array, Callable[[Array], Array]]:
        """Return the logits, and the way back."""
        B, b = unpack(theta, (self.d, self.outputs), (self.outputs,))

        def back(slope: Array) -> Array:
            z = outputs_of(slope)
            return np.concatenate([(X.T @ z).ravel(), z.sum(axis=0)])

        return logits_of(X @ B + b), back


@dataclass(frozen=True)
class Hidden:
    """f = max(X A + a, 0) B + b, with `h` hidden units."""

    d: int
    h: int
    K: int

    @property
    def outputs(self) -> int:
        """Columns of B."""
        return 1 if self.K == 2 else self.K

    @property
    def _shapes(self) -> tuple[tuple[int, ...], ...]:
        return (self.d, self.h), (self.h,), (self.h, self.outputs), (self.outputs,)

    @cached_property
    def penalised(self) -> Array:
        """One for A and B, zero for a and b."""
        return np.concatenate([np.full(int(np.prod(shape)), float(len(shape) == 2)) for shape in self._shapes])

    def start(self, rng: np.random.Generator | np.random.RandomState) -> Array:
        """Draw weights and intercepts evenly from ±√(6 / (in + out)) (Glorot and Bengio, 2010)."""
        first, second = np.sqrt(6 / (self.d + self.h)), np.sqrt(6 / (self.h + self.outputs))
        sizes = [int(np.prod(shape)) for shape in self._shapes]
        return rng.uniform(-1, 1, sum(sizes)) * np.repeat([first, first, second, second], sizes)

    def head(self, theta: Array) -> tuple[Array, Array]:
        """Return B (h, K) and b (K,) of the logits."""
        _, _, B, b = unpack(theta, *self._shapes)
        return logits_of(B), logits_of(b[None])[0]

    def units(self, theta: Array, X: Array) -> Array:
        """Return max(X A + a, 0), shape (n, h)."""
        A, a, *_ = unpack(theta, *self._shapes)
        units = X @ A
        units += a
        return np.maximum(units, 0, out=units)

    def forward(self, theta: Array, X: Array) -> tuple[Array, Callable[[Array], Array]]:
        """Return the logits, and the way back."""
        _, _, B, b = unpack(theta, *self._shapes)
        units = self.units(theta, X)

        def back(slope: Array) -> Array:
            z = outputs_of(slope)
            inner = z @ B.T
            inner *= units > 0
            return np.concatenate([(X.T @ inner).ravel(), inner.sum(axis=0), (units.T @ z).ravel(), z.sum(axis=0)])

        return logits_of(units @ B + b), back


def logits_of(z: Array) -> Array:
    """Return logits (n, K) of outputs: one output stands for two classes."""
    return z @ MIRROR if z.shape[1] == 1 else z


def outputs_of(slope: Array) -> Array:
    """Return the gradient by the outputs of a gradient by the logits."""
    return slope @ MIRROR.T if slope.shape[1] == 2 else slope


def output_of(f: Array) -> Array:
    """Return the outputs (n, 1) or (n, K) behind logits."""
    return f[:, 1:] - f[:, :1] if f.shape[1] == 2 else f


def slope_of(slope: Array) -> Array:
    """Return a gradient by the logits that stands for a gradient by the outputs."""
    return slope @ (2 * MIRROR) if slope.shape[1] == 1 else slope


def unpack(theta: Array, *shapes: tuple[int, ...]) -> list[Array]:
    """Return views of theta in the given shapes, one after the other."""
    ends = np.cumsum([int(np.prod(shape)) for shape in shapes])
    return [theta[end - int(np.prod(shape)) : end].reshape(shape) for end, shape in zip(ends, shapes, strict=True)]


def mean_of(rows: RowLoss) -> Loss:
    """Return the weighted mean of a row loss."""

    def loss(f: Array, y: Array, weight: Array) -> tuple[float, Array]:
        value, gradient, _ = rows(f, y)
        share = weight / weight.sum()
        return float(share @ value), share[:, None] * gradient

    return loss


def penalised_loss(
    network: Network, loss: Loss, rows: EncodedRows, penalty: float
) -> Callable[[Array], tuple[float, Array]]:
    """Return loss + penalty ‖weights‖² / 2 on all rows, and its gradient, as a function of theta."""
    X, decay = np.ascontiguousarray(rows.X, dtype=float), penalty * network.penalised

    def objective(theta: Array) -> tuple[float, Array]:
        f, back = network.forward(theta, X)
        value, slope = loss(f, rows.y, rows.weight)
        shrink = decay * theta
        return value + 0.5 * float(shrink @ theta), back(slope) + shrink

    return objective


def minimise_by_lbfgs(
    network: Network, loss: Loss, rows: EncodedRows, penalty: float, start: Array, most: int = LBFGS_STEPS
) -> Array:
    """Minimise loss + penalty ‖weights‖² / 2 on all rows by at most so many steps of L-BFGS, and return theta."""
    from scipy.optimize import minimize

    objective: Any = penalised_loss(network, loss, rows, penalty)
    # ftol as in scikit-learn's logistic regression: 64 roundings of the value, so that the gradient decides
    options: Any = {"maxiter": most, "gtol": 2e-6, "ftol": 64 * np.finfo(float).eps, "maxcor": 20}
    found: Array = minimize(objective, start, jac=True, method="L-BFGS-B", options=options).x
    return found


@dataclass(frozen=True)
class AdamSettings:
    """Settings of Adam: step size, penalty alpha (alpha ‖weights‖² / 2B in a batch of B rows), epochs, rows a batch."""

    rate: float
    alpha: float
    epochs: int
    batch: int


def minimise_by_adam(
    network: Network,
    losses: Sequence[Loss],
    rows: EncodedRows,
    *,
    adam: AdamSettings,
    deal: Callable[[], Iterable[Array]],
    start: Array,
) -> Array:
    """Minimise by Adam in batches, and return theta; `losses` holds the loss of each epoch.

    `deal` gives the batches of the next epoch, as positions of their rows. Kingma and Ba (2015), Adam: A Method for
    Stochastic Optimization; its decay rates (0.9 of the mean, 0.999 of the mean square) and 1e-8 are the defaults of
    the paper.
    """
    X, theta = np.ascontiguousarray(rows.X, dtype=float), start.copy()
    decay = adam.alpha * network.penalised
    mean, square, steps = np.zeros_like(theta), np.zeros_like(theta), 0
    for loss in losses:
        for index in deal():
            f, back = network.forward(theta, X[index])
            weight = rows.weight[index]
            gradient = back(loss(f, rows.y[index], weight)[1]) + decay * theta / weight.sum()
            steps += 1
            mean += 0.1 * (gradient - mean)
            square += 0.001 * (gradient**2 - square)
            step = adam.rate * np.sqrt(1 - 0.999**steps) / (1 - 0.9**steps)
            theta -= step * mean / (np.sqrt(square) + 1e-8)
    return theta


def even_batches(y: Array, size: int, rng: np.random.Generator) -> Iterator[Array]:
    """Deal the rows (n,) to batches of about `size`, each class evenly, and yield the positions in each."""
    number = max(1, len(y) // size)
    shuffled = rng.permutation(len(y))
    dealt = shuffled[np.argsort(y[shuffled], kind="stable")]
    for first in rng.permutation(number):
        yield dealt[first::number]


@dataclass(frozen=True)
class FittedNetwork:
    """A network and its fitted parameters."""

    network: Linear | Hidden
    theta: Array

    def logits(self, X: Any) -> Array:
        """Return the logits of encoded rows (n, K)."""
        return self.network.forward(self.theta, np.asarray(X, dtype=float))[0]

    def predict(self, X: Any) -> Array:
        """Return softmax of the logits (n, K)."""
        return softmax(self.logits(X))


def penalty(context: FitContext, rows: EncodedRows) -> float:
    """Return the penalty of learner logistic: C Σ_i loss_i + ‖B‖² / 2, divided by C n."""
    return float(1 / (context.learner_parameters["C"] * len(rows.y)))


def adam_settings(context: FitContext, rows: EncodedRows) -> AdamSettings:
    """Return the settings of learner mlp."""
    parameters, n = context.learner_parameters, len(rows.y)
    return AdamSettings(parameters["learning_rate"], parameters["alpha"], parameters["epochs"], batch_size(n))


def hidden_network(context: FitContext, rows: EncodedRows) -> Hidden:
    """Return the network of learner mlp."""
    return Hidden(rows.X.shape[1], context.learner_parameters["hidden"], len(rows.present))


def fit_network(context: FitContext, rows: EncodedRows, first: Loss, last: Loss | None = None) -> FittedNetwork:
    """Train the network of learner logistic or mlp on a loss; `last` takes over for the last fifth of the training.

    A linear model goes to the optimum of each, so that for a convex loss only `last` counts.
    """
    train_network = _train_linear if context.learner.entry.name == "logistic" else _train_hidden
    return train_network(context, rows, first, last or first)


def _train_linear(context: FitContext, rows: EncodedRows, first: Loss, last: Loss) -> FittedNetwork:
    network = Linear(rows.X.shape[1], len(rows.present))
    theta = minimise_by_lbfgs(network, first, rows, penalty(context, rows), network.start())
    if last is not first:
        theta = minimise_by_lbfgs(network, last, rows, penalty(context, rows), theta)
    return FittedNetwork(network, theta)


def _train_hidden(context: FitContext, rows: EncodedRows, first: Loss, last: Loss) -> FittedNetwork:
    network, adam = hidden_network(context, rows), adam_settings(context, rows)
    rng = np.random.RandomState(context.seed)  # the generator of scikit-learn, behind learner mlp
    order = np.arange(len(rows.y))

    def deal() -> list[Array]:
        """Shuffle as learner mlp does, so that a loss at its neutral parameters gives the network of plain training."""
        nonlocal order
        shuffled = np.arange(len(order))
        rng.shuffle(shuffled)
        order = order[shuffled]
        return np.split(order, range(adam.batch, len(order), adam.batch))

    late = round(LATE_SHARE * adam.epochs)
    losses = [first] * (adam.epochs - late) + [last] * late
    theta = minimise_by_adam(network, losses, rows, adam=adam, deal=deal, start=network.start(rng))
    return FittedNetwork(network, theta)
