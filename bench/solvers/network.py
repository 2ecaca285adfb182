"""Networks of torch: their layers, training with early stopping, and a random state of their own.

torch is optional: it is imported in `import_torch`, whose error explains how to install it. Everything is computed in
float64 on one thread, so that the same seed gives the same network, whatever the order of the rows.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from bench.core.nouns import Array, BenchError

EVERY = 100
"""Steps between two evaluations of the held-out loss."""

PATIENCE = 500
"""Steps without a smaller held-out loss after which training stops."""

LARGEST_INPUT = 10.0
"""Columns are clipped to so many deviations: further out, a network that saw no such row extrapolates wildly."""

TensorLoss = Callable[[Any], Any]
"""Positions of rows, a tensor -> their mean loss, a tensor of one number."""


@dataclass(frozen=True)
class Layers:
    """Widths of a network: `depth` hidden layers of `hidden` units, a share `dropout` of them silent in training."""

    hidden: int
    depth: int
    dropout: float


@dataclass(frozen=True)
class Course:
    """How a network is trained: the step of Adam, its squared penalty, and the most steps."""

    learning_rate: float = 1e-3
    weight_decay: float = 1e-5
    most_steps: int = 4000


def import_torch(noun: str, name: str) -> Any:
    """Return torch, for the plug-in of this noun and name.

    Raises:
        BenchError: torch is not installed.
    """
    try:
        return importlib.import_module("torch")
    except ImportError as error:
        raise BenchError(f"{noun} {name!r} needs torch: pip install 'bench[torch]'") from error


def refuse_settings(noun: str, name: str, layers: Layers, learning_rate: float, **others: float) -> None:
    """Refuse widths and numbers that train no network.

    Raises:
        BenchError: a width or the learning rate is not above zero, the dropout no share below one, or one of the
            others below zero.
    """
    if not 0 <= layers.dropout < 1:
        raise BenchError(f"parameter 'dropout' of {noun} {name!r} is {layers.dropout}: give 0 or more, below 1")
    sizes = {"hidden": layers.hidden, "layers": layers.depth, "learning_rate": learning_rate}
    for parameter, value in sizes.items():
        if value <= 0:
            raise BenchError(f"parameter {parameter!r} of {noun} {name!r} is {value}: give a positive number")
    for parameter, value in others.items():
        if value < 0:
            raise BenchError(f"parameter {parameter!r} of {noun} {name!r} is {value}: give 0 or more")


@contextmanager
def own_random_state(torch: Any, seed: int) -> Iterator[None]:
    """Run with torch's generator seeded, deterministic kernels and one thread, and put everything back afterwards."""
    threads, strict = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
    with torch.random.fork_rng(devices=[]):
        # the generator itself: torch.manual_seed would seed those of other devices too, which the fork does not keep
        torch.random.default_generator.manual_seed(seed)
        torch.set_num_threads(1)
        torch.use_deterministic_algorithms(mode=True)
        try:
            yield
        finally:
            torch.set_num_threads(threads)
            torch.use_deterministic_algorithms(strict)


def stack_layers(torch: Any, inputs: int, layers: Layers, outputs: int) -> Any:
    """Return a network of ELU layers with a linear one at the end, its weights drawn from torch's generator."""
    linear, widths = torch.nn.Linear, [inputs, *[layers.hidden] * layers.depth]
    hidden = [
        part
        for width, following in pairwise(widths)
        for part in (linear(width, following, dtype=torch.float64), torch.nn.ELU(), torch.nn.Dropout(layers.dropout))
    ]
    return torch.nn.Sequential(*hidden, linear(widths[-1], outputs, dtype=torch.float64))


def clipped_tensor(torch: Any, X: Any) -> Any:
    """Return encoded rows as a tensor, clipped to ±`LARGEST_INPUT`."""
    return torch.from_numpy(np.clip(np.asarray(X, dtype=float), -LARGEST_INPUT, LARGEST_INPUT))


def tensor(torch: Any, values: Array) -> Any:
    """Return a copy of numbers as a tensor."""
    return torch.from_numpy(np.array(values, dtype=float))


def batch_size(n: int) -> int:
    """Return 2^(3 + ⌊log10 n⌋), at most n: 64 of a thousand rows, 128 of ten thousand."""
    return min(n, 2 ** (3 + len(str(n)) - 1))


def train_network(
    torch: Any, network: Any, loss: TensorLoss, held_loss: Callable[[], Any], n: int, course: Course
) -> None:
    """Let Adam (amsgrad) minimise the loss over n rows in batches, and leave the network where it was best.

    The held-out loss is evaluated before the first step and every `EVERY` steps; training ends after `PATIENCE` steps
    without a smaller one. Kingma and Ba (2015), Adam; Reddi, Kale and Kumar (2018), On the Convergence of Adam and
    Beyond.
    """
    optimiser = torch.optim.Adam(
        network.parameters(), lr=course.learning_rate, weight_decay=course.weight_decay, amsgrad=True, fused=True
    )
    rows = _batches(torch, n)
    best, least, since = _state(network), _evaluate_held_out(torch, network, held_loss), 0
    for _ in range(0, course.most_steps, EVERY):
        network.train()
        for _ in range(EVERY):
            optimiser.zero_grad()
            loss(next(rows)).backward()
            optimiser.step()
        now, since = _evaluate_held_out(torch, network, held_loss), since + EVERY
        if now < least:
            best, least, since = _state(network), now, 0
        if since >= PATIENCE:
            break
    network.load_state_dict(best)
    network.eval()


def _evaluate_held_out(torch: Any, network: Any, held_loss: Callable[[], Any]) -> float:
    network.eval()
    with torch.no_grad():
        return float(held_loss())


def _state(network: Any) -> dict[str, Any]:
    return {name: values.clone() for name, values in network.state_dict().items()}


def _batches(torch: Any, n: int) -> Iterator[Any]:
    """Yield the positions of batches for ever, each epoch in a new order; a last batch that is not full is left out."""
    size = batch_size(n)
    while True:
        order = torch.randperm(n)
        for start in range(0, n - size + 1, size):
            yield order[start : start + size]


def pinball_of_error(torch: Any, error: Any, levels: Any, huber: float = 0.0) -> Any:
    """Return |τ - [u < 0]| h(u) of the errors u = y - q: `bench.core.losses.pinball` for tensors, where h(u) = |u|.

    With `huber` above zero h(u) is u² / (2 huber) up to it, and |u| - huber/2 beyond.
    """
    size = error.abs()
    if huber > 0:
        size = torch.where(size <= huber, error.square() / (2 * huber), size - huber / 2)
    return torch.where(error < 0, 1 - levels, levels) * size


def crossing(q: Any, margins: Any) -> Any:
    """Return the mean over the pairs τ < τ' of (q_τ - q_τ' + margin)_+, shape (n,); `q` (n, K), `margins` (K, K).

    Fakoor, Kim, Mueller, Smola and Tibshirani (2023), Flexible Model Aggregation for Quantile Regression.
    """
    low, high = np.triu_indices(q.shape[1], 1)
    if not len(low):
        return q.new_zeros(len(q))
    return (q[:, low] - q[:, high] + margins[low, high]).clamp(min=0).mean(dim=1)
