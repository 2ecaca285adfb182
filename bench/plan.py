"""From names to a frozen list of cells: what a run will do, before it does anything."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from bench import class_weights, learners
from bench.boards import ALONE, ORACLE, Board, Method, boards_named, methods
from bench.core import BenchError, Cell, Kind, Settings, Split, Task
from bench.keys import digest
from bench.learners import learner_scheme
from bench.registry import Scheme, matches, split_list
from bench.suites import TaskSpec

GIVEN = "given"
"""Panel of a task that brings its predictions."""


@dataclass(frozen=True)
class Selection:
    """What the user chose: boards, learners, ensembles and class weightings by name, a panel, and how many splits."""

    boards: tuple[str, ...] = ()
    learners: tuple[str, ...] = ()
    ensembles: tuple[str, ...] = ()
    class_weights: tuple[str, ...] = ()
    panel: str = "default"
    folds: int | None = None
    repeats: int | None = None


@dataclass(frozen=True)
class Loaded:
    """A task, how it was asked for, all its outer splits, and the hash of its data.

    `folds` and `repeats` are those of its suite; a task with splits of its own does not hear them.
    """

    spec: TaskSpec
    task: Task
    folds: int
    repeats: int
    splits: tuple[Split, ...]
    data: str


@dataclass(frozen=True)
class Ask:
    """One board on one task: the learners of its panel and the methods that compete."""

    task: str
    board: Board
    panel: str
    learners: tuple[str, ...]
    methods: tuple[Method, ...]

    @property
    def trainings(self) -> tuple[str, ...]:
        """Training schemes that every learner is fitted under."""
        if not self.board.per_learner:
            return ("none",)
        known = class_weights.registry.entries()
        wanted = ["none", *(m.base.id for m in self.methods if m.base.entry.name in known)]
        return tuple(dict.fromkeys(wanted))

    def cells(self, split: Split) -> Iterator[Cell]:
        """Yield every cell of one split, in the order in which it is weighed."""
        names = [m.id for m in sorted(self.methods, key=lambda m: (m.base.id, m.id))] + [ORACLE]
        if not self.board.per_learner:
            yield from (self._cell(split, "", learner, ALONE) for learner in self.learners)
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
    asks: tuple[Ask, ...]
    settings: Settings = field(default_factory=Settings)

    @property
    def cells(self) -> list[Cell]:
        """Every cell, in order."""
        return [cell for ask in self.asks for split in self.splits[ask.task] for cell in ask.cells(split)]


def plan(loaded: Sequence[Loaded], chosen: Selection, panels: Mapping[str, Sequence[str]], settings: Settings) -> Plan:
    """Resolve names into cells; `panels` gives the chosen panel's learners by kind of target.

    Raises:
        BenchError: a name is unknown, or serves none of the boards.
    """
    boards = boards_named(chosen.boards)
    asks = [_ask(each.task, board, chosen, panels) for each in loaded for board in boards if board.takes(each.task)]
    kept = tuple(ask for ask in asks if ask.learners)
    if loaded:
        _refuse_idle(chosen, kept)
    return Plan(
        {each.task.name: each.task for each in loaded},
        {each.task.name: each.data for each in loaded},
        {each.task.name: each.spec for each in loaded},
        {each.task.name: _first(each.splits, chosen) for each in loaded},
        kept,
        settings,
    )


def _ask(task: Task, board: Board, chosen: Selection, panels: Mapping[str, Sequence[str]]) -> Ask:
    texts = chosen.class_weights if board.per_learner else chosen.ensembles
    competing = tuple(methods(board, texts))
    if task.given is not None:
        return Ask(task.name, board, GIVEN, tuple(task.given.answers), competing)
    members = _learners(chosen.learners, board.target_kind, panels.get(board.target_kind, ()))
    return Ask(task.name, board, _panel_name(chosen, members), members, competing)


def _learners(texts: Sequence[str], kind: Kind, panel: Sequence[str]) -> tuple[str, ...]:
    """Return the ids of the chosen learners that serve a kind, without a choice those of the panel."""
    parts = split_list(texts)
    wanted = [text for text in parts if not text.startswith("!")] or list(panel)
    dropped = [text[1:] for text in parts if text.startswith("!")]
    chosen = [scheme for text in wanted for scheme in _schemes(text, kind)]
    return tuple(dict.fromkeys(s.id for s in chosen if not matches(s.id, dropped)))


def _schemes(text: str, kind: Kind) -> list[Scheme]:
    """Return the learners behind one text: a name, an import path, a glob or a tag."""
    if ":" in text or text in learners.registry.entries():
        scheme = learner_scheme(text)
        return [scheme] if kind in scheme.entry.kinds else []
    return learners.registry.select([text], kind)


def _panel_name(chosen: Selection, members: tuple[str, ...]) -> str:
    """Name the set of learners: a named panel by its name, any other by its members."""
    if not chosen.learners:
        return chosen.panel
    joined = "+".join(members)
    return joined if len(joined) <= 60 else f"custom-{digest(list(members))[:8]}"


def _refuse_idle(chosen: Selection, asks: Sequence[Ask]) -> None:
    """Refuse a name that no board of the run can use."""
    learning = [learner_scheme(name).entry.name for ask in asks if ask.panel != GIVEN for name in ask.learners]
    competing: dict[bool, set[str]] = {False: set(), True: set()}
    for ask in asks:
        competing[ask.board.per_learner] |= {m.base.entry.name for m in ask.methods}
    for noun, texts, used in (
        ("learner", chosen.learners, learning),
        ("ensemble", chosen.ensembles, competing[False]),
        ("class weighting", chosen.class_weights, competing[True]),
    ):
        for text in split_list(texts):
            is_name = not text.startswith("!") and text not in {"all", "core", "extended"}
            if is_name and not any(matches(name, [text]) or text.startswith(name) for name in used):
                raise BenchError(f"{noun} {text!r} serves none of the chosen boards and tasks: see `bench list`")


def _first(cut: tuple[Split, ...], chosen: Selection) -> tuple[Split, ...]:
    """Take the first repeats and folds of a task."""
    return tuple(
        split
        for split in cut
        if (chosen.folds is None or split.fold < chosen.folds)
        and (chosen.repeats is None or split.repeat < chosen.repeats)
    )
