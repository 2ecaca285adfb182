"""One generic registry: a decorated function in a file of its own is a plug-in, and nothing else is edited."""

from __future__ import annotations

import functools
import hashlib
import importlib
import importlib.util
import inspect
import pkgutil
import re
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from bench.core.nouns import BenchError


@dataclass(frozen=True)
class Entry:
    """One registered plug-in: a function, the kinds it serves, its tags and traits.

    `breaks` names the laws that the plug-in may break, each with its reason.
    """

    name: str
    function: Callable[..., Any]
    kinds: frozenset[str]
    tags: frozenset[str]
    breaks: Mapping[str, str] = field(default_factory=dict)
    traits: Mapping[str, Any] = field(default_factory=dict)

    @property
    def summary(self) -> str:
        """First line of the docstring."""
        return (inspect.getdoc(self.function) or "").partition("\n")[0]

    @property
    def parameters(self) -> dict[str, Any]:
        """Keyword parameters and their defaults."""
        signature = inspect.signature(self.function)
        return {p.name: p.default for p in signature.parameters.values() if p.kind is p.KEYWORD_ONLY}

    @property
    def lacking(self) -> list[str]:
        """Libraries that the plug-in requires, by its trait `requires`, and that are not installed."""
        return [name for name in self.traits.get("requires", ()) if importlib.util.find_spec(name) is None]

    @functools.cached_property
    def source(self) -> str:
        """Hash of the file that defines the plug-in."""
        return source_hash(self.function.__module__)


@dataclass(frozen=True)
class Scheme:
    """An entry with its parameters; `id` is the name that tables carry."""

    entry: Entry
    parameters: tuple[tuple[str, Any], ...] = ()

    @property
    def id(self) -> str:
        """Name and given parameters: `inverse-mse` or `inverse-mse:power=2`."""
        given = ",".join(f"{name}={_written(value)}" for name, value in self.parameters)
        return f"{self.entry.name}:{given}" if given else self.entry.name

    @property
    def meaning(self) -> list[Any]:
        """What a content key needs: the name, every parameter, and the hash of the source file.

        The trait `code` names further modules that a plug-in depends on, such as those of schemes that it calls.
        """
        given = self.entry.parameters | dict(self.parameters)
        code = source_hash(*self.entry.traits.get("code", ()))
        return [self.entry.name, {name: repr(value) for name, value in given.items()}, self.entry.source, code]

    def usable(self, noun: str) -> Scheme:
        """Return the scheme itself.

        Raises:
            BenchError: a library that it requires is not installed.
        """
        if self.entry.lacking:
            library = self.entry.lacking[0]
            raise BenchError(f"{noun} {self.id!r} needs {library}: pip install 'bench[{library}]'")
        return self

    def __call__(self, *args: Any) -> Any:
        """Call the plug-in with its parameters."""
        return self.entry.function(*args, **dict(self.parameters))


