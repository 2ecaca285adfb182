"""Several results directories as one: what they hold of settings, tasks, cells and fits is joined, or in conflict."""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from bench.core.files import write_json
from bench.core.nouns import BenchError, Cell
from bench.core.settings import Settings
from bench.runner import rerun_command
from bench.runner.cells import changed_parts
from bench.runner.journal import SCHEMA, Journal, JournalWriter
from bench.runner.records import CellRecord, TaskRecord
from bench.runner.store import Store

LOG = re.compile(r"logs/[0-9a-f]+\.txt")
"""What a record may name as its traceback: records are data, and nothing else is read for them."""


@dataclass(frozen=True)
class Conflict:
    """What two directories hold differently: a setting, a task or a cell, by name, and how it differs."""

    kind: str
    name: str
    difference: str


@dataclass(frozen=True)
class Joined:
    """What directories hold together, and where each record comes from; of no use if there are conflicts."""

    settings: Settings
    tasks: Mapping[str, TaskRecord]
    records: Mapping[Cell, CellRecord]
    origins: Mapping[Cell, Path]
    conflicts: Sequence[Conflict]


def join(roots: Sequence[Path]) -> Joined:
    """Join what directories hold; of a cell that ended badly in one of them, another one's record counts.

    Raises:
        BenchError: one of them holds no experiment, or cannot be read.
    """
    settings = [Journal(root).settings() for root in roots]
    conflicts = [
        Conflict("setting", name, _difference(roots[0], value, root, asdict(others)[name]))
        for root, others in zip(roots[1:], settings[1:], strict=True)
        for name, value in asdict(settings[0]).items()
        if asdict(others)[name] != value
    ]
    tasks: dict[str, TaskRecord] = {}
    records: dict[Cell, CellRecord] = {}
    origins: dict[Cell, Path] = {}
    seen_in: dict[str, Path] = {}
    for root in roots:
        for name, task in Journal(root).tasks().items():
            if tasks.setdefault(name, task).hash != task.hash:
                difference = f"other data, other splits or another positive class in {seen_in[name]} than in {root}"
                conflicts.append(Conflict("task", name, difference))
            seen_in.setdefault(name, root)
        for cell, record in Journal(root).records().items():
            before = records.get(cell)
            if before is not None and (difference := _conflict(before, record, origins[cell], root)):
                conflicts.append(Conflict("cell", " ".join(str(part) for part in cell if part != ""), difference))
            elif before is None or (before.ending.is_bad and not record.ending.is_bad):
                records[cell], origins[cell] = record, root
            elif before.ending.is_ok:
                records[cell] = _with_metrics_of(before, record)
    return Joined(settings[0], tasks, records, origins, conflicts)


def _conflict(one: CellRecord, other: CellRecord, root: Path, other_root: Path) -> str:
    """Return how two records of a cell contradict each other; nothing where they do not."""
    if one.basis.key != other.basis.key:
        parts = ", ".join(changed_parts(one.basis.parts, other.basis.parts))
        return f"other keys in {root} and in {other_root}: {parts} differ"
    if not (one.ending.is_ok and other.ending.is_ok):
        return ""  # of a cell that timed out on one machine alone the score of the other one stands
    for sample, scores in one.result.scores.items():
        others = other.result.scores.get(sample, {})
        for metric in scores.keys() & others.keys():
            if scores[metric] != others[metric]:
                return f"{metric}: {_difference(root, scores[metric], other_root, others[metric])}"
    return ""


def _difference(root: Path, value: Any, other_root: Path, other: Any) -> str:
    return f"{value!r} in {root}, {other!r} in {other_root}"


def _with_metrics_of(record: CellRecord, other: CellRecord) -> CellRecord:
    """Return a record with the scores that only another one of the same key has."""
    both = {
        name: dict(sorted({**other.result.scores.get(name, {}), **scores}.items()))  # the order of the journal
        for name, scores in record.result.scores.items()
    }
    known = record.result.scores
    if all(both[name].keys() == known[name].keys() for name in known):
        return record
    return replace(record, result=replace(record.result, scores=both))


