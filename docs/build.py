"""Write the generated parts of the pages, and docs/rooms.svg; with `--check`, only name what is not up to date.

A part stands between `<!-- generated: NAME ARGUMENTS -->` and `<!-- end -->`, and NAME is a function of `PARTS`.
"""

from __future__ import annotations

import ast
import html
import os
import re
import subprocess
import sys
import textwrap
import tomllib
from collections.abc import Callable, Iterable
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
WIDTH, LEFT, GAP = 920, 60, 14
"""Pixels of the picture of the rooms: its width, the margin with the arrow, and the space between boxes."""
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


def rooms(_: str) -> str:
    """Return the rooms from the top floor down: what their docstrings say of them."""
    heads = ("lives here", "may import", "next of its kind")
    rows = [(name, *(_paragraph(name, head) for head in heads)) for floor in floors() for name in floor]
    return markdown(["room", *heads], [row for row in rows if row[1]])


def floors() -> list[list[str]]:
    """Return the rooms and modules of `bench` floor by floor, from the top, as import-linter holds them."""
    tools = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]
    layers = [re.split(r"\s*[|:]\s*", layer) for layer in tools["importlinter"]["contracts"][0]["layers"]]
    return [floor for floor in layers if _source(f"bench.{floor[0]}").is_file()]  # a reserved floor has no file


def _source(module: str) -> Path:
    """Return the file of a module or a package."""
    path = ROOT.joinpath(*module.split("."))
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


def _paragraph(room: str, head: str) -> str:
    """Return what stands behind `Head: ` in the docstring of a room, up to the next head."""
    text = _docstring(f"bench.{room}", "")
    found = re.search(rf"^{head.capitalize()}[:,] (.*?)(?=\n[A-Z][\w ]*: |\n\n|\Z)", text, re.DOTALL | re.MULTILINE)
    return " ".join(found[1].split()) if found else ""


def glossary(_: str) -> str:
    """Return every term with what the docstring of its home says of it."""
    rows = [(f"**{term}**", meaning(home), _link(home)) for term, home in TERMS.items()]
    return "\n".join(map(_line, [("term", "what it is", "where"), ["---"] * 3, *rows]))


def _link(place: str) -> str:
    """Return a link to the file of a place, with the name in it."""
    module, _, name = place.partition(":")
    path = _source(module).relative_to(ROOT).as_posix()
    return f"[{path}](../{path})" + (f" `{name}`" if name else "")


def meaning(place: str) -> str:
    """Return the first sentence of a docstring, or of a field the words about it in the docstring of its class.

    `place` is `module`, `module:name` or `module:Class.member`.

    Raises:
        ValueError: there is no such docstring, or it does not speak of the field.
    """
    module, _, name = place.partition(":")
    text = " ".join(_docstring(module, name).split())
    if not text:
        owner, _, field = name.partition(".")
        text = " ".join(_docstring(module, owner).split()).partition(f"`{field}` ")[2]
        text = re.sub(r"^(\([^)]*\) |or )*(is|are|names|holds|says) ", "", text).partition("; `")[0]
        text = text if ":" in text.partition(", `")[0] else text.partition(", `")[0]  # behind it stands the next field
    found = re.match(r".+?(?=\.( |$)|$)", text)
    if not found:
        raise ValueError(f"no docstring says what {place} is")
    sentence = found[0].removeprefix("Return ")
    return f"{sentence[0].upper()}{sentence[1:]}."


def _docstring(module: str, name: str) -> str:
    """Return the docstring of a module (no name), a class, a function, a method, or a constant; empty without one."""
    body: list[ast.stmt] = [ast.parse(_source(module).read_text(encoding="utf-8"))]  # type: ignore[list-item]
    for part in filter(None, name.split(".")):
        body = _definition(getattr(body[0], "body", []), part)
    if not body:
        return ""
    if isinstance(body[0], (ast.Module, ast.ClassDef, ast.FunctionDef)):
        return ast.get_docstring(body[0]) or ""
    behind = body[1] if len(body) > 1 else None
    constant = behind.value if isinstance(behind, ast.Expr) else None
    return str(constant.value) if isinstance(constant, ast.Constant) else ""


def _definition(body: list[ast.stmt], name: str) -> list[ast.stmt]:
    """Return the statements from the definition of a name on; none if it is not defined."""
    for position, node in enumerate(body):
        targets = [*getattr(node, "targets", []), getattr(node, "target", None)]
        if name in {getattr(node, "name", ""), *(getattr(target, "id", "") for target in targets)}:
            return body[position:]
    return []


def picture() -> str:
    """Return the rooms as an SVG: one box each, a floor a line, the highest floor at the top."""
    shown = [floor for floor in floors() if floor != ["__main__"]]
    boxes, top = [], 16
    for floor in shown:
        width = (WIDTH - LEFT - GAP * len(floor)) / len(floor)
        texts = {name: textwrap.wrap(_headline(name), int(width / 6.4)) for name in floor}  # 6.4 pixels a letter
        height = 40 + 17 * max(map(len, texts.values()))
        for place, (name, lines) in enumerate(texts.items()):
            boxes.append(_box(LEFT + place * (width + GAP), top, width, height, name, lines))
        top += height + GAP
    return SVG.format(width=WIDTH, height=top, bottom=top - GAP, middle=top / 2, boxes="\n".join(boxes))


