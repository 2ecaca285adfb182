"""Write the generated parts of the pages; with `--check`, only say which page is not up to date, and fail.

A part stands between `<!-- generated: NAME ARGUMENTS -->` and `<!-- end -->`, and NAME is a function of `PARTS`.
"""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from bench.cli import catalog
from bench.core.files import write_text
from bench.report import leaderboards
from bench.report.leaderboards.columns import all_columns
from bench.runner import tables

DOCS = Path(__file__).parent
ROOT = DOCS.parent
PART = re.compile(r"(<!-- generated: (?P<name>[a-z]+) ?(?P<argument>[\w-]*) -->\n).*?(<!-- end -->)", re.DOTALL)
COLUMNS = {**tables.COLUMNS, "leaderboard": leaderboards.column_names(), "pairwise": leaderboards.PAIR_COLUMNS}
HELP = "import sys; sys.argv[0] = 'bench'; from bench.cli import main; main()"


def page(text: str) -> str:
    """Return a page with its generated parts as they should be."""
    return PART.sub(_part, text)


def _part(found: re.Match[str]) -> str:
    """Return one part anew; what another program wrote, such as a benchmark, stays as it is."""
    if found["name"] not in PARTS:
        return found[0]
    return f"{found[1]}\n{PARTS[found['name']](found['argument'])}\n\n{found[4]}"


def listed(noun: str) -> str:
    """Return what `bench list NOUN` knows, as a Markdown table."""
    table = catalog.tables([noun])[noun]
    return markdown(table.columns, table.itertuples(index=False))


def markdown(columns: Iterable[str], rows: Iterable[Iterable[object]]) -> str:
    """Return a Markdown table; names, in the first column, are set as code."""
    names = list(columns)
    lines: list[Iterable[object]] = [names, ["---"] * len(names)]
    lines += [[f"`{first}`", *rest] for first, *rest in rows]
    return "\n".join(map(_line, lines))


def _line(cells: Iterable[object]) -> str:
    return f"| {' | '.join(str(cell).replace('|', '&#124;') for cell in cells)} |"


def columns(table: str) -> str:
    """Return the columns of a table that a run writes."""
    return " ".join(f"`{name}`" for name in COLUMNS[table])


def meanings(_: str) -> str:
    """Return the columns of a leaderboard, each with its meaning and which way is better."""
    better = {None: "", "metric": "as in the metric"}
    rows = [(each.name, each.help, better.get(each.options.better, each.options.better)) for each in all_columns()]
    return markdown(["column", "meaning", "better"], rows)


def commands(_: str) -> str:
    """Return the help of every command, as it is on a terminal of 100 columns."""
    helps = {"bench": _help(), **{f"bench {name}": _help(*name.split()) for name in command_names()}}
    return "\n\n".join(f"## {name}\n\n```text\n{text}\n```" for name, text in helps.items())


def command_names() -> list[str]:
    """Return the commands in the order of the help."""
    from bench.cli.commands import app

    groups = [("", app), *((f"{group.name} ", group.typer_instance) for group in app.registered_groups)]
    return [
        prefix + str(info.name or getattr(info.callback, "__name__", ""))
        for prefix, part in groups
        if part is not None
        for info in part.registered_commands
    ]


def boards(names: str) -> str:
    """Return leaderboards of the published run as the command prints them; `--` stands between names."""
    return f"```text\n{_run('leaderboard', 'results/reference', '-b', names.replace('--', ','))}\n```"


def _help(*command: str) -> str:
    """Return the help of a command."""
    return _run(*command, "--help")


def _run(*command: str) -> str:
    """Run `bench` in an environment that has no say in how its output looks."""
    environment = {"PATH": os.environ["PATH"], "COLUMNS": "100", "NO_COLOR": "1", "TERM": "dumb", "PYTHONUTF8": "1"}
    words = [sys.executable, "-c", HELP, *command]
    done = subprocess.run(words, capture_output=True, encoding="utf-8", check=True, env=environment, cwd=ROOT)  # noqa: S603
    return "\n".join(line.rstrip() for line in done.stdout.strip("\n").splitlines()).strip("\n")


def floors(_: str) -> str:
    """Return the modules floor by floor, from the top, each with the first line of its docstring."""
    tools = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]
    layers = tools["importlinter"]["contracts"][0]["layers"]
    rows = [(name, level, _summary(name)) for level, name in _numbered(layers)]
    return markdown(["module", "floor", "what it is"], rows)


def _numbered(layers: list[str]) -> Iterator[tuple[int, str]]:
    for position, layer in enumerate(layers):
        for name in re.split(r"\s*[|:]\s*", layer):
            yield len(layers) - 1 - position, name


def _summary(module: str) -> str:
    path = ROOT / "bench" / f"{module}.py"
    source = path if path.is_file() else ROOT / "bench" / module / "__init__.py"
    return (ast.get_docstring(ast.parse(source.read_text(encoding="utf-8"))) or "").partition("\n")[0]


PARTS: dict[str, Callable[[str], str]] = {
    "boards": boards,
    "columns": columns,
    "commands": commands,
    "floors": floors,
    "list": listed,
    "meanings": meanings,
}


def stale() -> dict[Path, str]:
    """Return the pages that are not up to date, each with the text that it should have."""
    paths = [ROOT / "README.md", *sorted(DOCS.glob("*.md"))]
    texts = {path: path.read_text(encoding="utf-8") for path in paths if path.is_file()}
    fresh = {path: page(text) for path, text in texts.items()}
    return {path: text for path, text in fresh.items() if text != texts[path]}


def main(arguments: list[str]) -> int:
    """Write the pages that are not up to date, or with `--check` name them; return the exit code."""
    found = stale()
    if arguments == ["--check"]:
        for path in found:
            sys.stderr.write(f"{path.relative_to(ROOT)} is not up to date: run `make docs`\n")
        return 1 if found else 0
    for path, text in found.items():
        write_text(path, text)
        sys.stderr.write(f"wrote {path.relative_to(ROOT)}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
