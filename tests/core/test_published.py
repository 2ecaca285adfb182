"""No secret and no folder of its owner is published."""

from pathlib import Path

import pytest

from bench.core.published import publishable, strip_secrets, strip_working_directory
from bench.runner.endings import ending_of
from bench.tasks.sources import openml_cache


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("https://me:pass@host/x", "https://host/x"),
        ("http://me@host:80", "http://host:80"),
        ("http://u:p@ss@host/a, b", "http://host/a, b"),
        ("https://h/x?a=1&api_key=2&X-Amz-Signature=3#f", "https://h/x?a=1&api_key=***&X-Amz-Signature=***#f"),
        ("mail a@b.c, file:x@id=y", "mail a@b.c, file:x@id=y"),
    ],
)
def test_an_address_has_no_secret(address, shown):
    assert strip_secrets(address) == shown
    assert strip_secrets(shown) == shown


def _fail(message):
    raise ValueError(message)


def test_a_failure_holds_neither_secrets_nor_folders(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    try:
        _fail(f"no {tmp_path}/a.csv at http://u:p@host/\n::error::\x1b\ud800")
    except ValueError as error:
        ending = ending_of(error)
    assert ending.detail == r"ValueError: no a.csv at http://host/ ::error::\x1b\ud800"
    for written in (ending.detail, ending.trace):
        assert "u:p" not in written
        assert str(tmp_path) not in written
        written.encode()
    assert str(Path(__file__).parent.parent) not in ending.trace
    assert publishable(f"{Path.home()}/x") in {"~/x", "x"}


def test_a_command_works_from_the_working_directory(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert strip_working_directory(f"file:{tmp_path}/a.csv") == "file:a.csv"
    assert strip_working_directory(f"/x{tmp_path}/a.csv") == f"/x{tmp_path}/a.csv"


def test_the_login_of_a_server_is_in_no_name(tmp_path, monkeypatch):
    monkeypatch.setenv("BENCH_OPENML_SERVER", "https://me:pass@data.example.org/api/")
    assert openml_cache.server() == "https://data.example.org/api"
    assert openml_cache.below(tmp_path, "https://me:pass@data.example.org/api") == tmp_path / "org" / "example" / "data"
    assert openml_cache.with_login(f"{openml_cache.server()}/task/1") == "https://me:pass@data.example.org/api/task/1"
    assert openml_cache.with_login("https://data.example.org/apiary/1") == "https://data.example.org/apiary/1"
