"""The pages: generated parts are up to date, links lead somewhere, and what they tell people to type works."""

import ast
import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from bench.core.nouns import STATUSES
from bench.report import leaderboards
from bench.runner import tables

ROOT = Path(__file__).parents[2]
GUIDE = sorted((ROOT / "docs").glob("*.md"))
PAGES = [*GUIDE, *sorted(ROOT.glob("*.md")), ROOT / "results" / "README.md"]
BLOCK = re.compile(r"^```(python|sh)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
PRINTED = re.compile(r"^```sh\n(?P<typed>[^`]*?)^```\n\n```text\n(?P<printed>.*?)^```$", re.DOTALL | re.MULTILINE)
"""Commands, and right below them what they print."""


def _name(path):
    return str(path.relative_to(ROOT))


def _text(path):
    return path.read_text(encoding="utf-8")


def _blocks(path):
    """Yield the code of a page: language, code."""
    return [(found[1], found[2]) for found in BLOCK.finditer(_text(path))]


@pytest.fixture(scope="module")
def build():
    """docs/build.py as a module."""
    spec = importlib.util.spec_from_file_location("docs_build", ROOT / "docs" / "build.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_generated_parts_are_up_to_date(build):
    stale = [path.name for path in build.stale()]
    assert stale == [], "run `make docs`"


def test_check_names_a_stale_page_and_fails(build, tmp_path, monkeypatch, capsys):
    page = tmp_path / "docs" / "page.md"
    page.parent.mkdir()
    page.write_text("before\n<!-- generated: columns timing -->\nold\n<!-- end -->\nafter\n", encoding="utf-8")
    monkeypatch.setattr(build, "DOCS", page.parent)
    monkeypatch.setattr(build, "ROOT", tmp_path)
    assert build.main(["--check"]) == 1
    assert "docs/page.md" in capsys.readouterr().err
    assert build.main([]) == 0
    assert build.main(["--check"]) == 0
    assert _text(page).startswith("before\n<!-- generated: columns timing -->\n\n`board`")
    assert _text(page).endswith("`\n\n<!-- end -->\nafter\n")
    assert "\nold\n" not in _text(page)


def test_every_command_is_documented(build):
    page = _text(ROOT / "docs" / "cli.md")
    assert [name for name in build.command_names() if f"\n## bench {name}\n" not in page] == []


def test_every_list_is_on_the_page_of_methods(build):
    page = _text(ROOT / "docs" / "methods.md")
    assert [noun for noun in build.catalog.tables(()) if f"<!-- generated: list {noun} -->" not in page] == []


def test_every_column_is_explained_and_no_other():
    page = _text(ROOT / "docs" / "results.md")
    table = page.partition("| column | meaning |")[2].partition("\n\n")[0]
    explained = [name for line in table.splitlines()[2:] for name in re.findall(r"`(\w+)`", line.split("|")[1])]
    written = {
        name
        for columns in [*tables.COLUMNS.values(), leaderboards.column_names(), leaderboards.PAIR_COLUMNS]
        for name in columns
    }
    elsewhere = set(leaderboards.column_names())  # on the page of leaderboards
    assert len(explained) == len(set(explained))
    assert written - elsewhere <= set(explained) <= written
    assert [name for name in tables.COLUMNS if f"<!-- generated: columns {name} -->" not in page] == []


def test_every_status_is_explained():
    page = _text(ROOT / "docs" / "results.md")
    assert [status for status in STATUSES if f"\n| `{status}` | " not in page] == []


def _anchors(path):
    titles = re.findall(r"^#+ (.+)$", _text(path), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", PAGES, ids=_name)
def test_links_lead_somewhere(page):
    links = re.findall(
        r"\]\((?!https?:|mailto:)([^)#\s]*)(?:#([^)\s]*))?\)", re.sub(r"```.*?```", "", _text(page), flags=re.DOTALL)
    )
    for target, anchor in links:
        path = (page.parent / target).resolve() if target else page
        assert path.exists(), f"{_name(page)} links to {target}"
        assert not anchor or anchor in _anchors(path), f"{_name(page)} links to {target}#{anchor}"


def test_the_guide_lists_every_page():
    index = _text(ROOT / "docs" / "index.md")
    assert [path.name for path in GUIDE if path.name != "index.md" and f"({path.name})" not in index] == []


def _environment():
    """The environment of a user who has installed bench, with nothing set that changes its defaults."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("BENCH_")}
    return kept | {"PATH": os.pathsep.join([str(Path(sys.executable).parent), kept["PATH"]])}


def _type_in(shell, folder):
    words = ["sh", "-euc", shell]
    done = subprocess.run(words, cwd=folder, env=_environment(), capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{shell}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def _keep(code, folder):
    """Write a block of Python to the file that its first line names."""
    name = code.partition("\n")[0].removeprefix("# ")
    assert re.fullmatch(r"\w+\.py", name), f"the first line of an example names its file, not {name!r}"
    (folder / name).write_text(code, encoding="utf-8")
    return name


def _layout(text):
    """The lines of a text without the digits of scores, in which other processors round otherwise."""
    return set(re.sub(r"[\d.-]+| +", "0", text).splitlines())


@pytest.mark.slow
def test_quickstart_works_as_typed(tmp_path):
    page = ROOT / "docs" / "quickstart.md"
    printed = "".join(_type_in(shell, tmp_path) for _, shell in _blocks(page))
    assert _layout(PRINTED.search(_text(page))["printed"]) <= _layout(printed)


@pytest.mark.slow
def test_the_board_of_quantiles_is_what_is_printed(tmp_path):
    found = PRINTED.search(_text(ROOT / "docs" / "quantile.md"))
    assert _layout(found["printed"]) <= _layout(_type_in(found["typed"], tmp_path))


EXAMPLES = list(
    zip(_blocks(ROOT / "docs" / "plugins.md")[::2], _blocks(ROOT / "docs" / "plugins.md")[1::2], strict=True)
)


@pytest.mark.slow
@pytest.mark.parametrize(("example", "typed"), EXAMPLES, ids=[code.partition("\n")[0][2:] for (_, code), _ in EXAMPLES])
def test_plugins_work_as_typed(example, typed, tmp_path):
    (language, code), (shell_language, shell) = example, typed
    assert (language, shell_language) == ("python", "sh")
    for (_, other), _ in EXAMPLES:
        _keep(other, tmp_path)
    name = _keep(code, tmp_path)
    _type_in(shell, tmp_path)
    assert f"--plugin {name}" in shell or f"python {name}" in shell


NAMED = re.compile(r"((?:`[\w.]+`(?:,| and| or)? )+)(?:in|of|calls)\s+\[bench/[\w/\\]+\.py\]\(\.\./([\w/]+\.py)\)")
"""Names on the page of the architecture, and the link to the file behind them."""


def _defined(path):
    """Return what a file defines: functions, classes, constants, and `Class.member`."""
    names = set()
    for node in ast.parse(_text(path)).body:
        below = node.body if isinstance(node, ast.ClassDef) else []
        targets = [*getattr(node, "targets", []), getattr(node, "target", None)]
        names |= {getattr(node, "name", ""), *(getattr(target, "id", "") for target in targets)}
        names |= {f"{node.name}.{each.name}" for each in below if isinstance(each, ast.FunctionDef)}
    return names


def test_the_architecture_names_what_is_there():
    page = " ".join(_text(ROOT / "docs" / "architecture.md").split())
    found = [(name, file) for names, file in NAMED.findall(page) for name in re.findall(r"`([\w.]+)`", names)]
    assert len(found) >= 35
    assert [(name, file) for name, file in found if name not in _defined(ROOT / file)] == []


@pytest.mark.parametrize(
    "question",
    [
        "test fold is kept away", "a model is fitted", "in the key of a cell", "a board split is", "a budget of a run",
        "a protocol", "a leaderboard column", "a column of cells.csv", "a source, a learner, a metric", "from Python",
    ],
)  # fmt: skip
def test_every_question_of_a_newcomer_is_answered(question):
    section = _text(ROOT / "docs" / "architecture.md").partition("\n## Where do I …\n")[2]
    assert [line for line in re.findall(r"^\*\*… (.+?)\?\*\*", section, re.MULTILINE) if question in line]


@pytest.mark.slow
def test_it_runs_from_python_as_typed(tmp_path):
    (language, code), (shell_language, shell) = _blocks(ROOT / "docs" / "architecture.md")
    assert (language, shell_language) == ("python", "sh")
    assert len(code.splitlines()) <= 15
    assert f"python {_keep(code, tmp_path)}" in shell
    assert "qp-simplex" in _type_in(shell, tmp_path)


def test_the_glossary_comes_first_and_has_every_term(build):
    links = re.findall(r"\]\((.+?)\)", _text(ROOT / "docs" / "architecture.md"))
    assert links[0] == "glossary.md"
    page = _text(ROOT / "docs" / "glossary.md")
    assert [term for term in build.TERMS if f"\n| **{term}** | " not in page] == []


@pytest.mark.parametrize("place", ["bench.core.nouns:Panel.learners", "bench.core.nouns:Nothing"])
def test_a_term_that_no_docstring_explains_is_refused(build, place):
    with pytest.raises(ValueError, match=f"no docstring says what {place} is"):
        build.meaning(place)


@pytest.mark.parametrize(
    ("place", "start"),
    [
        ("bench.core.hashing", "Hashes of contents: "),
        ("bench.core.nouns:STATUSES", "How a cell can end."),
        ("bench.core.hashing:generator", "A random generator "),
        ("bench.core.nouns:Target.width", "K, the number of outputs "),
        ("bench.core.nouns:Weights.gap", "An upper bound, proved by the solver "),
    ],
)
def test_a_term_is_explained_by_the_docstring_of_its_home(build, place, start):
    assert build.meaning(place).startswith(start)


def test_the_picture_shows_every_room(build):
    picture = _text(ROOT / "docs" / "rooms.svg")
    rooms = [path.parent.name for path in sorted((ROOT / "bench").glob("*/__init__.py"))]
    assert len(rooms) >= 9
    assert [room for room in rooms if f">{room}</text>" not in picture] == []
    assert [room for room in rooms if f"\n| `{room}` | " not in _text(ROOT / "docs" / "architecture.md")] == []


def test_every_registry_has_an_example(build):
    codes = "".join(code for language, code in _blocks(ROOT / "docs" / "plugins.md") if language == "python")
    nouns = [noun.replace("-", "_") for noun in build.catalog.LISTED_REGISTRIES]
    assert [noun for noun in nouns if f"@{noun}.register(" not in codes] == []


def test_contributing_adds_a_scheme_in_one_file(tmp_path):
    ((language, code),) = _blocks(ROOT / "CONTRIBUTING.md")
    assert language == "python"
    assert len(code.splitlines()) <= 15
    name = _keep(code, tmp_path)
    scheme = name.removesuffix(".py").replace("_", "-")
    assert f"`bench check {scheme} --plugin {name}`" in _text(ROOT / "CONTRIBUTING.md")
    _type_in(f"bench check {scheme} --plugin {name}", tmp_path)
