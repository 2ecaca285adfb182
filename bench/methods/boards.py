"""What is compared with what: the boards, and the methods whose ids stand in the `method` column.

`method` parses one id, such as `balanced+prior-correction`; `methods` resolves what was typed for a board, and adds the
thresholded variants.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from bench.core.hashing import digest
from bench.core.nouns import BenchError, Kind, Target, Task, TaskKind
from bench.core.registry import Registry
from bench.core.scheme import Scheme
from bench.core.selection import NameFilter, chosen_from, is_glob, matches, name_filter
from bench.core.settings import Settings
from bench.methods import ensembles, metrics, postprocess, trainings

SINGLE_LEARNER = "alone"
"""Method of a learner that is scored by itself, beside the ensembles of a board."""
ORACLE = "oracle"
"""Method that is fitted on the test rows, as a mark of what is within reach; never ranked, and seldom a bound."""
CONSTANT = "floor"
"""The ensemble scheme that uses no learner and predicts the same for every row; every board carries it."""


@dataclass(frozen=True)
class Board:
    """One comparison: which tasks it takes, what is predicted, which schemes compete, what is always there.

    `serves` is the kind of the board's `registry` that competes, `metric` the one shown first. `oracle` is the method
    that is fitted on the test rows. `always_present` are in every run, `default_only` in a run that names no scheme.
    `variant_step` names a second method of every chosen scheme: the scheme with a step behind it that tunes the
    decision; those are ranked among themselves.
    """

    name: str
    task_kind: TaskKind
    target_kind: Kind
    registry: Registry[Any]
    serves: str
    metric: str
    oracle: str
    always_present: tuple[str, ...]
    default_only: tuple[str, ...] = ()
    variant_step: str | None = None

    @property
    def per_learner(self) -> bool:
        """Whether a row belongs to one learner rather than to a panel."""
        return self.registry is trainings.registry

    def takes(self, task: Task) -> bool:
        """Return whether a task stands here; predictions made elsewhere do on the ensemble board of their kind."""
        if task.external is not None:
            return task.external.target.kind == self.target_kind and not self.per_learner
        return task.kind == self.task_kind

    def target(self, task: Task, settings: Settings) -> Target:
        """Return what is predicted of a task on this board."""
        if task.external is not None:
            return replace(task.external.target, positive=task.positive_code)
        outputs: dict[str, tuple[Any, ...]] = {
            "quantile": settings.levels,
            "class": task.classes,
            "point": (),
        }
        ordered = bool(task.meta.get("ordered"))
        return Target(self.target_kind, outputs[self.target_kind], ordered, task.positive_code)


BOARDS = {
    board.name: board
    for board in (
        Board(
            name="regression",
            task_kind="regression",
            target_kind="point",
            registry=ensembles.registry,
            serves="point",
            metric="rmse",
            oracle="qp-simplex",
            always_present=("equal", CONSTANT),
        ),
        Board(
            name="quantile",
            task_kind="regression",
            target_kind="quantile",
            registry=ensembles.registry,
            serves="quantile",
            metric="wis",
            oracle="coarse",
            always_present=("equal", CONSTANT),
        ),
        Board(
            name="classification",
            task_kind="classification",
            target_kind="class",
            registry=ensembles.registry,
            serves="class",
            metric="macro_f1",
            oracle="log-stack",
            always_present=("equal", CONSTANT, "single-best+threshold"),
            default_only=("single-best:metric=macro_f1",),
            variant_step="threshold",
        ),
        Board(
            name="class-weight",
            task_kind="classification",
            target_kind="class",
            registry=trainings.registry,
            serves="fit",
            metric="macro_f1",
            oracle="none+threshold",
            always_present=("none", "none+threshold", CONSTANT),
            default_only=("balanced+prior-correction",),
            variant_step="threshold",
        ),
    )
}


@dataclass(frozen=True)
class Method:
    """A scheme and the post-processing steps behind it; `id` joins them with `+`."""

    base: Scheme[Any]
    steps: tuple[Scheme[Any], ...] = ()

    @property
    def id(self) -> str:
        """The name in the `method` column."""
        return "+".join(scheme.id for scheme in (self.base, *self.steps))

    @property
    def meaning(self) -> list[Any]:
        """What a content key needs: of every part, and of the schemes that the base calls."""
        return [scheme.meaning for scheme in self._parts]

    @cached_property
    def key(self) -> str:
        """Hash of its meaning: a suite has it in thousands of cells."""
        return digest(self.meaning)

    @property
    def is_foreign(self) -> bool:
        """Whether code that is not ours stands behind any part of it."""
        return any(map(uses_foreign_code, self._parts))

    @property
    def _parts(self) -> list[Scheme[Any]]:
        """The scheme, its steps, and the schemes that it calls: what it wraps, or what it chooses from."""
        return [self.base, *self.steps, *self._called]

    @property
    def _called(self) -> list[Scheme[Any]]:
        options, given = self.base.options, self.base.entry.parameters | dict(self.base.parameters)
        wrapped, texts = (given.get(str(getattr(options, name, None))) for name in ("wraps", "chooses"))
        found = [ensembles.registry.scheme(str(wrapped))] if wrapped else []
        if texts:
            kinds = sorted(self.base.entry.kinds)
            found += [each for kind in kinds for each in ensembles.registry.select(str(texts).split("|"), kind)]
        return list({scheme.id: scheme for scheme in found}.values())


def uses_foreign_code(scheme: Scheme[Any]) -> bool:
    """Return whether a scheme is not ours, or optimises a metric that is not."""
    found = None if scheme.metric is None else metrics.metric_info(scheme.metric)
    return scheme.entry.is_foreign or (found is not None and found.is_foreign)


def is_training(scheme: Scheme[Any]) -> bool:
    """Return whether a scheme is something that is done in training, and not the constant predictor."""
    return scheme.entry.name in trainings.registry.entries()


def boards_named(texts: Sequence[str]) -> list[Board]:
    """Return the boards that names, globs or `!name` choose; all of them without any.

    Raises:
        BenchError: a name is no board.
    """
    return [BOARDS[name] for name in chosen_from(list(BOARDS), texts, "board")]


def method(board: Board, text: str) -> Method | None:
    """Parse `scheme+step+step`; None where a part does not serve the board.

    Raises:
        BenchError: a part is unknown.
    """
    first, *rest = re.split(r"\+(?=[a-z])", text)
    while rest and (inner := _wraps(board, rest[0])):
        first = f"{rest.pop(0)}:{inner}={first}"
    registry, serves = (ensembles.registry, board.target_kind) if first == CONSTANT else (board.registry, board.serves)
    base, steps = (
        registry.scheme(first).require_modules(registry.noun),
        tuple(postprocess.registry.scheme(step) for step in rest),
    )
    fits = serves in base.entry.kinds and all(board.target_kind in step.entry.kinds for step in steps)
    unmeasured = [scheme for scheme in (base, *steps) if not _has_metric(board, scheme)]
    return Method(base, steps) if fits and not unmeasured else None


def _wraps(board: Board, name: str) -> str | None:
    """Return the parameter through which a scheme takes the one that it wraps: `x+bootstrap` is `bootstrap:of=x`."""
    entry = board.registry.entries().get(name)
    return getattr(entry.options, "wraps", None) if entry else None


def _has_metric(board: Board, scheme: Scheme[Any]) -> bool:
    """Return whether the metric that a scheme is to optimise, if any, exists on a board.

    Raises:
        BenchError: it exists nowhere, or the scheme cannot optimise it.
    """
    name = scheme.metric
    if name is None:
        return True
    found = metrics.metric_info(name)
    if found is None:
        metrics.for_target(Target("point"), [name])  # raises, and suggests names
    elif board.target_kind in found.kinds:
        if scheme.options.of_labels and found.counts is None:
            raise BenchError(f"{scheme.id!r} cannot be tuned for metric {name!r}: give one of decided labels")
        return True
    return False


def methods(board: Board, texts: Sequence[str]) -> list[Method]:
    """Return the methods of a board that names, globs, `all` or `!name` choose, and those always present.

    Without a name: the schemes with the tag `core` and those of the board that are there by default. On a board with
    thresholded variants, every scheme that is named without a step appears with the step too.

    Raises:
        BenchError: a name or a parameter is unknown, also behind `!`.
    """
    filtered = name_filter(texts)
    names: list[str] = []
    for text in filtered.wanted or ["core", *board.default_only]:
        plain = "+" not in text
        names += [scheme.id for scheme in board.registry.select([text], board.serves)] if plain else [text]
    variants = [f"{name}+{board.variant_step}" for name in names if board.variant_step and "+" not in name]
    found = [m for name in (*names, *variants, *board.always_present) if (m := method(board, name))]
    for text in filtered.excluded:
        _refuse_unknown(board, text, found)
    return list({m.id: m for m in found if not _is_excluded(m, filtered)}.values())


def _is_excluded(m: Method, names: NameFilter) -> bool:
    """Return whether a method is excluded by its id, by that of its scheme, or by a tag of its scheme."""
    return names.excludes(m.id, m.base.id) or not {*names.excluded}.isdisjoint(m.base.options.tags)


def _refuse_unknown(board: Board, text: str, found: Sequence[Method]) -> None:
    """Refuse an excluded text that matches none of the methods found and that nobody knows.

    Raises:
        BenchError: the name, a step or a parameter is unknown.
    """
    if any(matches(name, [text]) for m in found for name in (m.id, m.base.id)):
        return
    if "+" in text and not is_glob(text):
        method(board, text)
    else:
        board.registry.refuse_unknown(text)


def own_metrics(pairs: Iterable[tuple[str, str]]) -> set[tuple[str, str]]:
    """Return those of some pairs (board, metric) that have the metric which their board shows first.

    A board that bench does not know, or that lacks its own metric, keeps all of its metrics.
    """
    there = set(pairs)
    own = there & {(board.name, board.metric) for board in BOARDS.values()}
    settled = {board for board, _ in own}
    return own | {(board, metric) for board, metric in there if board not in settled}


def board_order(name: str) -> int:
    """Return the place of a board in lists; boards that bench does not know come last."""
    return list(BOARDS).index(name) if name in BOARDS else len(BOARDS)
