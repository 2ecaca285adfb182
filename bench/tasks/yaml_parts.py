"""YAML as texts with their lines: every scalar is what stands there, and an error says where it stands."""

from __future__ import annotations

import re
import reprlib
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from bench.core.nouns import BenchError

BASE: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
MERGE = "tag:yaml.org,2002:merge"
MOST_NESTED = 50
"""Lists and mappings inside each other; a file of suites has five."""


class TextLoader(BASE):  # type: ignore[misc]
    """A reader of YAML to which every scalar is the text that stands there: names come as they are written.

    YAML 1.1 would make False of `no`, 83 of `0123`, 90 of `1:30` and 1.1 of `1.10`. Merge keys, `<<`, are kept.
    """

    yaml_implicit_resolvers = {"<": yaml.SafeLoader.yaml_implicit_resolvers["<"]}  # noqa: RUF012 - as PyYAML has it


@dataclass(frozen=True)
class Part:
    """A part of a YAML file: what it is, for a message, its value, and where it starts."""

    path: Path
    what: str
    node: Any
    line: int

    def error(self, message: str) -> BenchError:
        """Return the error to raise for this part."""
        return BenchError(f"{self.path}, line {self.line}: {self.what} {message}")

    def mapping(self, known: Collection[str] = (), merging: tuple[Any, ...] = ()) -> dict[str, Part]:
        """Return the parts of a mapping by their names, in their order; an empty part has none.

        `merging` are the nodes that this one is being merged into.

        Raises:
            BenchError: it is none, has a key twice, or one that is not `known`, if any are.
        """
        if self.node is None or (isinstance(self.node, yaml.ScalarNode) and self.node.value == ""):
            return {}
        if not isinstance(self.node, yaml.MappingNode) or any(self.node is each for each in merging):
            raise self.error(f"must be names with their contents, not {self._excerpt()}: mend it")
        merged: dict[str, Part] = {}
        own: dict[str, Part] = {}
        for key, value in self.node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise self.error("has a name that is no text: mend it")
            part = Part(self.path, f"{key.value!r} of {self.what}", value, key.start_mark.line + 1)
            if key.tag == MERGE:
                merged |= part.mapping(known, (*merging, self.node))
            elif key.value in own:
                raise part.error("stands there twice: leave one of them out")
            elif known and key.value not in known:
                raise part.error(f"is not known: write {', '.join(sorted(known))}")
            else:
                own[key.value] = part
        return merged | own

    def items(self) -> Iterator[Part]:
        """Yield the parts of a list.

        Raises:
            BenchError: it is none, or empty.
        """
        if not isinstance(self.node, yaml.SequenceNode) or not self.node.value:
            raise self.error(f"must be a list, not {self._excerpt()}: mend it")
        for node in self.node.value:
            yield Part(self.path, f"an entry of {self.what}", node, node.start_mark.line + 1)

    def text(self) -> str:
        """Return a scalar as it is written.

        Raises:
            BenchError: it is none.
        """
        if not isinstance(self.node, yaml.ScalarNode):
            raise self.error(f"must be a text, not {self._excerpt()}: mend it")
        return str(self.node.value)

    def whole_number(self, least: int) -> int:
        """Return a scalar as a number.

        Raises:
            BenchError: it is none, or below `least`.
        """
        text = self.text()
        # longer numbers are no counts, and Python refuses to read the longest
        if not re.fullmatch("[0-9]{1,18}", text) or int(text) < least:
            raise self.error(f"must be a whole number of at least {least}, not {reprlib.repr(text)}: mend it")
        return int(text)

    def _excerpt(self) -> str:
        """Describe what stands there in a few words: an alias can stand for more than memory holds."""
        if isinstance(self.node, yaml.ScalarNode):
            return reprlib.repr(self.node.value)
        return "a list" if isinstance(self.node, yaml.SequenceNode) else "names with contents"


def read_yaml(path: Path) -> Part:
    """Return the whole of a YAML file as a part.

    Raises:
        BenchError: it cannot be read, or holds more than one document.
    """
    try:
        text = path.read_text(encoding="utf-8")
        _refuse_depth(text)
        node = yaml.compose(text, Loader=TextLoader)
    except (yaml.YAMLError, UnicodeDecodeError, OSError) as error:
        raise BenchError(f"{path} cannot be read ({' '.join(str(error).split())}): mend it") from error
    return Part(path, "the file", node, 1)


def _refuse_depth(text: str) -> None:
    """Refuse what is nested deeper than any file needs: the reader calls itself, and the one in C dies of it."""
    depth = 0
    for event in yaml.parse(text, Loader=TextLoader):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > MOST_NESTED:
            raise yaml.YAMLError(f"nested more than {MOST_NESTED} deep at {event.start_mark}")
