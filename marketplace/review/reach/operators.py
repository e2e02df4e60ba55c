"""Operators, templates and arrays: what they make of their parts."""

from collections.abc import Callable, Sequence
from typing import Any

from marketplace.review.reach import folding
from marketplace.review.reach.folding import Items, as_text
from marketplace.review.reach.meanings import is_object
from marketplace.review.reach.scopes import Names, unescape
from marketplace.review.reach.syntax import Node


class Operators:
    """``of`` works out a part."""

    def __init__(self, names: Names, of: Callable[[Node | None], Any]) -> None:
        self.names = names
        self.of = of

    def template(self, node: Node) -> str | None:
        made: list[str] = []
        for kid in node.kids:
            if kid.type == "template_substitution":
                part = as_text(self.of(kid.kids[0])) if kid.kids else None
                if part is None:
                    return None
                made.append(part)
            else:
                made.append(unescape(self.names.text(kid)))
        text = "".join(made)
        return text if len(text) <= folding.MAX_TEXT else None

    def binary(self, node: Node) -> Any:
        operator = self._operator(node)
        if operator == "+":
            return self._sum(node)
        left, right = self.of(node.get("left")), self.of(node.get("right"))
        if operator in {"||", "??", "&&"}:
            return left if is_object(left) else right if is_object(right) else None
        return folding.operate(operator, left, right)

    def _operator(self, node: Node) -> str:
        told = node.get("operator")
        return "" if told is None else self.names.text(told)

    def _sum(self, node: Node) -> Any:
        """``a + b + c + …`` without going down for each."""
        parts: list[Node | None] = []
        left: Node | None = node
        while left is not None and left.type == "binary_expression" and self._operator(left) == "+":
            parts.append(left.get("right"))
            left = left.get("left")
        total = self.of(left)
        for part in reversed(parts):
            total = folding.operate("+", total, self.of(part)) if total is not None else None
            if total is None:
                return None
        return total

    def unary(self, node: Node) -> Any:
        value = self.of(node.get("argument"))
        match self._operator(node):
            case "-" if folding.is_number(value):
                return -value
            case "+" if folding.is_number(value):
                return value
            case "!" if isinstance(value, bool | int):
                return not value
            case "!" if isinstance(value, Items):
                return False
        return None

    @staticmethod
    def either(first: Any, second: Any) -> Any:
        if is_object(first) or is_object(second):
            return first if is_object(first) else second
        return first if first == second else None

    def array(self, kids: Sequence[Node]) -> Items | None:
        if len(kids) > folding.MAX_ITEMS:
            return None
        made: list[Any] = []
        for kid in kids:
            if kid.type == "spread_element":
                inner = self.of(kid.kids[0]) if kid.kids else None
                if not isinstance(inner, str | Items):
                    return None
                made.extend(inner)
            elif kid.type != "comment":
                made.append(self.of(kid))
            if len(made) > folding.MAX_ITEMS:
                return None
        return Items(made)
