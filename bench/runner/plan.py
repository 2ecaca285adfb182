"""From names to a frozen list of cells: what a run will do, before it does anything.

Names are resolved here and nowhere later: the plan carries parsed methods.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, NamedTuple

from bench.core.hashing import digest
from bench.core.nouns import BenchError, Cell, Kind, Split, Task
from bench.core.registry import Registry
from bench.core.scheme import Scheme
from bench.core.selection import NameFilter, is_glob, matches, name_filter
from bench.core.settings import Settings
from bench.methods import ensembles, learners, metrics, trainings
from bench.methods.boards import ORACLE, SINGLE_LEARNER, Board, Method, boards_named, is_training, method, methods
from bench.methods.learners import learner_scheme
from bench.runner.options import RunSelection
from bench.runner.records import PLAIN, TaskRecord
from bench.tasks.task_spec import CvSpec, TaskSpec

CORE = "core"
"""The tag of what a run takes that names nothing."""
EXTERNAL_PANEL = "given"
"""Name of the panel of a task that brings its predictions."""


@dataclass(frozen=True)
class Loaded:
    """A task without its features, how it was requested, all its outer splits, and the hash of its data.

    `cv` is that of its suite; a task with splits of its own does not use it. `first_unit` is the number that the first
    of its splits has among those of the whole run, by which shards are dealt out.
    """

    spec: TaskSpec
    task: Task
    cv: CvSpec
    splits: tuple[Split, ...]
    data: str
    meta_features: Mapping[str, Any] = field(default_factory=dict)
    first_unit: int = 0

    @property
    def hash(self) -> str:
        """Hash of the data, of all outer splits, and of the positive class where the user chose another one."""
        usual = replace(self.task, positive=None).positive_code == self.task.positive_code
        chosen = [] if usual else [self.task.positive]
        parts = [[split.repeat, split.fold, split.train, split.test] for split in self.splits]
        return digest(self.data, parts, *chosen)

    def record(self) -> TaskRecord:
        """Return what the experiment must keep of the task."""
        return TaskRecord(
            hash=self.hash,
            cv=self.cv,
            own_repeats=own_repeats(self.splits),
            meta_features=self.meta_features,
            spec=self.spec,
        )


class BoardSplitId(NamedTuple):
    """The identity of a board split in a plan: one board, with one panel, on one outer split of one task."""

    board: str
    task: str
    panel: str
    repeat: int
    fold: int


@dataclass(frozen=True)
class BoardPlan:
    """One board on one task: the learners of its panel, the methods that compete, and the oracle that bounds them.

    `metrics` are the names of those that every cell is scored by. `weight_rows` is the largest number of rows that
    ensemble weights are fitted on.
    """

    task: str
    board: Board
    panel: str
    learners: tuple[str, ...]
    methods: tuple[Method, ...]
    oracle: Method
    metrics: tuple[str, ...]
    weight_rows: int | None = None

    @cached_property
    def by_name(self) -> Mapping[str, Method]:
        """The method behind each name of the `method` column; a learner's own row has none."""
        return {m.id: m for m in self.methods} | {ORACLE: self.oracle}

    @property
    def trainings(self) -> tuple[str, ...]:
        """Training schemes that every learner is fitted under."""
        if not self.board.per_learner:
            return (PLAIN,)
        wanted = [PLAIN, *(m.base.id for m in self.methods if is_training(m.base))]
        return tuple(dict.fromkeys(wanted))

    @cached_property
    def _names(self) -> tuple[str, ...]:
        """Names of the methods in the order in which they are evaluated."""
        return (*(m.id for m in sorted(self.methods, key=lambda m: (m.base.id, m.id))), ORACLE)

    def cells(self, split: Split) -> Iterator[Cell]:
        """Yield every cell of one split, in the order in which it is evaluated."""
        names = self._names
        if not self.board.per_learner:
            yield from (self._cell(split, "", learner, SINGLE_LEARNER) for learner in self.learners)
            yield from (self._cell(split, self.panel, "", name) for name in names)
        else:
            yield from (self._cell(split, "", learner, name) for learner in self.learners for name in names)

    def _cell(self, split: Split, panel: str, learner: str, name: str) -> Cell:
        return Cell(
            board=self.board.name,
            task=self.task,
            panel=panel,
            repeat=split.repeat,
            fold=split.fold,
            learner=learner,
            method=name,
        )


