"""Syntax trees of strangers' code. Tree-sitter parses, and the tree is copied to nodes that are quick to walk: named
nodes and operators only, with their parents. Everything here iterates: nesting costs memory and no stack.
"""

import time
from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any, Final

import tree_sitter_html
import tree_sitter_javascript
import tree_sitter_typescript
from tree_sitter import Language, Parser

MAX_PARSED_BYTES: Final = 4 * 1024 * 1024  # of one piece of code: its tree takes about a hundred times as much
MAX_PAGE_BYTES: Final = 512 * 1024  # each tag that is open costs time at every other one
MAX_NODES: Final = 2_000_000
_CHECK_EVERY: Final = 4096
_OPERATORS: Final = frozenset({"operator", "kind"})  # fields whose token, which is no named node, is kept

JAVASCRIPT, TYPESCRIPT, TSX, HTML = "javascript", "typescript", "tsx", "html"
_GRAMMARS: Final = {
    JAVASCRIPT: tree_sitter_javascript.language,
    TYPESCRIPT: tree_sitter_typescript.language_typescript,
    TSX: tree_sitter_typescript.language_tsx,
    HTML: tree_sitter_html.language,
}


class TooMuchError(Exception):
    """There is no time, or no room, to look at it."""


class OutOfTimeError(TooMuchError):
    """For the whole package."""


class Node:
    """``field`` is its name in the parent; ``start`` and ``end`` count bytes. ``scope`` and ``value`` are of those who
    look at it later.
    """

    __slots__ = ("end", "field", "kids", "parent", "scope", "start", "type", "value")

    def __init__(self, kind: str, start: int, end: int, parent: "Node | None", field: str | None) -> None:
        self.type = kind
        self.start = start
        self.end = end
        self.parent = parent
        self.field = field
        self.kids: list[Node] = []
        self.scope: Any = None
        self.value: Any = None

    def get(self, field: str) -> "Node | None":
        for kid in self.kids:
            if kid.field == field:
                return kid
        return None

    def walk(self) -> Iterator["Node"]:
        """This node and all below, in the order of the code."""
        stack = [self]
        while stack:
            node = stack.pop()
            yield node
            stack.extend(reversed(node.kids))


class Deadline:
    """A moment of the monotonic clock after which nothing more is looked at."""

    def __init__(self, seconds: float) -> None:
        self._until = time.monotonic() + seconds

    def check(self) -> None:
        """Raises ``OutOfTimeError``."""
        if time.monotonic() > self._until:
            raise OutOfTimeError("There was not enough time to look at everything.")


@cache
def _parser(grammar: str) -> Parser:
    return Parser(Language(_GRAMMARS[grammar]()))


def load_grammars() -> None:
    """Opens their libraries, for a process that will be allowed to open nothing afterwards."""
    for grammar in _GRAMMARS:
        _parser(grammar).parse(b"")


def parse(source: bytes, grammars: Sequence[str], deadline: Deadline) -> tuple[Node, bool]:
    """The tree by the first grammar that understands everything, and whether one does; else by the first of them.

    Raises ``TooMuchError``.
    """
    if len(source) > (MAX_PAGE_BYTES if HTML in grammars else MAX_PARSED_BYTES):
        raise TooMuchError("A file is too large to be understood.")
    trees = []
    for grammar in grammars:
        deadline.check()
        trees.append(_parser(grammar).parse(source))
        if not trees[-1].root_node.has_error:
            return _copy(trees[-1], deadline), True
    deadline.check()
    return _copy(trees[0], deadline), False


def _copy(tree: Any, deadline: Deadline) -> Node:
    cursor = tree.walk()
    first = cursor.node
    root = Node(first.type, first.start_byte, first.end_byte, None, None)
    above = [root]
    count = 0
    descends = cursor.goto_first_child()
    while descends or len(above) > 1:
        if not descends:
            above.pop()
            cursor.goto_parent()
            descends = cursor.goto_next_sibling()
            continue
        count += 1
        if count % _CHECK_EVERY == 0:
            deadline.check()
            if count > MAX_NODES:
                raise TooMuchError("A file has too much code to be understood.")
        current = cursor.node
        field = cursor.field_name
        if not current.is_named and field not in _OPERATORS:
            descends = cursor.goto_next_sibling()
            if not descends and len(above) == 1:
                break
            continue
        parent = above[-1]
        node = Node(current.type, current.start_byte, current.end_byte, parent, field)
        parent.kids.append(node)
        if current.child_count and cursor.goto_first_child():
            above.append(node)
            descends = True
        else:
            descends = cursor.goto_next_sibling()
            if not descends and len(above) == 1:
                break
    return root
