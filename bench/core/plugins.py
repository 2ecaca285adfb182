"""Code of others: installed plug-ins by their entry point, files by their path, modules that the command line names.

Nothing else is imported, and the working directory is on the path only meanwhile.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import importlib
import importlib.util
import os
import sys
import traceback
from collections.abc import Callable, Iterable, Iterator
from importlib.metadata import entry_points
from pathlib import Path
from types import ModuleType
from typing import TypeVar

from bench.core.exit_codes import Stop
from bench.core.nouns import BenchError
from bench.core.renamed import new_name

PLUGIN_GROUP = "bench.plugins"
NOT_TO_BLAME = (str(Path(os.__file__).parent), str(Path(__file__).parents[1]))
"""Folders of Python and of bench: where an import of others failed is not said by lines of these."""

T = TypeVar("T")


def load_plugins(names: Iterable[str]) -> None:
    """Import the installed plug-ins (entry points `bench.plugins`), then the named files or modules.

    Raises:
        BenchError: a plug-in is not there, fails to import, or uses an old name, and the error names the new one.
    """
    for point in entry_points(group=PLUGIN_GROUP):
        run_foreign_import(f"plug-in {point.value!r}", point.load)
    for name in names:
        load = _import_file if name.endswith(".py") else import_named_module
        run_foreign_import(f"plug-in {name!r}", functools.partial(load, name))


def run_foreign_import(what: str, load: Callable[[], T]) -> T:
    """Return what an import gives; `what` says for errors whose it is.

    Raises:
        BenchError: it raises anything, or ends the program.
    """
    try:
        return load()
    except (BenchError, Stop, KeyboardInterrupt):
        raise
    except BaseException as error:
        renamed = new_name(error)
        raise BenchError(
            f"{what}: {renamed}" if renamed else f"{what} does not import ({_describe(error)}): mend it"
        ) from error


def _describe(error: BaseException) -> str:
    """Return what an import raised, and where."""
    try:
        text = " ".join(str(error).split())
    except BaseException:  # noqa: BLE001 - its class may be anybody's, and fail at its text, too
        text = "its text cannot be made"
    said = f"sys.exit({text}) ends it" if isinstance(error, SystemExit) else f"{type(error).__name__}: {text}"
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if _is_foreign(frame.filename)]
    return f"{said}, in line {frames[-1].lineno} of {frames[-1].filename}" if frames else said


def _is_foreign(file: str) -> bool:
    return not file.startswith(("<frozen", *NOT_TO_BLAME)) or "site-packages" in file


def import_named_module(name: str) -> ModuleType:
    """Return the module that the command line names, also one of the working directory."""
    with _working_directory_on_path():
        return importlib.import_module(name)


def module_exists(name: str) -> bool:
    """Return whether there is a module, its name without a dot, also in the working directory; it is not imported."""
    with _working_directory_on_path():
        return name in sys.modules or importlib.util.find_spec(name) is not None


def _import_file(name: str) -> None:
    path = Path(name)
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
    with _working_directory_on_path():  # for the neighbours of the file
        spec.loader.exec_module(module)


@contextlib.contextmanager
def _working_directory_on_path() -> Iterator[None]:
    """Let modules of the working directory be found, behind all others."""
    import pandas as pd  # noqa: F401 - it looks for optional libraries as it is imported: not in that folder

    folder = str(Path.cwd())
    sys.path.append(folder)
    try:
        yield
    finally:
        if folder in sys.path:  # what was imported may have changed the path
            del sys.path[len(sys.path) - 1 - sys.path[::-1].index(folder)]
