"""Names are text: what a medium's own parser gives back is the name, and different names stay different."""

import csv
import io
import re
from xml.etree import ElementTree as ET

import pandas as pd
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from bench.cli import terminal
from bench.core import text
from bench.core.tables import csv_text, write_frame

EXACT = settings(derandomize=True, deadline=None, max_examples=60)
HOSTILE = st.text("ab1nrtx0\\\r\n\t\x1b\x85\u202e\u2028\xa0|`*_#@:[]()<>&!$-+. ,\"'=~é", max_size=12)


def read_visible(shown):
    """Return the name that `visible` shows, by its description: of backslashes before an escape every second counts."""
    escape = re.compile(r"(\\+)(?:([nrt])|x([0-9a-f]{2})|u([0-9a-f]{4})|U([0-9a-f]{8}))")
    short = {"n": "\n", "r": "\r", "t": "\t"}

    def read(match):
        slashes, letter, *codes = match.groups()
        kept = "\\" * (len(slashes) // 2)
        if len(slashes) % 2 == 0:
            return kept + match[0][len(slashes) :]
        return kept + (short[letter] if letter else chr(int(next(filter(None, codes)), 16)))

    return escape.sub(read, shown)


@EXACT
@given(HOSTILE)
@example("a\\rb")
@example("a\\\rb")
@example("a\\\\\n")
@example("\ud800\\x1b")
@example("tail\\\\")
def test_what_is_visible_is_the_name(name):
    shown = text.visible(name)
    assert shown.isprintable()
    assert read_visible(shown) == name


def test_plain_names_stay_as_they_are():
    for name in ("greedy:rounds=50+threshold", "macro_f1", "a\\b", "tail\\\\", "naïve ridge"):
        assert text.visible(name) == text.terminal(name) == name


@EXACT
@given(st.lists(HOSTILE, min_size=1, max_size=4))
@example(["a\rb"])
@example(["\r", "\n", "\r\n", "\x00"])
def test_csv_gives_names_back(names):
    written = csv_text(["at", "name"], [{"at": str(k), "name": name} for k, name in enumerate(names)])
    assert [row[1] for row in csv.reader(io.StringIO(written, newline=""))][1:] == names
    read = pd.read_csv(io.BytesIO(written.encode()), dtype=object, na_filter=False)
    assert read["name"].tolist() == names


def test_a_data_frame_is_written_by_the_same_rules(tmp_path):
    names = ["a\rb", "ab", "\ud800", "c,d"]
    write_frame(
        tmp_path / "t.csv",
        pd.DataFrame(
            {
                "name": pd.Series(names, dtype=object),
                "value": [0.1, float("nan"), 1, 2],
                "kind": pd.Categorical(['"', None, "k", '"']),
                "sign": [0.0, -0.0, 0.0, 1e-5],
                "mixed": pd.Series([1, True, 1.0, None], dtype=object),
                "count": pd.array([1, 1, None, 3], "Int64"),
            }
        ),
        3,
    )
    rows = [
        b"name,value,kind,sign,mixed,count",
        b'"a\rb",0.1,"""",0.0,1,1',
        b"ab,,,-0.0,True,1",
        b"\\ud800,1.0,k,0.0,1.0,",
        b'"c,d",2.0,"""",1e-05,,3',
    ]
    assert (tmp_path / "t.csv").read_bytes() == b"\n".join([*rows, b""])


@EXACT
@given(HOSTILE)
def test_xml_gives_names_back(name):
    tree = ET.fromstring(ET.tostring(ET.Element("case", name=text.visible(name))))  # noqa: S314 - we wrote it
    assert read_visible(tree.get("name")) == name


@EXACT
@given(HOSTILE)
@example("- a")
@example("1. a")
@example("# a")
@example("![x](y)")
@example("@name")
@example("recall:100:mean")
@example("https://a.b www.a.b GH-1 #2")
@example("---")
def test_markdown_shows_names_in_a_paragraph(name):
    html = MarkdownIt("commonmark").enable(["table", "strikethrough"]).render(f"x\n\n{text.markdown(name)}\n")
    paragraphs = ET.fromstring(f"<all>{html}</all>")  # noqa: S314 - a page of our own
    found = [each.text or "" for each in paragraphs]
    assert found[1:] in ([text.visible(name)], [] if not name.strip() else None)
    assert not any(len(each) for each in paragraphs)


@pytest.mark.parametrize("name", ["@name", "#12", "https://a.b", "www.a.b", ":100:", "GH-12"])
def test_markdown_leaves_nothing_that_a_site_brings_to_life(name):
    assert name not in text.markdown(name)


@EXACT
@given(HOSTILE)
@example("%0A::error::x")
def test_an_annotation_gives_names_back(name):
    for written in (text.annotation(name), text.annotation_title(name)):
        assert written.isprintable()
        read = written.replace("%3A", ":").replace("%2C", ",").replace("%25", "%")
        assert read_visible(read) == name
    assert not set(text.annotation_title(name)) & set(":,")


COMMAND = re.compile(r"^\s*::|##[a-z-]*\[", re.MULTILINE)


@pytest.mark.parametrize(
    "name", ["::error::x", "a\n::stop-commands::x", "##[error]x", "\r::add-mask::x", "  ::debug::x"]
)
def test_a_log_of_ci_obeys_no_name(capsys, name):
    terminal.line(name)
    terminal.paragraph(name)
    terminal.table([name, "n"], [[name, name], ["", name]], name)
    terminal.fields(name, {name: name})
    terminal.message(name)
    done = capsys.readouterr()
    for written in (done.out, done.err):
        assert not COMMAND.search(written)
        assert written.replace("\n", "").isprintable()


def test_a_table_keeps_very_long_names_apart_and_short(capsys):
    terminal.table(["name"], [["x" * 10_000 + "a"], ["x" * 10_000 + "b"]])
    lines = capsys.readouterr().out.replace("\n", "").split("…")
    assert len(lines) == 3
    assert len("".join(lines)) < 2 * text.LONGEST_CELL + 600
    assert text.shorten("x" * 99 + "a", 50) != text.shorten("x" * 99 + "b", 50)


def test_a_figure_shortens_words_once():
    drawn = text.figure(f"best is {'y' * 10_000}\r")
    assert len(drawn) < 120
    assert text.figure(drawn) == drawn


def test_latex_has_no_sign_of_its_own():
    signs = "\\{}_&%#$~^<>|\"'`[]*::--,,\x1b"
    assert not re.search(r"(?<!\\)[&%#$_~^]|\x1b|::|--|,,", text.latex(signs))


def test_what_utf_8_lacks_is_escaped():
    assert text.storable("a\udcff\ud800é") == "a\\xff\\ud800é"