class Registry:
    """The plug-ins of one noun, found by importing every module of its package.

    The entries of the registry `below` belong to the noun as well, under the names that they have there.
    """

    def __init__(self, noun: str, package: str, below: Registry | None = None) -> None:
        self.noun = noun
        self.package = package
        self.below = below
        self._entries: dict[str, Entry] = {}
        self._searched = False

    def register(
        self, *kinds: str, tags: Iterable[str] = (), breaks: Mapping[str, str] | None = None, **traits: Any
    ) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
        """Return the decorator that enters a function under its own name in kebab-case."""

        def enter(function: Callable[..., Any]) -> Callable[..., Any]:
            name = function.__name__.strip("_").replace("_", "-")
            self._refuse_second(name, function)
            self._entries[name] = Entry(name, function, frozenset(kinds), frozenset(tags), breaks or {}, traits)
            return function

        return enter

    def _refuse_second(self, name: str, function: Callable[..., Any]) -> None:
        before = self._entries.get(name) or (self.below.entries().get(name) if self.below else None)
        if before and before.function.__module__ != function.__module__:
            raise BenchError(
                f"two {self.noun}s are named {name!r}, in {before.function.__module__} and {function.__module__}: "
                "rename one of the functions"
            )

    def entries(self, kind: str | None = None) -> dict[str, Entry]:
        """Return the entries that serve `kind` (all without it), by name, sorted."""
        self._search()
        inherited = self.below.entries() if self.below else {}
        found = sorted((inherited | self._entries).items())
        return {name: entry for name, entry in found if kind is None or kind in entry.kinds}

    def shared_modules(self) -> tuple[str, ...]:
        """Return the modules of the package that hold no plug-in: a change there may change every plug-in."""
        homes = {entry.function.__module__ for entry in self.own().values()}
        package = importlib.import_module(self.package)
        names = (module.name for module in pkgutil.iter_modules(package.__path__, f"{self.package}."))
        return tuple(name for name in names if name not in homes)

    def own(self) -> dict[str, Entry]:
        """Return the entries of this registry alone, by name, sorted."""
        self._search()
        return dict(sorted(self._entries.items()))

    def _search(self) -> None:
        if not self._searched:
            self._searched = True
            package = importlib.import_module(self.package)
            for module in pkgutil.iter_modules(package.__path__, f"{self.package}."):
                importlib.import_module(module.name)

    def scheme(self, text: str) -> Scheme:
        """Parse `name` or `name:parameter=value,...`.

        Raises:
            BenchError: the name or a parameter is unknown, or a value has the wrong type.
        """
        name, _, given = text.partition(":")
        entries = self.entries()
        if name not in entries:
            raise BenchError(f"unknown {self.noun} {name!r}: {_suggest(name, entries)}")
        entry = entries[name]
        pairs = [self.parameter(entry, part) for part in given.split(",") if part]
        return Scheme(entry, tuple(sorted(pairs)))

    def parameter(self, entry: Entry, text: str) -> tuple[str, Any]:
        """Parse `parameter=value` of an entry.

        Raises:
            BenchError: the entry has no such parameter, or the value has the wrong type.
        """
        name, equals, value = text.partition("=")
        known = entry.parameters
        if not equals or name not in known:
            choice = f"it has {', '.join(known)}" if known else "it has none"
            raise BenchError(f"unknown parameter {text!r} of {self.noun} {entry.name!r}: {choice}")
        try:
            return name, _parse(value, known[name])
        except ValueError:
            raise BenchError(
                f"parameter {name!r} of {self.noun} {entry.name!r} cannot be {value!r}: "
                f"give a value like {known[name]!r}"
            ) from None

    def select(self, texts: Iterable[str], kind: str, default: str = "core") -> list[Scheme]:
        """Return the schemes of `kind` that names, globs, `all`, a tag or `!name` choose, in their stated order."""
        wanted = split_list(texts)
        chosen = [text for text in wanted if not text.startswith("!")] or [default]
        dropped = [text[1:] for text in wanted if text.startswith("!")]
        schemes = {scheme.id: scheme for text in chosen for scheme in self._match(text, kind)}
        return [s for s in schemes.values() if not matches(s.id, dropped)]

    def _match(self, text: str, kind: str) -> list[Scheme]:
        entries = {name: entry for name, entry in self.entries(kind).items() if not entry.lacking}
        if text == "all" or any(text in entry.tags for entry in entries.values()):
            return [Scheme(e) for e in entries.values() if text == "all" or text in e.tags]
        if any(sign in text for sign in "*?["):
            if not any(fnmatchcase(name, text) for name in self.entries()):
                raise BenchError(f"no {self.noun} matches {text!r}: see `bench list`")
            return [Scheme(entry) for name, entry in entries.items() if fnmatchcase(name, text)]
        scheme = self.scheme(text).usable(self.noun)
        return [scheme] if kind in scheme.entry.kinds else []


def matches(name: str, patterns: Iterable[str]) -> bool:
    """Say whether a name matches one of the names or globs."""
    return any(fnmatchcase(name, pattern) for pattern in patterns)


def chosen_from(known: Sequence[str], texts: Iterable[str], noun: str) -> list[str]:
    """Return the known names that names, globs or `!name` choose; all of them where none is named.

    Raises:
        BenchError: a text matches no known name.
    """
    parts = split_list(texts)
    for text in parts:
        if not any(matches(name, [text.removeprefix("!")]) for name in known):
            raise BenchError(f"unknown {noun} {text.removeprefix('!')!r}: {_suggest(text, known)}")
    wanted = [text for text in parts if not text.startswith("!")] or ["*"]
    dropped = [text[1:] for text in parts if text.startswith("!")]
    return [name for name in known if matches(name, wanted) and not matches(name, dropped)]


def split_list(texts: Iterable[str]) -> list[str]:
    """Split comma lists; a part like `b=2` after `name:a=1` belongs to that name."""
    parts: list[str] = []
    for text in texts:
        fresh = True
        for raw in text.split(","):
            part = raw.strip()
            name, equals, _ = part.partition("=")
            if equals and ":" not in name and parts and not fresh:
                parts[-1] += f",{part}"
            elif part:
                parts.append(part)
            fresh = False
    return parts


def _suggest(name: str, known: Iterable[str]) -> str:
    import difflib

    close = difflib.get_close_matches(name, list(known), n=3, cutoff=0.5)
    return f"did you mean {' or '.join(close)}?" if close else f"choose from {', '.join(known)}"


def _parse(text: str, default: Any) -> Any:
    """Read a value in the type of the parameter's default; without one, as the number or the text it looks like."""
    if isinstance(default, bool):
        if text.lower() not in {"true", "false"}:
            raise ValueError(text)
        return text.lower() == "true"
    if isinstance(default, int):
        return int(text)
    if isinstance(default, float):
        return float(text)
    if default is None or default is inspect.Parameter.empty:
        return _guess(text)
    return text


def _written(value: Any) -> str:
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
        module = sys.modules.get(name) or importlib.import_module(name)
        paths = sorted(Path(p) for folder in getattr(module, "__path__", ()) for p in Path(folder).rglob("*.py"))
        for path in paths or [Path(module.__file__ or "")]:
            state.update(path.read_bytes() if path.is_file() else name.encode())
    return state.hexdigest()
