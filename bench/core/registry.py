"""One generic registry: a decorated function in a file of its own is a plug-in, and nothing else is edited.

What a plug-in must look like is a Protocol, one a noun. It stands in the package of the noun, with its `register`. A
plug-in is held to it when its file is imported.
"""

from __future__ import annotations

import functools
import importlib
import operator
import pkgutil
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, fields, replace
from typing import Any, Generic

from bench.core.contract import fault_of, place_of
from bench.core.nouns import BenchError
from bench.core.scheme import Entry, O, PluginOptions, Scheme, parse_value
from bench.core.selection import is_glob, matches, name_filter, suggestion


@dataclass(frozen=True)
class _Joined(Generic[O]):
    """The entries of a registry and of the one below it, and both by name, sorted."""

    inherited: list[Entry[Any]]
    own: list[Entry[O]]
    every: dict[str, Entry[O]]


def _are_same(entries: list[Entry[Any]], others: list[Entry[Any]]) -> bool:
    return len(entries) == len(others) and all(map(operator.is_, entries, others))


class Registry(Generic[O]):
    """The plug-ins of one noun, found by importing every module of its package.

    `kinds` are those that a plug-in may serve, `contract` is the Protocol of its function, `options` the class of what
    it declares of itself. The entries of the registry `below` belong to the noun as well, under the names that they
    have there.
    """

    def __init__(
        self,
        noun: str,
        package: str,
        *,
        kinds: Collection[str],
        contract: type,
        options: type[O],
        below: Registry[Any] | None = None,
    ) -> None:
        self.noun = noun
        self.package = package
        self.kinds = tuple(kinds)
        self.contract = contract
        self.options = options
        self.below = below
        self._entries: dict[str, Entry[O]] = {}
        self._searched = False
        self._joined: _Joined[O] = _Joined([], [], {})

    def enter(self, function: Callable[..., Any], kinds: Collection[str], options: O) -> None:
        """Enter a function under its own name in kebab-case.

        Raises:
            BenchError: a kind or an option is unknown, the signature is not that of the noun, or the name is taken.
        """
        fault = fault_of(function, kinds, options, self.kinds, self.contract)
        if fault:
            raise BenchError(f"{self.noun} {place_of(function)}: {fault}")
        name = function.__name__.strip("_").replace("_", "-")
        self._refuse_second(name, function)
        self._entries[name] = Entry(name, function, frozenset(kinds), options)

    def _refuse_second(self, name: str, function: Callable[..., Any]) -> None:
        before = self._entries.get(name) or (self.below.entries().get(name) if self.below else None)
        if before and before.function.__module__ != function.__module__:
            raise BenchError(
                f"two {self.noun}s are named {name!r}, in {before.function.__module__} and {function.__module__}: "
                "rename one of the functions"
            )

    def entries(self, kind: str | None = None) -> dict[str, Entry[O]]:
        """Return the entries that serve `kind` (all without it), by name, sorted."""
        self._search()
        inherited = list(self.below.entries().values()) if self.below else []
        own = list(self._entries.values())
        # asked for thousands of times in a run, and changed by plug-ins alone
        if not (_are_same(inherited, self._joined.inherited) and _are_same(own, self._joined.own)):
            every = {entry.name: self._adopt(entry) for entry in inherited} | self._entries
            self._joined = _Joined(inherited, own, dict(sorted(every.items())))
        return {name: entry for name, entry in self._joined.every.items() if kind is None or kind in entry.kinds}

    def _adopt(self, entry: Entry[Any]) -> Entry[O]:
        """Return an entry from below with the options of this noun: its own where it has them, else the usual ones."""
        return replace(
            entry, options=self.options(**{f.name: getattr(entry.options, f.name) for f in fields(PluginOptions)})
        )

    def shared_modules(self) -> tuple[str, ...]:
        """Return the modules of the package that hold no plug-in: a change there may change every plug-in."""
        homes = {entry.function.__module__ for entry in self.own().values()}
        return tuple(name for name in _modules_of(self.package) if name not in homes)

    def own(self) -> dict[str, Entry[O]]:
        """Return the entries of this registry alone, by name, sorted."""
        self._search()
        return dict(sorted(self._entries.items()))

    def in_order_of_entry(self) -> list[Entry[O]]:
        """Return the entries of this registry alone in the order in which they were registered."""
        self._search()
        return list(self._entries.values())

    def _search(self) -> None:
        if not self._searched:
            self._searched = True
            package = importlib.import_module(self.package)
            for module in pkgutil.iter_modules(package.__path__, f"{self.package}."):
                importlib.import_module(module.name)

    def scheme(self, text: str) -> Scheme[O]:
        """Parse `name` or `name:parameter=value,...`.

        Raises:
            BenchError: the name or a parameter is unknown, or a value has the wrong type.
        """
        name, _, given = text.partition(":")
        entries = self.entries()
        if name not in entries:
            raise BenchError(f"unknown {self.noun} {name!r}: {suggestion(name, entries)}")
        entry = entries[name]
        pairs = [self.parameter(entry, part) for part in given.split(",") if part]
        return Scheme(entry, tuple(sorted(pairs)))

    def parameter(self, entry: Entry[O], text: str) -> tuple[str, Any]:
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
            return name, parse_value(value, known[name])
        except ValueError:
            raise BenchError(
                f"parameter {name!r} of {self.noun} {entry.name!r} cannot be {value!r}: "
                f"give a value like {known[name]!r}"
            ) from None

    def select(self, texts: Iterable[str], kind: str, default: str = "core") -> list[Scheme[O]]:
        """Return the schemes of `kind` that names, globs, `all`, a tag or `!name` choose, in their stated order.

        Raises:
            BenchError: a name or a parameter is unknown, also behind `!`.
        """
        names = name_filter(texts)
        for text in names.excluded:
            self.refuse_unknown(text)
        schemes = {scheme.id: scheme for text in names.wanted or [default] for scheme in self._match(text, kind)}
        return [s for s in schemes.values() if not (names.excludes(s.id) or {*names.excluded} & {*s.options.tags})]

    def refuse_unknown(self, text: str) -> None:
        """Refuse a text that is no name, no tag and no glob of either.

        Raises:
            BenchError: the name or a parameter is unknown.
        """
        entries = self.entries()
        if text == "all" or any(text in entry.options.tags for entry in entries.values()):
            return
        if not is_glob(text):
            self.scheme(text)
        elif not any(matches(name, [text]) for name in entries):
            raise BenchError(f"no {self.noun} matches {text!r}: see `bench list`")

    def _match(self, text: str, kind: str) -> list[Scheme[O]]:
        entries = {name: entry for name, entry in self.entries(kind).items() if not entry.missing_modules}
        if text == "all" or any(text in entry.options.tags for entry in entries.values()):
            return [Scheme(e) for e in entries.values() if text == "all" or text in e.options.tags]
        if is_glob(text):
            self.refuse_unknown(text)
            return [Scheme(entry) for name, entry in entries.items() if matches(name, [text])]
        scheme = self.scheme(text).require_modules(self.noun)
        return [scheme] if kind in scheme.entry.kinds else []


@functools.cache
def _modules_of(package: str) -> tuple[str, ...]:
    """Return the names of the modules of a package."""
    found = importlib.import_module(package)
    return tuple(module.name for module in pkgutil.iter_modules(found.__path__, f"{package}."))