def _headline(room: str) -> str:
    """Return the first sentence of a room's docstring, without its name."""
    line = _docstring(f"bench.{room}", "").partition("\n\n")[0].replace("\n", " ")
    return re.sub(rf"^{room}: ", "", line, flags=re.IGNORECASE)


def _box(x: float, y: float, width: float, height: float, name: str, lines: list[str]) -> str:
    rect = f'  <rect class="box" x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}" rx="8"/>'
    head = f'  <text class="head" x="{x + 12:g}" y="{y + 23:g}">{html.escape(name)}</text>'
    texts = [
        f'  <text class="text" x="{x + 12:g}" y="{y + 43 + 17 * row:g}">{html.escape(line)}</text>'
        for row, line in enumerate(lines)
    ]
    return "\n".join([rect, head, *texts])


TERMS = {
    "agenda": "bench.runner.agenda:Agenda",
    "baseline": "bench.report.comparison.baseline_file",
    "block": "bench.report.leaderboards.grid:Blocks",
    "board": "bench.methods.boards:Board",
    "board split": "bench.runner.cells:BoardSplit",
    "calibration rows": "bench.runner.fit_spec:SplitRows.calibration",
    "cell": "bench.core.nouns:Cell",
    "certificate": "bench.core.nouns:Weights.gap",
    "class weighting": "bench.methods.class_weights:ClassWeighting",
    "combiner": "bench.core.nouns:Combiner",
    "contender": "bench.report.leaderboards.standing:Standing.contenders",
    "constant predictor": "bench.methods.boards:CONSTANT",
    "effective class weights": "bench.core.nouns:Prediction.effective_class_weights",
    "ensemble scheme": "bench.methods.ensembles:EnsembleScheme",
    "fit": "bench.runner.fit_spec:Fit",
    "fit context": "bench.methods.trainings.fit_context:FitContext",
    "fold": "bench.tasks.splits:FoldRows",
    "inner fold": "bench.runner.fit_spec:SplitRows.inner_fold",
    "journal": "bench.runner.journal:Journal",
    "key": "bench.runner.records:CellBasis.key",
    "law": "bench.checks.law:Law",
    "learner": "bench.methods.learners:Learner",
    "method": "bench.methods.boards:Method",
    "metric": "bench.methods.metrics:MetricFunction",
    "oracle": "bench.methods.boards:ORACLE",
    "out of fold": "bench.runner.fit_spec:SplitRows.oof_rows",
    "panel": "bench.core.nouns:Panel",
    "plan": "bench.runner.plan:Plan",
    "post-processing step": "bench.methods.postprocess:Step",
    "prediction": "bench.core.nouns:Prediction",
    "protocol": "bench.core.settings:Settings.protocol",
    "record": "bench.runner.records:CellRecord",
    "replication": "bench.report.leaderboards.columns.built_in:replication",
    "scheme": "bench.core.scheme:Scheme",
    "single learner": "bench.methods.boards:SINGLE_LEARNER",
    "slice": "bench.report.leaderboards.slices",
    "source": "bench.tasks.sources:Source",
    "split": "bench.core.nouns:Split",
    "store": "bench.runner.store",
    "suite": "bench.tasks.suites:Suite",
    "target": "bench.core.nouns:Target",
    "task": "bench.core.nouns:Task",
    "thresholded variant": "bench.methods.boards:Board.variant_step",
    "training scheme": "bench.methods.trainings:TrainingScheme",
    "weights": "bench.core.nouns:Weights",
}
"""The glossary: every term with its home, `module`, `module:name` or `module:Class.field`."""
SVG = """<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" \
font-family="Helvetica, Arial, sans-serif" role="img" aria-labelledby="title">
  <title id="title">The rooms of bench, floor by floor: a room imports only from rooms below its own floor</title>
  <style>
    .box {{ fill: #f4f6fa; stroke: #4a5a78; stroke-width: 1.4; }}
    .head {{ font-size: 15px; font-weight: 700; fill: #1e2a3e; }}
    .text {{ font-size: 12px; fill: #39465c; }}
    .note {{ font-size: 12px; fill: #6a7488; font-style: italic; }}
    .arrow {{ stroke: #4a5a78; stroke-width: 1.6; fill: none; marker-end: url(#tip); }}
  </style>
  <defs>
    <marker id="tip" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="7" markerHeight="7" orient="auto">
      <path d="M0 0 L10 5 L0 10 z" fill="#4a5a78"/>
    </marker>
  </defs>
  <rect width="{width}" height="{height}" fill="#ffffff"/>
  <path class="arrow" d="M40 16 V{bottom}"/>
  <text class="note" transform="translate(26 {middle}) rotate(-90)" text-anchor="middle">may import</text>
{boxes}
</svg>
"""
PARTS: dict[str, Callable[[str], str]] = {
    "boards": boards,
    "columns": columns,
    "commands": commands,
    "glossary": glossary,
    "list": listed,
    "meanings": meanings,
    "rooms": rooms,
}


def stale() -> dict[Path, str]:
    """Return the pages and pictures that are not up to date, each with the text that it should have."""
    paths = [ROOT / "README.md", *sorted(DOCS.glob("*.md")), *DOCS.glob("rooms.svg")]
    texts = {path: path.read_text(encoding="utf-8") for path in paths if path.is_file()}
    fresh = {path: picture() if path.suffix == ".svg" else page(text) for path, text in texts.items()}
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