@dataclass(frozen=True)
class Plan:
    """The frozen list: by task its target, data hash, request and splits; and what each board compares on it."""

    tasks: Mapping[str, Task]
    data: Mapping[str, str]
    specs: Mapping[str, TaskSpec]
    splits: Mapping[str, tuple[Split, ...]]
    board_plans: tuple[BoardPlan, ...]
    chosen: RunSelection
    settings: Settings = field(default_factory=Settings)

    @property
    def cells(self) -> list[Cell]:
        """Every cell, in order."""
        return [
            cell
            for board_plan in self.board_plans
            for split in self.splits[board_plan.task]
            for cell in board_plan.cells(split)
        ]


def plan(
    loaded: Sequence[Loaded], chosen: RunSelection, panels: Mapping[str, Sequence[str]], settings: Settings
) -> Plan:
    """Resolve names into cells; `panels` gives the chosen panel's learners by kind of target.

    Raises:
        BenchError: a name is unknown, or serves none of the boards.
    """
    boards = [board for board in boards_named(chosen.boards) if any(board.takes(each.task) for each in loaded)]
    competing_on = {board.name: _methods(board, chosen, settings) for board in boards}
    board_plans = [
        _plan_board(each.task, board, competing_on[board.name], chosen, panels, settings)
        for each in loaded
        for board in boards
        if board.takes(each.task)
    ]
    _refuse_idle_metrics(chosen.metrics if loaded else (), board_plans)
    competing = tuple(board_plan for board_plan in board_plans if board_plan.learners and board_plan.metrics)
    if loaded:
        external = {each.task.name for each in loaded if each.task.external is not None}
        fitted = {name for each in competing if each.task not in external for name in each.learners}
        _refuse_idle_learners(() if chosen.max_learners else chosen.learners, fitted)
        _refuse_idle_methods("ensemble", chosen.ensembles, [each for each in competing if not each.board.per_learner])
        _refuse_idle_methods(
            "class weighting", chosen.class_weights, [each for each in competing if each.board.per_learner]
        )
    return Plan(
        tasks={each.task.name: each.task for each in loaded},
        data={each.task.name: each.data for each in loaded},
        specs={each.task.name: each.spec for each in loaded},
        splits={each.task.name: dealt_splits(each, chosen) for each in loaded},
        board_plans=competing,
        chosen=chosen,
        settings=settings,
    )


def parse_method(board: Board, name: str) -> Method:
    """Return the method behind a name of the `method` column, the oracle's too.

    Raises:
        BenchError: a part of the name is unknown, or does not serve the board.
    """
    found = method(board, board.oracle if name == ORACLE else name)
    if found is None:
        raise BenchError(f"method {name!r} does not serve board {board.name!r}: see `bench list`")
    return found


def _methods(board: Board, chosen: RunSelection, settings: Settings) -> tuple[Method, ...]:
    """Return the chosen methods of a board.

    Raises:
        BenchError: a name is unknown, or a step promises nothing under the protocol.
    """
    competing = tuple(methods(board, chosen.class_weights if board.per_learner else chosen.ensembles))
    for step in (step for each in competing for step in each.steps):
        able = step.options.protocols
        if able and settings.protocol not in able:
            raise BenchError(
                f"step {step.entry.name!r} promises nothing under protocol {settings.protocol!r}: "
                f"give --protocol {' or '.join(able)}"
            )
    return competing


def _plan_board(
    task: Task,
    board: Board,
    competing: tuple[Method, ...],
    chosen: RunSelection,
    panels: Mapping[str, Sequence[str]],
    settings: Settings,
) -> BoardPlan:
    if task.external is not None:
        members, panel = tuple(task.external.predictions), EXTERNAL_PANEL
    else:
        members = _learners(name_filter(chosen.learners), board.target_kind, panels.get(board.target_kind, ()))
        panel = _panel_name(chosen, members)
    # the limits of a learning curve are a part of the panel's name
    limits = {"learners": chosen.max_learners, "rows": chosen.max_weight_rows}
    cuts = ",".join(f"{name}={value}" for name, value in limits.items() if value is not None)
    return BoardPlan(
        task=task.name,
        board=board,
        panel=panel + (f"[{cuts}]" if cuts else ""),
        learners=members[: chosen.max_learners],
        methods=competing,
        oracle=parse_method(board, ORACLE),
        metrics=tuple(metrics.for_target(board.target(task, settings), chosen.metrics or (CORE,))),
        weight_rows=chosen.max_weight_rows,
    )


def weight_rows_of(panel: str) -> int | None:
    """Return how many rows teach the weights at most, as the name of a panel says; None where it names no limit."""
    found = re.search(r"\[(?:learners=[0-9]+,)?rows=([0-9]+)\]$", panel)
    return int(found[1]) if found else None


