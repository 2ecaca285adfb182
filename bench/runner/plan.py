"""From names to a frozen list of cells: what a run will do, before it does anything."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from bench.core.hashing import digest
from bench.core.nouns import BenchError, Cell, Kind, Split, Task
from bench.core.registry import Scheme
from bench.core.selection import matches, split_list
from bench.core.settings import Settings
from bench.methods import ensembles, learners, trainings
from bench.methods.boards import ORACLE, SINGLE_LEARNER, Board, Method, boards_named, is_training, method, methods
from bench.methods.learners import learner_scheme
from bench.methods.learners.trial import try_parameters
from bench.runner.options import RunSelection
from bench.tasks.suites import CvSpec, TaskSpec

TAGGED = (learners.registry, ensembles.registry, trainings.registry)
GIVEN = "given"
"""Panel of a task that brings its predictions."""


@dataclass(frozen=True)
class Loaded:
    """A task, how it was asked for, all its outer splits, and the hash of its data.

    `cuts` are those of its suite; a task with splits of its own does not hear them.
    """

    spec: TaskSpec
    task: Task
    cv: CvSpec
    splits: tuple[Split, ...]
    data: str


class BoardSplitId(NamedTuple):
    """What one board on one split is known by in a plan."""

    board: str
    task: str
    panel: str
    repeat: int
    fold: int


@dataclass(frozen=True)
class BoardPlan:
    """One board on one task: the learners of its panel and the methods that compete."""

    task: str
    board: Board
    panel: str
    learners: tuple[str, ...]
    methods: tuple[Method, ...]
    weight_rows: int | None = None

    @property
    def trainings(self) -> tuple[str, ...]:
        """Training schemes that every learner is fitted under."""
        if not self.board.per_learner:
            return ("none",)
        wanted = ["none", *(m.base.id for m in self.methods if is_training(m.base))]
        return tuple(dict.fromkeys(wanted))

    def cells(self, split: Split) -> Iterator[Cell]:
        """Yield every cell of one split, in the order in which it is weighed."""
        names = [m.id for m in sorted(self.methods, key=lambda m: (m.base.id, m.id))] + [ORACLE]
        if not self.board.per_learner:
            yield from (self._cell(split, "", learner, SINGLE_LEARNER) for learner in self.learners)
            yield from (self._cell(split, self.panel, "", name) for name in names)
        else:
            yield from (self._cell(split, "", learner, name) for learner in self.learners for name in names)

    def _cell(self, split: Split, panel: str, learner: str, name: str) -> Cell:
        return Cell(self.board.name, self.task, panel, split.repeat, split.fold, learner, name)


@dataclass(frozen=True)
class Plan:
    """The frozen list: tasks with the hash of their data, how they were asked for, their splits, what is asked."""

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
    boards = boards_named(chosen.boards)
    board_plans = [
        _ask(each.task, board, chosen, panels, settings)
        for each in loaded
        for board in boards
        if board.takes(each.task)
    ]
    kept = tuple(board_plan for board_plan in board_plans if board_plan.learners)
    if loaded:
        _refuse_idle(chosen, kept)
    return Plan(
        {each.task.name: each.task for each in loaded},
        {each.task.name: each.data for each in loaded},
        {each.task.name: each.spec for each in loaded},
        {each.task.name: _first(each.splits, chosen) for each in loaded},
        kept,
        chosen,
        settings,
    )


def _refuse_protocol(competing: Sequence[Method], settings: Settings) -> None:
    """Refuse a step under a protocol that cannot give what it promises."""
    for step in (step for each in competing for step in each.steps):
        able = step.options.protocols
        if able and settings.protocol not in able:
            raise BenchError(
                f"step {step.entry.name!r} promises nothing under protocol {settings.protocol!r}: "
                f"give --protocol {' or '.join(able)}"
            )


def _ask(
    task: Task, board: Board, chosen: RunSelection, panels: Mapping[str, Sequence[str]], settings: Settings
) -> BoardPlan:
    texts = chosen.class_weights if board.per_learner else chosen.ensembles
    competing = tuple(methods(board, texts))
    _refuse_protocol(competing, settings)
    if task.external is not None:
        members, name = tuple(task.external.predictions), GIVEN
    else:
        members = _learners(chosen.learners, board.target_kind, panels.get(board.target_kind, ()))
        name = _panel_name(chosen, members)
    members = members[: chosen.max_learners]
    return BoardPlan(task.name, board, name + _limits(chosen), members, competing, chosen.max_weight_rows)


def _limits(chosen: RunSelection) -> str:
    """Return what a panel's name says of a learning curve's limits."""
    limits = {"learners": chosen.max_learners, "rows": chosen.max_weight_rows}
    given = ",".join(f"{name}={value}" for name, value in limits.items() if value is not None)
    return f"[{given}]" if given else ""


def _learners(texts: Sequence[str], kind: Kind, panel: Sequence[str]) -> tuple[str, ...]:
    """Return the ids of the chosen learners that serve a kind, without a choice those of the panel."""
    parts = split_list(texts)
    wanted = [text for text in parts if not text.startswith("!")] or list(panel)
    dropped = [text[1:] for text in parts if text.startswith("!")]
    chosen = {s.id: s for text in wanted for s in _schemes(text, kind) if not matches(s.id, dropped)}
    for learner in chosen if parts else ():
        try_parameters(learner, kind)
    return tuple(chosen)


def _schemes(text: str, kind: Kind) -> list[Scheme[Any]]:
    """Return the learners behind one text: a name, an import path, a glob or a tag."""
    if ":" in text or text in learners.registry.entries():
        scheme = learner_scheme(text)
        return [scheme.usable("learner")] if kind in scheme.entry.kinds else []
    return learners.registry.select([text], kind)


def _panel_name(chosen: RunSelection, members: tuple[str, ...]) -> str:
    """Name the set of learners: a named panel by its name, any other by its members."""
    if not chosen.learners:
        return chosen.panel
    joined = "+".join(members)
    return joined if len(joined) <= 60 else f"custom-{digest(list(members))[:8]}"


def _refuse_idle(chosen: RunSelection, board_plans: Sequence[BoardPlan]) -> None:
    """Refuse a name that no board of the run can use."""
    fitted = [board_plan for board_plan in board_plans if not board_plan.panel.startswith(GIVEN)]
    learning = {learner_scheme(name).entry.name for board_plan in fitted for name in board_plan.learners}
    for text in _names(() if chosen.max_learners else chosen.learners):
        if not any(matches(name, [text]) or text.startswith(name) for name in learning):
            raise BenchError(f"learner {text!r} serves none of the chosen boards and tasks: see `bench list`")
    for noun, texts, per_learner in (
        ("ensemble", chosen.ensembles, False),
        ("class weighting", chosen.class_weights, True),
    ):
        competing = [board_plan for board_plan in board_plans if board_plan.board.per_learner is per_learner]
        for text in _names(texts):
            if not any(_competes(board_plan, text) for board_plan in competing):
                raise BenchError(f"{noun} {text!r} serves none of the chosen boards and tasks: see `bench list`")


def _names(texts: Sequence[str]) -> list[str]:
    """Return the parts of a list that name something, rather than a tag or what is excluded."""
    tags = {"all", *(tag for registry in TAGGED for entry in registry.entries().values() for tag in entry.options.tags)}
    return [text for text in split_list(texts) if not text.startswith("!") and text not in tags]


def _competes(board_plan: BoardPlan, text: str) -> bool:
    """Say whether a method is on a board, by its name in any spelling or by a glob."""
    if any(sign in text for sign in "*?["):
        return any(matches(m.base.entry.name, [text]) for m in board_plan.methods)
    named = method(board_plan.board, text)
    return named is not None and named.id in {m.id for m in board_plan.methods}


def _first(cut: tuple[Split, ...], chosen: RunSelection) -> tuple[Split, ...]:
    """Take the first repeats and folds of a task, once for every seed: the seed of a fit depends on the repeat."""
    taken = [
        split
        for split in cut
        if (chosen.folds is None or split.fold < chosen.folds)
        and (chosen.repeats is None or split.repeat < chosen.repeats)
    ]
    step = own_repeats(cut)
    return tuple(replace(split, repeat=split.repeat + seed * step) for seed in range(chosen.seeds) for split in taken)


def own_repeats(cut: Sequence[Split]) -> int:
    """Return how many repeats a task has by itself; what is beyond repeats its splits with other seeds."""
    return 1 + max(split.repeat for split in cut)
