"""Standard streams that are closed, full, cut off or unable to show a sign do not break the program."""

import os
import subprocess
import sys

import pytest

PROGRAM = """
import os, sys
from bench.core.streams import keep_streams_from_failing, open_missing_streams
open_missing_streams()
keep_streams_from_failing()
with open("data", "w") as file:
    print("a \\u00b7 b \\udce9", flush=True)
    print("said", file=sys.stderr)
    for _ in range(3):
        print("x" * 100_000)
    sys.stdout.flush()
    file.write(str(file.fileno()))
"""


def shell(words, **surroundings):
    command = ["sh", "-c", f'"$0" -c "$1" {words}', sys.executable, PROGRAM]
    return subprocess.run(command, capture_output=True, text=True, check=False, env=os.environ | surroundings)


@pytest.mark.parametrize("words", [">&-", "2>&-", "<&- >&- 2>&-"])
def test_a_closed_stream_is_the_null_device(tmp_path, words):
    assert shell(words).returncode == 0
    assert int((tmp_path / "data").read_text()) > 2  # nothing that is printed lands in a file


def test_what_reads_no_more_is_not_told(tmp_path):
    done = shell("| head -1")
    assert (done.stdout.count("\n"), done.stderr) == (1, "said\n")
    assert (tmp_path / "data").read_text()  # the program went on to its end


def test_stderr_that_is_full_stops_nothing(tmp_path):
    assert shell("2>/dev/full").returncode == 0
    assert (tmp_path / "data").read_text()


def test_stdout_that_is_full_is_an_error_that_names_it():
    done = shell(">/dev/full")
    assert "No space left on device: 'standard output'" in done.stderr
    assert done.returncode == 1  # once: the flush at the exit of Python finds nothing left to write


def test_a_sign_that_a_terminal_cannot_show_is_replaced():
    done = shell("", PYTHONIOENCODING="ascii")
    assert (done.returncode, done.stdout[:8]) == (0, "a ? b ?\n")


def test_utf_8_is_printed_as_it_is():
    assert shell("", PYTHONIOENCODING="utf-8").stdout[:8] == "a · b ?\n"
