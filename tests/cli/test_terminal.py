"""What is printed is what was given: no markup, no pictures, no second backslash."""

import pytest

from bench.cli import terminal

NAMES = ["recall:100:mean", "gate:on:x", ":x:", ":smile:", "[a]", "[/a]", "[bold]b[/]", "tail\\\\", "tail\\", "\\[a]"]


@pytest.mark.parametrize("name", NAMES)
def test_names_are_printed_as_they_are(capsys, name):
    terminal.table(["method", name], [[name, 1]], name)
    terminal.fields(name, {name: name})
    terminal.message(name)
    terminal.line(name)
    done = capsys.readouterr()
    title, head, row, fields, pair, line = done.out.splitlines()
    assert (title, fields, line, done.err) == (name, name, name, f"{name}\n")
    assert head.split(maxsplit=1) == ["method", name]
    assert row.split() == [name, "1"]
    assert pair == f"  {name}: {name}"
