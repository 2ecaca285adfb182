"""What a registered plug-in is, and a scheme: a plug-in with its parameters.

What a plug-in may declare of itself is a frozen class of options, one a noun; it stands in the package of the noun.
"""

from __future__ import annotations

import functools
import hashlib
import importlib.util
import inspect
import re
import sys
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic, TypeVar

from bench.core.nouns import BenchError


@dataclass(frozen=True, kw_only=True)
class PluginOptions:
    """What a plug-in of any noun may declare of itself.

    `tags` are the sets that it belongs to: `core` is what a run takes unless names are given. `breaks` names the
    laws that it may break, each with its reason. `requires` are modules that must be installed, `libraries` the
    distributions whose versions belong to the key of what it predicts, `code` further modules of `bench` that it
    depends on, such as those of schemes that it calls. `of_labels`: its parameter `metric` must be one of decided
    labels.
    """

    tags: Collection[str] = ()
    breaks: Mapping[str, str] = field(default_factory=dict)
    requires: Collection[str] = ()
    libraries: Collection[str] = ()
    code: Collection[str] = ()
    of_labels: bool = False


O = TypeVar("O", bound=PluginOptions)  # noqa: E741 - the options of one noun


@dataclass(frozen=True)
class Entry(Generic[O]):
    """One registered plug-in: a function, the kinds it serves, and what it declares of itself."""

    name: str
    function: Callable[..., Any]
    kinds: frozenset[str]
    options: O

    @property
    def summary(self) -> str:
        """First line of the docstring."""
        return (inspect.getdoc(self.function) or "").partition("\n")[0]

    @functools.cached_property
    def parameters(self) -> dict[str, Any]:
        """Keyword parameters and their defaults."""
        signature = inspect.signature(self.function)
        return {p.name: p.default for p in signature.parameters.values() if p.kind is p.KEYWORD_ONLY}

    @property
    def is_foreign(self) -> bool:
        """Whether other people's code stands behind it: a plug-in of theirs, or an estimator by its import path."""
        return self.function.__module__.partition(".")[0] != __name__.partition(".")[0]

    @property
    def missing_modules(self) -> list[str]:
        """Modules that the plug-in requires and that are not installed."""
        return [name for name in self.options.requires if importlib.util.find_spec(name) is None]

    @functools.cached_property
    def source(self) -> str:
        """Hash of the file that defines the plug-in."""
        return source_hash(self.function.__module__)


@dataclass(frozen=True)
class Scheme(Generic[O]):
    """A plug-in with its parameters; `id` is the name that tables carry."""

    entry: Entry[O]
    parameters: tuple[tuple[str, Any], ...] = ()

    @property
    def id(self) -> str:
        """Name and given parameters: `inverse-mse` or `inverse-mse:power=2`."""
        given = ",".join(f"{name}={_format_value(value)}" for name, value in self.parameters)
        return f"{self.entry.name}:{given}" if given else self.entry.name

    @property
    def options(self) -> O:
        """What the plug-in declares of itself."""
        return self.entry.options

    @property
    def metric(self) -> str | None:
        """The metric that its parameter of that name gives, None where it has no such parameter or nothing is given."""
        return (self.entry.parameters | dict(self.parameters)).get("metric")

    @property
    def meaning(self) -> list[Any]:
        """What a content key needs: the name, every parameter, and the hashes of the code behind it."""
        given = self.entry.parameters | dict(self.parameters)
        code = source_hash(*self.options.code)
        return [self.entry.name, {name: repr(value) for name, value in given.items()}, self.entry.source, code]

    def require_modules(self, noun: str) -> Scheme[O]:
        """Return the scheme itself.

        Raises:
            BenchError: a library that it requires is not installed.
        """
        if self.entry.missing_modules:
            library = self.entry.missing_modules[0]
            raise BenchError(f"{noun} {self.id!r} needs {library}: pip install 'bench[{library}]'")
        return self

    def __call__(self, *args: Any) -> Any:
        """Call the plug-in with its parameters."""
        return self.entry.function(*args, **dict(self.parameters))


def parse_value(text: str, default: Any) -> Any:
    """Read a value in the type of the parameter's default; without one, as the number or the text it looks like."""
    if isinstance(default, bool):
        if text.lower() not in {"true", "false"}:
            raise ValueError(text)
        return text.lower() == "true"
    if isinstance(default, int):
        return int(text)
    if isinstance(default, float):
        return float(text)
    if default is None and text.lower() == "none":  # what lists show of a parameter that is not given
        return None
    if default is None or default is inspect.Parameter.empty:
        return _guess(text)
    return text


def _format_value(value: Any) -> str:
    """Return a parameter's value as ids carry it: 2.0 as 2."""
    return str(value).removesuffix(".0") if isinstance(value, float) else str(value)


def _guess(text: str) -> Any:
    if re.fullmatch(r"[+-]?\d+", text):
        return int(text)
    try:
        return float(text)
    except ValueError:
        return text


@functools.cache
def source_hash(*modules: str) -> str:
    """Hash the source files of the named modules (a package stands for all the files below it)."""
    state = hashlib.blake2b(digest_size=16)
    for name in modules:
        folders, file = _place_of(name)
        paths = sorted(path for folder in folders for path in Path(folder).rglob("*.py"))
        for path in paths or [Path(file)]:
            state.update(path.read_bytes() if path.is_file() else name.encode())
    return state.hexdigest()


def _place_of(name: str) -> tuple[Collection[str], str]:
    """Return the folders of a package, none of a module, and its file; it is not imported, which may take a second.

    Raises:
        ModuleNotFoundError: there is none.
    """
    if (module := sys.modules.get(name)) is not None:
        return getattr(module, "__path__", ()), module.__file__ or ""
    spec = importlib.util.find_spec(name)
    if spec is None:
        raise ModuleNotFoundError(f"no module named {name!r}", name=name)
    return spec.submodule_search_locations or (), spec.origin or ""