def write_joined(joined: Joined, writer: JournalWriter, store: Path) -> dict[Cell, CellRecord]:
    """Write what was joined into the journal of a directory, and return all that it holds then, sorted by cell.

    What it holds already stays as it is. Tracebacks come along, and the commands that run a bad cell again name the
    new directory.
    """
    journal = writer.journal
    writer.agree_on_tasks(joined.tasks)
    of_split: dict[tuple[Any, ...], dict[Cell, CellRecord]] = {}
    for cell, record in joined.records.items():
        of_split.setdefault((cell.board, cell.task, cell.repeat, cell.fold), {})[cell] = record
    whole: dict[Cell, CellRecord] = {}
    for records in of_split.values():
        held = journal.read(next(iter(records)))
        fresh = {
            cell: _moved(record, joined.origins[cell], writer, store)
            for cell, record in records.items()
            if held.get(cell) != record
        }
        if fresh:
            writer.write(fresh)
        whole |= held | records | fresh
    return dict(sorted(whole.items()))


def _moved(record: CellRecord, origin: Path, writer: JournalWriter, store: Path) -> CellRecord:
    """Return a record as another directory holds it, its traceback copied there."""
    if not (record.traceback or record.rerun):
        return record  # most are well, and a copy of each would take as much memory again
    root = writer.journal.root
    log = origin / record.traceback
    readable = LOG.fullmatch(record.traceback) and log.is_file() and not log.is_symlink()
    traceback = writer.note_traceback(log.read_text(encoding="utf-8")) if readable else ""
    own_store = None if store == root / "store" else store
    return replace(record, traceback=traceback, rerun=rerun_command.moved(record.rerun, root, own_store))


def copy_fits(roots: Sequence[Path], writer: JournalWriter, target: Store) -> int:
    """Copy the fits in the stores of directories, and how others failed, where they are not known; count the copies.

    Fits are copied rather than linked: what happens to the copy must not happen to the original. A directory that was
    run with a `--store` elsewhere has none of its own.
    """
    copied = 0
    for root in roots:
        source = Store(root / "store")
        if source.root.resolve() != target.root.resolve():
            copied += sum(_copy_fit(key, source, target) for key in source.entry_keys())
        failures = Journal(root).failure_file("*").parent
        for key in sorted(path.stem for path in failures.glob("*.json")):
            ending = Journal(root).failure(key)
            if ending is not None and writer.journal.failure(key) is None and not target.has(key):
                writer.note_failure(key, ending)
    if copied:
        os.sync()  # once for all files: to wait for each of them takes longer than to copy it
    return copied


def _copy_fit(key: str, source: Store, target: Store) -> bool:
    """Copy one entry that is what was written, unless it is there; return whether it was copied."""
    if target.has(key) or source.fault(key):
        return False
    target.require_writable()
    target.copy(key, source)
    return True


def write_merge_manifest(root: Path, settings: Settings, roots: Sequence[Path]) -> None:
    """Write where the tables of a merged directory came from: the manifests of the others, by their names."""
    merged = {str(each): _manifest(each) for each in roots if each != root}
    cpus = {str(manifest.get("cpu", "")) for manifest in merged.values()}
    manifest = {
        "schema": SCHEMA,
        "command": ["bench", *sys.argv[1:]],
        "settings": asdict(settings),
        "cpu": cpus.pop() if len(cpus) == 1 else "",  # times of different machines cannot be compared
        "merged": merged,
    }
    write_json(root / "manifest.json", manifest)


def _manifest(root: Path) -> dict[str, Any]:
    """Return the manifest of a directory, empty where it cannot be read: nothing but a note depends on it."""
    try:
        held = json.loads((root / "manifest.json").read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return held if isinstance(held, dict) else {}


def refuse_same(roots: Sequence[Path], results: Path) -> None:
    """Refuse to write into one of the directories that are read.

    Raises:
        BenchError: the results are one of them.
    """
    for root in roots:
        if root.resolve() == results.resolve():
            raise BenchError(f"{root} is read, so it cannot be written: give another --results")
