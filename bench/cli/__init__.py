"""Cli: the command line parses, calls and prints.

Lives here: `running`, `reading`, `listing`, `fetching`, `comparing`, `exporting` and `cleaning` (one function a
command; `commands` joins them), `flags` (made from the fields of dataclasses), `printing` and `terminal` (what people
see), `catalog` (what there is to choose from).
May import: every room. Heavy imports stand inside the commands, so that `bench --help` is quick.
Next of its kind: a command is a function in the module of its family; a flag is a field of the dataclass that holds it.
"""

from __future__ import annotations

import functools
import gc
import signal
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

from bench.core import text
from bench.core.exit_codes import FAULT, HUNG_UP, INTERRUPTED, MISTAKE, TERMINATED, Stop, code_of_refusal
from bench.core.streams import keep_streams_from_failing, open_missing_streams
from bench.core.threads import use_one_thread

ENDS = {"SIGINT": INTERRUPTED, "SIGTERM": TERMINATED, "SIGHUP": HUNG_UP}
"""Signals that end the program in order, by name since not every system has all of them."""

MOST_NEW = 100_000
"""New objects after which Python looks for circles: after 700, as usual, it takes a third of the reading of records."""


def main() -> NoReturn:
    """Run the command line and exit with the code of `bench.core.exit_codes` for how it went."""
    open_missing_streams()
    keep_streams_from_failing()
    use_one_thread()
    gc.set_threshold(MOST_NEW)
    _end_in_order()
    try:
        Path.cwd()
    except FileNotFoundError:  # neither relative paths nor worker processes can do without one
        sys.stderr.write("bench: the working directory was deleted: change to one that is there\n")
        sys.exit(MISTAKE)
    from bench.cli.commands import app
    from bench.core.notice import BenchWarning

    warnings.simplefilter("once", BenchWarning)
    warnings.showwarning = functools.partial(_print_warning, warnings.showwarning)

    try:
        code = app(standalone_mode=False)
        sys.stdout.flush()
    except Exception as error:  # noqa: BLE001 - the last place that can turn an error into a line and a code
        code = print_error(error)
    sys.exit(code or 0)


def _end_in_order() -> None:
    """Let signals end the program so that it leaves valid tables; one that `nohup` has it ignore stays ignored.

    Ctrl-C can come in the middle of an import, where an exception of its own would end in a traceback.
    """
    for name, code in ENDS.items():
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, functools.partial(_stop, code))


def _stop(code: int, *_: object) -> NoReturn:
    raise Stop(code)


def _print_warning(usual: Callable[..., None], message: Warning | str, category: type, *where: Any) -> None:
    """Print one of our own warnings as a sentence, and any other as Python does."""
    from bench.cli import terminal
    from bench.core.notice import BenchWarning

    if issubclass(category, BenchWarning):
        terminal.message(f"bench: {message}", "yellow")
    else:
        usual(message, category, *where)


def print_error(error: Exception) -> int:
    """Print what went wrong, in one line where the user can mend it, else with a traceback; return the exit code."""
    import typer

    if isinstance(error, typer.Abort):
        return INTERRUPTED
    if hasattr(error, "format_message") and hasattr(error, "exit_code"):  # a usage error, of click or of typer's copy
        context = getattr(error, "ctx", None)
        hint = f" (see `{context.command_path} --help`)" if context else ""
        _write_line(f"{' '.join(error.format_message().split())}{hint}")
        return int(error.exit_code)
    from bench.core.nouns import BenchError

    if isinstance(error, BenchError):
        _write_line(str(error))
        return error.code
    if isinstance(error, ModuleNotFoundError) and error.name and error.name.partition(".")[0] != "bench":
        _write_line(
            f"this command needs {error.name}, which is not installed: requirements/gate.txt is enough for "
            "`compare` and `baseline` alone, `pip install .` for all commands"
        )
        return MISTAKE
    if isinstance(error, OSError) and not isinstance(error, ConnectionError) and error.errno:
        place = f"{error.filename}: " if error.filename else ""
        _write_line(f"{place}{error.strerror}: give a place that can be read and written")
        return code_of_refusal(error)
    import traceback

    for line in "".join(traceback.format_exception(error)).splitlines():
        sys.stderr.write(f"{text.error_line(line)}\n")
    _write_line("this is a fault of bench: please report it with the lines above")
    return FAULT


def _write_line(sentence: str) -> None:
    """Write a sentence to stderr; names in it may hold anything, and a CI log obeys what looks like a command."""
    sys.stderr.write(f"bench: {text.error_line(sentence)}\n")
