"""The entry of one bundled table in the catalogue."""

from __future__ import annotations

from dataclasses import dataclass

from bench.core.nouns import TaskKind
from bench.tasks.sources.bundled_files import TableReader, plain
from bench.tasks.sources.bundled_rules import TableRule, unchanged

UCI = "CC BY 4.0 (UCI Machine Learning Repository)"
PUBLIC = "public domain"
PERMISSION = "used by statsmodels with permission of the author, who retains all rights"
UNSTATED = "not stated"


@dataclass(frozen=True)
class Table:
    """One bundled task: where its file is, how it is read, its target, what is left out and why.

    `n` rows and `d` features are stated so that a list needs no loading. `columns` names the features of a
    file without a header. `rule` is applied to the table as read, then the columns in `drop` leave it; `note`
    gives the reason, and states every rule by which rows or the target were made. `order` lists classes that have one.
    Tables of one `family` share rows: do not count them as independent.
    """

    name: str
    kind: TaskKind
    n: int
    d: int
    about: str
    package: str
    path: str
    target: str
    licence: str
    source: str
    read: TableReader = plain
    columns: tuple[str, ...] = ()
    rule: TableRule = unchanged
    drop: tuple[str, ...] = ()
    note: str = ""
    group: str | None = None
    time: str | None = None
    order: str | None = None
    family: str = ""
