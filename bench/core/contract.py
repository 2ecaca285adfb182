"""What `register` refuses: a keyword, a kind, an option or a signature that is not of the noun."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Collection
from dataclasses import fields
from types import UnionType
from typing import Any, Literal, TypeVar, Union, cast, get_args, get_origin, get_type_hints

from bench.core.nouns import BenchError
from bench.core.scheme import PluginOptions
from bench.core.selection import suggestion

R = TypeVar("R", bound=Callable[..., Any])


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


def fault_of(
    function: Callable[..., Any], kinds: Collection[str], options: PluginOptions, known: Collection[str], contract: type
) -> str:
    """Return what keeps a function from being a plug-in of a noun with such kinds and such a contract; else nothing."""
    return _fault_of_kinds(kinds, known) or _fault_of_options(options) or _fault_of_signature(function, contract)


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


def _fault_of_signature(function: Callable[..., Any], contract: type) -> str:
    """Return how a function differs from the contract: so many arguments by position, all others by keyword."""
    wanted = list(inspect.signature(contract.__call__).parameters)[1:]
    given = inspect.signature(function).parameters.values()
    places = [p.name for p in given if p.kind in {p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD}]
    loose = [p.name for p in given if p.kind in {p.VAR_POSITIONAL, p.VAR_KEYWORD}]
    if loose:
        return f"it takes any {loose[0]!r}, and parameters must be named: write them behind a `*`"
    if len(places) != len(wanted):
        return f"it takes ({', '.join(places)}), but is called with ({', '.join(wanted)}): parameters follow a `*`"
    return ""
