"""What an expression can stand for, and small questions about nodes."""

from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from marketplace.review.reach.folding import Items
from marketplace.review.reach.syntax import Node

GLOBAL_OBJECTS: Final = frozenset({"window", "self", "globalThis", "global", "top", "parent", "frames", "opener"})
WRAPPERS: Final = frozenset({
    "parenthesized_expression", "await_expression", "as_expression", "satisfies_expression", "non_null_expression",
    "type_assertion", "export_statement", "instantiation_expression",
})  # fmt: skip
WINDOWS: Final = frozenset({"contentWindow", "defaultView"})
MAX_LENGTH_OF_PATH: Final = 12
_MAX_INDEX_DIGITS: Final = 7
MODULE: Final = "module:"
ADIUVA: Final = "adiuva"


@dataclass(frozen=True, slots=True)
class Ref:
    """``("document", "cookie")``; ``()`` is the global object, None a name that is worked out at run time."""

    path: tuple[str | None, ...]


@dataclass(frozen=True, slots=True)
class Made:
    """An object made by ``new`` (``what`` is its class), or an element (``"<script>"``)."""

    what: str


@dataclass(frozen=True, slots=True, eq=False)
class Closure:
    node: Node


@dataclass(frozen=True, slots=True, eq=False)
class Record:
    """An object literal; ``loose``: it is changed somewhere."""

    node: Node
    loose: bool = False


class Call(NamedTuple):
    """``target`` is called with ``values``; ``nodes`` are theirs, where they are written in the call."""

    target: Any
    values: list[Any]
    nodes: list[Node]


def part_of_ref(path: tuple[str | None, ...], name: str | None) -> Any:
    if not path:
        is_window = name in GLOBAL_OBJECTS or (name is not None and name.isdecimal())  # ``frames[0]``
        return Ref(()) if is_window else Ref((name,))
    if name in WINDOWS:
        return Ref(())
    if name == "constructor":
        return Ref(path[:-1]) if path[-1] == "prototype" else Ref(("Function",))
    if name == "default" and str(path[0]).startswith(MODULE):
        return Ref(path)
    return Ref((*path, name)) if len(path) < MAX_LENGTH_OF_PATH else None


def part_of_constant(base: str | Items, name: str | None) -> Any:
    if name is None:
        return None
    if name == "length":
        return len(base)
    if name.isdecimal() and len(name) <= _MAX_INDEX_DIGITS:
        return base[int(name)] if int(name) < len(base) else None
    kind = "String" if isinstance(base, str) else "Array"
    return Ref((kind,)) if name == "constructor" else Ref((kind, "prototype", name))


def is_object(value: Any) -> bool:
    return isinstance(value, Ref | Closure | Made)


def is_in_class(node: Node) -> bool:
    above = node.parent
    while above is not None:
        if above.type == "class_body":
            return True
        above = above.parent
    return False


def unwrap(node: Node | None) -> Node:
    while node is not None and node.type in WRAPPERS and node.kids:
        node = node.kids[0]
    return node if node is not None else Node("", 0, 0, None, None)


def without_comments(node: Node | None) -> list[Node]:
    if node is None:
        return []
    return [node] if node.type == "template_string" else [kid for kid in node.kids if kid.type != "comment"]


def only_return(function: Node) -> Node | None:
    body = function.get("body")
    if body is None:
        return None
    if body.type != "statement_block":
        return body
    statements = [kid for kid in body.kids if kid.type != "comment"]
    if len(statements) == 1 and statements[0].type == "return_statement" and statements[0].kids:
        return statements[0].kids[0]
    return None
