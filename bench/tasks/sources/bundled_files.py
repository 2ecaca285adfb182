"""Read the tables that lie inside the installed scikit-learn and statsmodels, without importing either."""

from __future__ import annotations

import gzip
import io
import re
from collections.abc import Callable
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import pandas as pd

from bench.core.nouns import BenchError


@cache
def folder(package: str) -> Path:
    """Return the folder of an installed package."""
    spec = find_spec(package)
    places = list(spec.submodule_search_locations or ()) if spec else []
    if not places:
        raise BenchError(f"the package {package!r} is not installed, and bundled tables live in it")
    return Path(places[0])


def file_path(package: str, path: str) -> Path:
    """Return the path of a file inside an installed package.

    Raises:
        BenchError: the package or the file is not there (some distributions leave out the test data).
    """
    found = folder(package) / path
    if not found.is_file():
        raise BenchError(
            f"this installation of {package} has no file {path!r}: install its wheel from PyPI, or choose another table"
        )
    return found


def sklearn_csv(package: str, path: str) -> pd.DataFrame:
    """Read scikit-learn's own CSV: a first line with n, d and the class names; the last column is the code.

    Features are named `x0`, `x1`, … and the column `class` holds the class names.
    """
    found = file_path(package, path)
    with found.open(encoding="utf-8") as stream:
        _, _, *names = stream.readline().strip().split(",")
    table = _number_columns(pd.read_csv(found, header=None, skiprows=1))
    return table.assign(**{"class": table.pop(table.columns[-1]).map(dict(enumerate(names)))})


def digits(package: str, path: str) -> pd.DataFrame:
    """Read the 8 x 8 digits: 64 grey values and the digit, in the column `class`."""
    table = _number_columns(pd.read_csv(file_path(package, path), header=None))
    return table.assign(**{"class": table.pop(table.columns[-1]).astype(int).astype(str)})


def diabetes(package: str, path: str) -> pd.DataFrame:
    """Read the diabetes features in their units, and the target from the file beside them."""
    names = ["age", "sex", "bmi", "bp", "s1", "s2", "s3", "s4", "s5", "s6"]
    table = pd.read_csv(file_path(package, path), header=None, sep=r"\s+", names=names)
    target = file_path(package, path.replace("data_raw", "target"))
    return table.assign(progression=pd.read_csv(target, header=None)[0])


def plain(package: str, path: str) -> pd.DataFrame:
    """Read a CSV file with a header line."""
    return pd.read_csv(file_path(package, path))


def semicolons(package: str, path: str) -> pd.DataFrame:
    """Read a CSV file that is split at semicolons."""
    return pd.read_csv(file_path(package, path), sep=";")


def tabs(package: str, path: str) -> pd.DataFrame:
    """Read a CSV file that is split at tabs and has its names in single quotes."""
    table = pd.read_csv(file_path(package, path), sep="\t")
    return table.rename(columns=lambda name: name.strip("'"))


def arff(package: str, path: str) -> pd.DataFrame:
    """Read a gzipped dense ARFF file; nominal and string attributes come as text."""
    content = gzip.decompress(file_path(package, path).read_bytes()).decode("utf-8")
    head, _, body = re.split(r"(?im)^(@data)\s*$", content, maxsplit=1)
    declared = re.findall(r"(?im)^@attribute\s+(?:'([^']+)'|\"([^\"]+)\"|(\S+))\s+(\S+)", head)
    names = [first or second or third for first, second, third, _ in declared]
    as_text = {
        name: str
        for name, (*_, kind) in zip(names, declared, strict=True)
        if kind.lower() not in {"numeric", "real", "integer"}
    }
    return pd.read_csv(
        io.StringIO(body),
        header=None,
        names=names,
        dtype=as_text,
        na_values=["?"],
        keep_default_na=False,
        quotechar='"' if body.count('"') >= body.count("'") else "'",
        comment="%" if "\n%" in body else None,
    )


def _number_columns(table: pd.DataFrame) -> pd.DataFrame:
    return table.rename(columns=lambda position: f"x{position}")


TableReader = Callable[[str, str], pd.DataFrame]