def _learners(names: NameFilter, kind: Kind, panel: Sequence[str]) -> tuple[str, ...]:
    """Return the ids of the chosen learners that serve a kind, without a choice those of the panel.

    Raises:
        BenchError: a name is unknown, also behind `!`, or a parameter cannot be what it is.
    """
    for text in names.excluded:
        if ":" not in text:  # an import path is no name of the registry
            learners.registry.refuse_unknown(text)
    found = [scheme for text in names.wanted or panel for scheme in _schemes(text, kind)]
    tags = {*names.excluded}
    return tuple(dict.fromkeys(s.id for s in found if not names.excludes(s.id) and tags.isdisjoint(s.options.tags)))


def _schemes(text: str, kind: Kind) -> list[Scheme[Any]]:
    """Return the learners behind one text: a name, an import path, a glob or a tag."""
    if ":" in text or text in learners.registry.entries():
        scheme = learner_scheme(text)
        return [scheme.require_modules("learner")] if kind in scheme.entry.kinds else []
    return learners.registry.select([text], kind)


def _panel_name(chosen: RunSelection, members: tuple[str, ...]) -> str:
    """Name the set of learners: a named panel by its name, any other by its members."""
    if not chosen.learners:
        return chosen.panel
    joined = "+".join(members)
    # longer names are unreadable in a table; the hash keeps them apart
    return joined if len(joined) <= 60 else f"custom-{digest(list(members))[:8]}"


def _refuse_idle_learners(texts: Sequence[str], fitted: Collection[str]) -> None:
    """Refuse the name of a learner that no board of the run fits."""
    names = {learner_scheme(learner).entry.name for learner in fitted}
    for text in _without_tags(texts, learners.registry):
        if not any(matches(name, [text]) or text.startswith(name) for name in names):
            raise BenchError(f"learner {text!r} serves none of the chosen boards and tasks: see `bench list`")


def _refuse_idle_methods(noun: str, texts: Sequence[str], board_plans: Sequence[BoardPlan]) -> None:
    """Refuse the name of a method that competes on no board of the run."""
    for text in _without_tags(texts, ensembles.registry, trainings.registry):
        if not any(_competes(board_plan, text) for board_plan in board_plans):
            raise BenchError(f"{noun} {text!r} serves none of the chosen boards and tasks: see `bench list`")


def _refuse_idle_metrics(texts: Sequence[str], board_plans: Sequence[BoardPlan]) -> None:
    """Refuse the name of a metric that scores no board of the run, as one of a class that no task has."""
    scored = {name for each in board_plans for name in each.metrics}
    for text in _without_tags(texts, metrics.registry):
        if not any(matches(name, [text]) for name in scored) and metrics.current_name(text) not in scored:
            raise BenchError(f"metric {text!r} serves none of the chosen boards and tasks: see `bench list metrics`")


def _without_tags(texts: Sequence[str], *registries: Registry[Any]) -> list[str]:
    """Return the wanted parts of a list that name something, rather than a tag."""
    tags = {
        "all",
        *(tag for registry in registries for entry in registry.entries().values() for tag in entry.options.tags),
    }
    return [text for text in name_filter(texts).wanted if text not in tags]


def _competes(board_plan: BoardPlan, text: str) -> bool:
    """Return whether a method is on a board, by its name in any spelling or by a glob."""
    if is_glob(text):
        return any(matches(m.base.entry.name, [text]) for m in board_plan.methods)
    named = method(board_plan.board, text)
    return named is not None and named.id in board_plan.by_name


def dealt_splits(loaded: Loaded, chosen: RunSelection) -> tuple[Split, ...]:
    """Return the chosen splits of a task that are dealt to the shard, all of them where there is none.

    What is stored plays no part in it: every shard finds out for itself what is its own.
    """
    selected = _select_splits(loaded.splits, chosen)
    if chosen.shard is None:
        return selected
    return tuple(split for at, split in enumerate(selected, loaded.first_unit) if chosen.shard.has(at))


def _select_splits(cut: tuple[Split, ...], chosen: RunSelection) -> tuple[Split, ...]:
    """Take the first repeats and folds of a task, once for every seed: the seed of a fit depends on the repeat."""
    selected = [
        split
        for split in cut
        if (chosen.folds is None or split.fold < chosen.folds)
        and (chosen.repeats is None or split.repeat < chosen.repeats)
    ]
    step = own_repeats(cut)
    return tuple(
        replace(split, repeat=split.repeat + seed * step) for seed in range(chosen.seeds) for split in selected
    )


def own_repeats(cut: Sequence[Split]) -> int:
    """Return how many repeats a task has by itself; what is beyond repeats its splits with other seeds."""
    return 1 + max(split.repeat for split in cut)
