"""Plug-ins of others: installed ones by their entry point, files and modules by name."""

from __future__ import annotations

import functools
import hashlib
import importlib
import importlib.util
import sys
from collections.abc import Callable, Iterable
from importlib.metadata import entry_points
from pathlib import Path

from bench.core.nouns import BenchError
from bench.core.renamed import new_name

PLUGIN_GROUP = "bench.plugins"


def load_plugins(names: Iterable[str]) -> None:
    """Import the installed plug-ins (entry points `bench.plugins`), then the named files or modules.

    Raises:
        BenchError: a plug-in is not there, fails to import, or uses an old name, and the error names the new one.
    """
    for point in entry_points(group=PLUGIN_GROUP):
        _import_plugin(point.value, point.load)
    for name in names:
        _import_plugin(name, functools.partial(_import_named, name))


def _import_plugin(name: str, load: Callable[[], object]) -> None:
    try:
        load()
    except BenchError:
        raise
    except Exception as error:
        if renamed := new_name(error):
            raise BenchError(f"plug-in {name!r}: {renamed}") from error
        raise BenchError(f"plug-in {name!r} does not import ({type(error).__name__}: {error}): mend it") from error


def _import_named(name: str) -> None:
    path = Path(name)
    if path.suffix != ".py":
        importlib.import_module(name)
        return
    if not path.is_file():
        raise BenchError(f"plug-in file {name!r} is not there: check the path")
    # two files of one name in different directories are different modules
    place = hashlib.blake2b(str(path.resolve()).encode(), digest_size=4).hexdigest()
    module_name = f"bench_plugin_{path.stem}_{place}"
    spec = importlib.util.spec_from_file_location(module_name, path.resolve())
    if module_name in sys.modules or spec is None or spec.loader is None:
        return
    module = importlib.util.module_from_spec(spec)
    sys.modules[module_name] = module
    spec.loader.exec_module(module)
