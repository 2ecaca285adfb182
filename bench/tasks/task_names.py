"""Names of tasks that would share one: two files of equal name, or two targets of one file."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import replace
from pathlib import PurePath

from bench.core.text import storable
from bench.tasks.sources.file_formats import stem_of
from bench.tasks.task_spec import FILE_SOURCES, TaskSpec


def name_apart(specs: Iterable[TaskSpec]) -> dict[TaskSpec, TaskSpec]:
    """Return every task with an id that no other has: as many folders as tell files apart, and the target behind `@`.

    A task whose file name and target no other task shares has the plain name of its file, and needs no id. Tasks that
    differ in their number of rows alone have names of their own already.
    """
    every = list(dict.fromkeys(specs))
    groups: dict[tuple[str, str], list[TaskSpec]] = {}
    for spec in every:
        if spec.source in FILE_SOURCES and spec.id is None:
            groups.setdefault((spec.source, stem_of(spec.rest)), []).append(spec)
    named = {spec: spec for spec in every}
    for group in groups.values():
        labels = _labels([os.path.normpath(spec.rest) for spec in group])
        targets = {path: {spec.options() for spec in group if os.path.normpath(spec.rest) == path} for path in labels}
        for spec in group:
            path = os.path.normpath(spec.rest)
            several = len(targets[path]) > 1
            if len(labels) > 1 or several:
                named[spec] = replace(spec, id=storable(labels[path]) + (f"@{spec.options()}" if several else ""))
    return named


def _labels(paths: Iterable[str]) -> dict[str, str]:
    """Return the shortest ends of paths that tell them apart, the last part without its suffix where that suffices."""
    known = {path: PurePath(path).parts for path in paths}
    for last in (stem_of, lambda path: PurePath(path).name):
        for depth in range(1, max(map(len, known.values())) + 1):
            labels = {path: "/".join((*parts[:-1][len(parts) - depth :], last(path))) for path, parts in known.items()}
            if len(set(labels.values())) == len(known):
                return labels
    return {path: path for path in known}
