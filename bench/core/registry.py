"""One generic registry: a decorated function in a file of its own is a plug-in, and nothing else is edited.

What a plug-in may declare of itself is a frozen class of options, one a noun; what it must look like is a Protocol,
one a noun. Both stand in the package of the noun, with its `register`. A plug-in is held to them when its file is
imported.
"""

from __future__ import annotations

import functools
import hashlib
import importlib
import importlib.util
import inspect
import operator
import pkgutil
import re
import sys
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from types import UnionType
from typing import Any, Generic, Literal, TypeVar, Union, cast, get_args, get_origin, get_type_hints

from bench.core.nouns import BenchError
from bench.core.selection import is_glob, matches, name_filter, suggestion

R = TypeVar("R", bound=Callable[..., Any])


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
        fault = _fault_of_kinds(kinds, self.kinds) or _fault_of_options(options) or self._fault_of_signature(function)
        if fault:
            raise BenchError(f"{self.noun} {place_of(function)}: {fault}")
        name = function.__name__.strip("_").replace("_", "-")
        self._refuse_second(name, function)
        self._entries[name] = Entry(name, function, frozenset(kinds), options)

    def _fault_of_signature(self, function: Callable[..., Any]) -> str:
        """Return how a function differs from the contract: so many arguments by position, all others by keyword."""
        wanted = list(inspect.signature(self.contract.__call__).parameters)[1:]
        given = inspect.signature(function).parameters.values()
        places = [p.name for p in given if p.kind in {p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD}]
        loose = [p.name for p in given if p.kind in {p.VAR_POSITIONAL, p.VAR_KEYWORD}]
        if loose:
            return f"it takes any {loose[0]!r}, and parameters must be named: write them behind a `*`"
        if len(places) != len(wanted):
            return f"it takes ({', '.join(places)}), but is called with ({', '.join(wanted)}): parameters follow a `*`"
        return ""

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
            return name, _parse_value(value, known[name])
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


def held_to_its_keywords(register: R) -> R:
    """Let `register` refuse a keyword that it does not have in one sentence that names the function and its file.

    Python itself would name neither: it refuses the call of `register`, which knows no function yet.
    """
    keywords = {n: p for n, p in inspect.signature(register).parameters.items() if p.kind is p.KEYWORD_ONLY}
    needed = [name for name, parameter in keywords.items() if parameter.default is parameter.empty]

    @functools.wraps(register)
    def checked(*kinds: str, **options: Any) -> Any:
        unknown, missing = [n for n in options if n not in keywords], [n for n in needed if n not in options]
        if not (unknown or missing):
            return register(*kinds, **options)
        fault = f"has no {unknown[0]!r}: {suggestion(unknown[0], keywords)}" if unknown else f"needs {missing[0]!r}"

        def refuse(function: Callable[..., Any]) -> None:
            raise BenchError(f"{place_of(function)}: `register` {fault}")

        return refuse

    return cast("R", checked)


def place_of(function: Callable[..., Any]) -> str:
    """Return where a function stands, for errors: its name and its file."""
    return f"{function.__name__!r} in {inspect.getsourcefile(function) or function.__module__}"


def _fault_of_kinds(kinds: Collection[str], known: Collection[str]) -> str:
    if not kinds:
        return f"it serves no kind: give register {' or '.join(map(repr, known))}"
    unknown = [kind for kind in kinds if kind not in known]
    return f"there is no kind {unknown[0]!r}: {suggestion(str(unknown[0]), known)}" if unknown else ""


def _fault_of_options(options: PluginOptions) -> str:
    """Return which option has an impossible value: a choice that does not exist, or a text for several texts."""
    hints = get_type_hints(type(options))
    for each in fields(options):
        value, hint = getattr(options, each.name), hints[each.name]
        several = get_origin(hint) in {Collection, tuple}
        if several and isinstance(value, str):
            return f"{each.name} is the text {value!r}: give a tuple of texts, ({value!r},)"
        choices = _choices(get_args(hint)[0] if several else hint)
        wrong = [one for one in (value if several else [value]) if choices and one is not None and one not in choices]
        if wrong:
            return f"{each.name} is {wrong[0]!r}: {suggestion(str(wrong[0]), map(str, choices))}"
    return ""


def _choices(hint: Any) -> tuple[Any, ...]:
    """Return the values of a `Literal`, also where None may stand for it; nothing where anything may stand."""
    if get_origin(hint) is Literal:
        return get_args(hint)
    parts = get_args(hint) if get_origin(hint) in {Union, UnionType} else ()
    return tuple(choice for part in parts if get_origin(part) is Literal for choice in get_args(part))


def _parse_value(text: str, default: Any) -> Any:
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
def _modules_of(package: str) -> tuple[str, ...]:
    """Return the names of the modules of a package."""
    found = importlib.import_module(package)
    return tuple(module.name for module in pkgutil.iter_modules(found.__path__, f"{package}."))


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
