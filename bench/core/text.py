r"""Names as text: what a medium would take for its own signs is escaped, and nothing is dropped.

Names of tasks, methods, learners, classes and columns, paths and error texts come from others. People see them in one
line of printable letters: a carriage return stands there as `\r`, an escape as `\x1b`, a mark of writing direction as
`\u202e`. Backslashes that look like such an escape are doubled, so that different names stay different. Files for
programs hold a name as it is; what UTF-8 cannot hold stands there as an escape.

One function a medium: `terminal`, `markdown`, `latex`, `figure`, `annotation` and `annotation_title`, `error_line`.
For XML `visible` is enough where a library writes the marks; CSV has its rules in `core.tables`.
"""

from __future__ import annotations

import hashlib
import re

_SHORT_ESCAPES = {"\n": r"\n", "\r": r"\r", "\t": r"\t"}
_LOOKS_ESCAPED = re.compile(r"[nrt]|x[0-9a-f]{2}|u[0-9a-f]{4}|U[0-9a-f]{8}")
_SURROGATE = re.compile("[\ud800-\udfff]")
_RUNNER_COMMAND = re.compile(r"##(?=(?:vso|[a-z-]*)\[)")
"""`##[error]` and `##vso[task…]` are obeyed anywhere in a line of a log."""
_WORKFLOW_COMMAND = re.compile(r"^(\s*):(?=:)", re.MULTILINE)
"""`::error::` and `::stop-commands::` are obeyed where a line of a log starts with them, blanks aside."""
_LATEX = str.maketrans(
    {
        "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "_": r"\_", "&": r"\&", "%": r"\%", "#": r"\#", "$": r"\$",
        "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "<": r"\textless{}", ">": r"\textgreater{}",
        "|": r"\textbar{}", '"': r"{\ttfamily\char34}", "'": r"\textquotesingle{}", "`": r"\textasciigrave{}",
        "[": "{[}", "]": "{]}", "*": "{*}",  # behind the end of a row these would be an argument of it
    }
)  # fmt: skip
"""By hand: the escapes of pandas leave the ligatures of quotes and hyphens, and a bracket that opens a row.

A straight double quote is in typewriter type: the usual encoding of LaTeX has it nowhere else.
"""
_LATEX_PAIR = re.compile("(?<=-)-|(?<=,),|(?<=:):")
"""Hyphens and commas that would become one sign, and colons that a log of CI would obey."""
_MARKDOWN_MARK = re.compile(r"[\\`*~\[\]<>&|!$#]|(?<![^\W_])_|_(?![^\W_])")
"""By hand: no library leaves names readable. An underscore inside a word, as in macro_f1, is no mark."""
_MARKDOWN_START = re.compile(r"^(?:(?=-[-\s]|[-+](?:\s|$))|\d{1,9}(?=[.)](?:\s|$)))")
"""What makes a list or a line of a paragraph that starts with it."""
_MARKDOWN_LIVE = re.compile(
    r"(?<=@)(?=\w)|(?<=#)(?=\d)|(?<=GH-)(?=\d)|(?<=:)(?=//)|(?<=www\.)|(?<=:)(?=[\w+-]+:)", re.IGNORECASE
)
"""Where a mention, an issue, an address or a picture is broken, as in `@name`, `#1`, `https://` and `:100:`."""
LONGEST_CELL = 300
"""Letters of a name in a table for a terminal; the files hold all of it."""
LONGEST_WORD, LONGEST_TEXT = 80, 2000
"""Letters of a word and of a text in a figure: each is measured, and nobody reads more."""


def storable(text: str) -> str:
    r"""Return a text that UTF-8 can hold: a byte that is not UTF-8 as `\xff`, a surrogate as `\ud800`."""
    return text if text.isascii() else _SURROGATE.sub(lambda match: _escape_surrogate(ord(match[0])), text)


def _escape_surrogate(code: int) -> str:
    # Python keeps the byte b of a file name as the surrogate U+DC00 + b
    return f"\\x{code - 0xDC00:02x}" if 0xDC80 <= code <= 0xDCFF else f"\\u{code:04x}"


def one_line(text: str) -> str:
    """Return a text in one line, every letter that cannot be printed as an escape."""
    return text if text.isprintable() else "".join(map(_escape_unprintable, text))


def _escape_unprintable(letter: str) -> str:
    if letter.isprintable():
        return letter
    code = ord(letter)
    long = f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
    return _SHORT_ESCAPES.get(letter, long)


def visible(text: str) -> str:
    """Return a name in one line of printable letters; different names stay different."""
    if "\\" not in text:
        return one_line(text)
    pieces = re.split(r"(\\+)", text)
    for k in range(1, len(pieces), 2):  # every second piece is backslashes
        behind = pieces[k + 1]
        if _LOOKS_ESCAPED.match(behind) or not behind[:1].isprintable():
            pieces[k] *= 2
    return one_line("".join(pieces))


def shorten(text: str, most: int) -> str:
    """Return at most `most` letters of a text: a longer one ends in an ellipsis and a hash that keeps it apart."""
    if len(text) <= most:
        return text
    mark = hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=4).hexdigest()
    return f"{text[: most - len(mark) - 1]}…{mark}"


def terminal(text: str) -> str:
    """Return a name for a line of a terminal or of a CI log."""
    return _RUNNER_COMMAND.sub(r"#\\x23", visible(text))


def break_commands(lines: str) -> str:
    """Return lines of a log in which none starts with a command that a CI runner obeys."""
    return _WORKFLOW_COMMAND.sub(r"\1\\x3a", lines)


def error_line(sentence: str) -> str:
    """Return a sentence for stderr, in one line; names in it are quoted by Python, so that backslashes stay single."""
    return break_commands(_RUNNER_COMMAND.sub(r"#\\x23", one_line(sentence)))


def markdown(text: str) -> str:
    """Return a name that Markdown shows as it is, in a table as in a paragraph.

    A comment of no letters breaks what sites make of plain text; a backslash would not, since they look at the result.
    """
    shown = _MARKDOWN_LIVE.sub("\0", visible(text))
    shown = _MARKDOWN_MARK.sub(r"\\\g<0>", shown)
    shown = _MARKDOWN_START.sub(r"\g<0>\\", shown)
    shown = re.sub("^ | $", "&#32;", shown)  # blanks at the ends would be cut off
    return shown.replace("\0", "<!-- -->")


def latex(text: str) -> str:
    """Return a name that LaTeX shows as it is."""
    return _LATEX_PAIR.sub(r"{}\g<0>", visible(text).translate(_LATEX))


def figure(text: object) -> str:
    """Return a text as it is drawn, long words and long texts shortened; what is drawn already stays as it is."""
    line = re.sub(rf"\S{{{LONGEST_WORD + 1},}}", lambda match: shorten(match[0], LONGEST_WORD), one_line(str(text)))
    return shorten(line, LONGEST_TEXT)


def annotation(text: str) -> str:
    """Return the message of a workflow command of GitHub."""
    return visible(text).replace("%", "%25")


def annotation_title(text: str) -> str:
    """Return the title of a workflow command of GitHub."""
    return annotation(text).replace(":", "%3A").replace(",", "%2C")
