"""The flags of every command that selects work: one a field of what they make, a `RunRequest`.

A new flag is a field with `bench.core.flag.flag` as its metadata; nothing changes here.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass, replace
from typing import Annotated, Any, Literal, get_args, get_origin, get_type_hints

import typer

from bench.core.flag import Flag, flag_of
from bench.runner.options import RunRequest
from bench.tasks.task_spec import TaskSpec

SHOWN_BEHIND = {"target": "repeats", "positive": "repeats", "seed": "max_classes", "inner": "seeds"}
"""Fields that help shows behind a field of another class, together with the fields that follow them in their own."""


@dataclass(frozen=True)
class FlagField:
    """A field that the command line offers."""

    name: str
    type: Any
    default: Any
    flag: Flag

    @property
    def repeated(self) -> bool:
        """Whether the flag may be given several times."""
        return get_origin(self.type) is tuple and self.flag.read is None

    @property
    def choices(self) -> tuple[str, ...]:
        """The values of a field that takes a few names only; else empty."""
        return get_args(self.type) if get_origin(self.type) is Literal else ()

    def parameter(self) -> inspect.Parameter:
        """Return the field as typer wants it; a value that is not given is None where the default is not the last word.

        A suite may come before the default of a setting, and a text that must be read has no default as a text.
        """
        kind: Any = list[str] if self.repeated else str if self.flag.read else self.type
        default = None if self.repeated or self.flag.read or self.flag.by_suite else self.default
        option = typer.Option(
            *(self.flag.names or [f"--{self.name.replace('_', '-')}"]),
            help=self.flag.help_text,
            rich_help_panel=self.flag.help_panel,
            min=self.flag.least,
            max=self.flag.most,
            envvar=self.flag.envvar,
        )
        return inspect.Parameter(
            self.name,
            inspect.Parameter.KEYWORD_ONLY,
            default=default,
            annotation=Annotated[kind if default is not None else kind | None, option],
        )

    def read(self, given: Any) -> Any:
        """Return the value of the field for what typer made of its flag.

        Raises:
            BenchError: it cannot be read.
        """
        if self.repeated:
            return (self.flag.read_all or tuple)(given)
        return self.flag.read(given) if self.flag.read else given

    def read_of_suite(self, text: str) -> Any:
        """Return the value of the field for what a suite sets, within the bounds that typer holds a flag to.

        Raises:
            BenchError: it cannot be read, or is out of bounds.
        """
        from bench.core.nouns import BenchError

        if self.flag.read:
            return self.flag.read(text)
        try:
            value = self.type(text) if self.type in {int, float} else text
        except ValueError:
            value = None
        if value is None or not self._allows(value):
            raise BenchError(f"{self.name} cannot be {text!r}: give {self._describe_allowed()}")
        return value

    def _allows(self, value: Any) -> bool:
        if self.choices:
            return value in self.choices
        least, most = self.flag.least, self.flag.most
        return (least is None or value >= least) and (most is None or value <= most)

    def _describe_allowed(self) -> str:
        """Describe the values that the field may have."""
        if self.choices:
            return ", ".join(self.choices)
        if self.type is int:
            return f"a whole number of at least {self.flag.least}"
        return f"a share from {self.flag.least} to {self.flag.most}"


@functools.cache
def flag_fields() -> tuple[FlagField, ...]:
    """Return every field of a request that is a flag, in the order of the help."""
    ordered: list[FlagField] = []
    position = 0
    for each in (*_walk(RunRequest), *_walk(TaskSpec)):
        if each.name in SHOWN_BEHIND:
            position = 1 + [other.name for other in ordered].index(SHOWN_BEHIND[each.name])
        ordered.insert(position, each)
        position += 1
    return tuple(ordered)


def _walk(owner: type) -> Iterator[FlagField]:
    """Yield the fields of a class that are flags, and in their places those of the classes of its fields."""
    types = get_type_hints(owner)
    for each in fields(owner):
        if flag := flag_of(each):
            yield FlagField(each.name, types[each.name], each.default, flag)
        elif is_dataclass(types[each.name]):
            yield from _walk(types[each.name])


def add_request_flags(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command, in place of its first parameter `request`, all the flags that make a request."""
    flags = [each.parameter() for each in flag_fields()]
    _, *own = inspect.signature(command, eval_str=True).parameters.values()
    both = [*flags, *(parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY) for parameter in own)]

    @functools.wraps(command)
    def wrapped(**values: Any) -> None:
        given = {flag.name: values.pop(flag.name) for flag in flags}
        command(read_request(given), **values)

    wrapped.__signature__ = inspect.Signature(both)  # type: ignore[attr-defined]
    wrapped.__annotations__ = {parameter.name: parameter.annotation for parameter in both}
    del wrapped.__wrapped__  # typer would read the parameters of the command itself
    return wrapped


def read_request(given: Mapping[str, Any]) -> RunRequest:
    """Return the request that flags stand for: as given, else as the suites want it, else the defaults.

    Raises:
        BenchError: a value cannot be read, or two do not go together.
    """
    from bench.core.nouns import BenchError

    known = {each.name: each for each in flag_fields()}
    values = {name: known[name].read(value) for name, value in given.items() if value is not None and value != []}
    wanted = _settings_of_suites(values)
    request: RunRequest = _build(
        RunRequest, {name: known[name].read_of_suite(text) for name, text in wanted.items()} | values
    )
    if "calibration" in values and request.settings.protocol != "split":
        raise BenchError(f"calibration {values['calibration']} is for --protocol split: give both, or neither")
    flags = {each.name: values[each.name] for each in fields(TaskSpec) if flag_of(each) and each.name in values}
    # the columns that flags name are those of the tasks that are files, or of all tasks where none is a file
    files = [task for task in request.tasks if task.source == "file"] or request.tasks
    of_all = {name: value for name, value in flags.items() if name == "rows"}
    tasks = tuple(task.filled_in(flags if task in files else of_all) for task in request.tasks)
    return replace(request, tasks=tasks, task_flags=flags)


def _settings_of_suites(given: Mapping[str, Any]) -> dict[str, str]:
    """Return what the suites that are given set of the flags that are not.

    Raises:
        BenchError: two suites want different settings, or one is unknown.
    """
    from bench.core.nouns import BenchError
    from bench.tasks.suites import LIVE_SUITE, catalogue

    if "suites" not in given:
        return {}
    known = catalogue(given.get("datasets"))
    wanted: dict[str, str] = {}
    for suite in (known.suite(name) for name in given["suites"] if not name.startswith(LIVE_SUITE)):
        for name, text in suite.settings.items():
            if name not in given and wanted.setdefault(name, text) != text:
                raise BenchError(f"suite {suite.name!r} wants {name} {text}, another {wanted[name]}: give --{name}")
    return wanted


def _build(owner: Any, values: Mapping[str, Any]) -> Any:
    """Make an object of a dataclass, its parts that are dataclasses included; a field without a value has its default.

    `values` are by the name of the field, which is that of no other field of any part.
    """
    types = get_type_hints(owner)
    given = {each.name: values[each.name] for each in fields(owner) if each.name in values}
    parts = {each.name: _build(types[each.name], values) for each in fields(owner) if is_dataclass(types[each.name])}
    return owner(**given, **parts)
