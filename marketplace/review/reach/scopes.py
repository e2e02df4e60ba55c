"""What names stand for: a parameter called ``fetch`` is not the browser's.

A *binding* keeps every value that its name is given in the file, with the path by which a pattern takes it apart
(``const {eval: e} = window``), and for parameters what the calls of the file pass.
"""

import sys
from dataclasses import dataclass, field
from typing import Final

from marketplace.review.reach.syntax import Node

FUNCTIONS: Final = frozenset({
    "function_declaration", "function_expression", "arrow_function", "method_definition", "generator_function",
    "generator_function_declaration",
})  # fmt: skip
CLASSES: Final = frozenset({"class_declaration", "class", "abstract_class_declaration"})
_BLOCKS: Final = frozenset({
    "statement_block", "for_statement", "for_in_statement", "catch_clause", "switch_body", "class_static_block",
})  # fmt: skip
# Types, and declarations of what exists elsewhere: nothing of them runs, and they make no name.
TYPES_ONLY: Final = frozenset({
    "ambient_declaration", "interface_declaration", "type_alias_declaration", "type_annotation", "type_arguments",
    "type_parameters", "implements_clause", "function_signature",
})  # fmt: skip
_MAX_VALUES: Final = 50  # of a name that is set again and again, the first are enough
Path = tuple[str | int | Node | None, ...]  # a node: a name that is worked out; None: one that cannot be known


@dataclass(slots=True, eq=False)
class Binding:
    """``values``: expressions and the path into each. ``grows``: it is changed in ways that are not followed."""

    name: str
    values: list[tuple[Node, Path]] = field(default_factory=list)
    module: tuple[str, str] | None = None  # imported: the module, and the name there
    grows: bool = False
    is_parameter: bool = False
    first_of: Node | None = None  # the function whose first parameter it is
    declared: Node | None = None
    way: Path = ()  # of a parameter: the path into what is passed


@dataclass(slots=True, eq=False)
class Scope:
    parent: "Scope | None"
    function: "Scope | None"
    names: dict[str, Binding] = field(default_factory=dict)

    def find(self, name: str) -> Binding | None:
        scope: Scope | None = self
        while scope is not None:
            if name in scope.names:
                return scope.names[name]
            scope = scope.parent
        return None

    def bind(self, name: str) -> Binding:
        return self.names.setdefault(name, Binding(name))


class Names:
    """The scopes of one tree: every node that can run has its ``scope`` afterwards."""

    def __init__(self, root: Node, source: bytes) -> None:
        self._source = source
        self.top = Scope(None, None)
        self.top.function = self.top
        self.code: list[Node] = []  # what can run, in the order of the file
        self.patterns: list[tuple[Node, Binding]] = []  # names that a pattern takes out of something
        self._later: list[Node] = []
        self._declare_all(root)
        for node in self._later:
            self._assign(node)

    def text(self, node: Node) -> str:
        return self._source[node.start : node.end].decode("utf-8", "replace")

    def name(self, node: Node) -> str:
        r"""An identifier as it is meant: ``\u0065val`` is ``eval``."""
        text = self.text(node)
        return text if "\\" not in text else unescape(text)

    def _declare_all(self, root: Node) -> None:  # noqa: C901 - a table of what makes names
        stack: list[tuple[Node, Scope]] = [(root, self.top)]
        while stack:
            node, scope = stack.pop()
            kind = node.type
            if kind in TYPES_ONLY:
                continue
            self.code.append(node)
            node.scope = scope
            inner = scope
            if kind in FUNCTIONS:
                inner = Scope(scope, None)
                inner.function = inner
                self._declare_function(node, scope, inner)
            elif kind in CLASSES:
                inner = Scope(scope, scope.function)
                if (name := node.get("name")) is not None:
                    self._define((scope if kind != "class" else inner).bind(self.name(name)), node)
            elif kind in _BLOCKS:
                inner = Scope(scope, scope.function)
                if kind == "catch_clause" and (caught := node.get("parameter")) is not None:
                    self._bind_pattern(caught, None, (), inner)
                if kind == "for_in_statement" and node.get("kind") is not None and (left := node.get("left")):
                    is_var = self.text(node.kids[0]) == "var"
                    self._bind_pattern(left, node.get("right"), (None,), self._home(inner, is_var=is_var))
            elif kind == "variable_declarator" and node.parent is not None and (name := node.get("name")) is not None:
                is_var = node.parent.type == "variable_declaration"
                self._bind_pattern(name, node.get("value"), (), self._home(scope, is_var=is_var))
            elif kind == "import_statement":
                self._import(node)
            elif kind in {"assignment_expression", "augmented_assignment_expression", "update_expression"}:
                self._later.append(node)
            stack.extend((kid, inner) for kid in reversed(node.kids))

    @staticmethod
    def _home(scope: Scope, *, is_var: bool) -> Scope:
        return scope.function if is_var and scope.function is not None else scope

    def _declare_function(self, node: Node, scope: Scope, inner: Scope) -> None:
        name = node.get("name")
        if name is not None and node.type != "method_definition":
            self._define((scope if node.type.endswith("declaration") else inner).bind(self.name(name)), node)
        for position, parameter in enumerate(parameters_of(node)):
            self._bind_parameter(parameter, inner, node if position == 0 else None)

    def _bind_parameter(self, parameter: Node, inner: Scope, first_of: Node | None) -> None:
        default = None
        if parameter.type in {"required_parameter", "optional_parameter"}:
            default, pattern = parameter.get("value"), parameter.get("pattern")
            if pattern is None:
                return
            parameter = pattern
        before = set(inner.names)
        self._bind_pattern(parameter, default, (), inner)
        for name in set(inner.names) - before:
            inner.names[name].is_parameter = True
            inner.names[name].first_of = first_of

    def _import(self, node: Node) -> None:
        source = node.get("source")
        if source is None:
            return
        module = "".join(self.text(part) for part in source.kids)
        for one in node.walk():
            if one.type == "import_specifier" and (told := one.get("name")) is not None:
                made = one.get("alias") or told
                self.top.bind(self.name(made)).module = (module, self.name(told))
            elif one.type == "identifier" and one.parent is not None:
                if one.parent.type == "import_clause":
                    self.top.bind(self.name(one)).module = (module, "default")
                elif one.parent.type in {"namespace_import", "import_require_clause"}:
                    self.top.bind(self.name(one)).module = (module, "")

    def _define(self, binding: Binding, node: Node) -> None:
        binding.declared = node
        self._add(binding, node, ())

    def _add(self, binding: Binding, value: Node | None, path: Path) -> None:
        if value is not None and len(binding.values) < _MAX_VALUES:
            binding.values.append((value, path))

    def bind_value(self, pattern: Node, value: Node, path: Path = ()) -> None:
        """A call passes ``value`` to the parameter ``pattern``."""
        for leaf, leaf_path, _ in self._leaves(pattern, path):
            if leaf.scope is not None and (binding := leaf.scope.find(self.name(leaf))) is not None:
                self._add(binding, value, leaf_path)

    def _bind_pattern(self, pattern: Node, value: Node | None, path: Path, scope: Scope) -> None:
        for leaf, leaf_path, default in self._leaves(pattern, path):
            binding = scope.bind(self.name(leaf))
            binding.declared, binding.way = binding.declared or leaf, leaf_path
            self._add(binding, value, leaf_path)
            self._add(binding, default, ())
            if leaf_path:
                self.patterns.append((leaf, binding))

    def _leaves(  # noqa: C901 - a table of patterns
        self, pattern: Node, path: Path
    ) -> list[tuple[Node, Path, Node | None]]:
        """The names in a pattern, with the way to each and its default."""
        found: list[tuple[Node, Path, Node | None]] = []
        stack: list[tuple[Node, Path, Node | None]] = [(pattern, path, None)]
        while stack:
            node, way, default = stack.pop()
            kind = node.type
            if kind in {"identifier", "shorthand_property_identifier_pattern"}:
                own = (*way, self.name(node)) if kind != "identifier" else way
                found.append((node, own, default))
            elif kind in {"required_parameter", "optional_parameter"}:
                stack.extend((kid, way, node.get("value")) for kid in node.kids if kid.field == "pattern")
            elif kind in {"assignment_pattern", "object_assignment_pattern"}:
                left, right = node.get("left"), node.get("right")
                if left is not None:
                    stack.append((left, way, right))
            elif kind == "pair_pattern":
                key, target = node.get("key"), node.get("value")
                if target is not None:
                    stack.append((target, (*way, self._key(key)), default))
            elif kind == "array_pattern":
                # Empty places are no nodes: with one, which value a name gets is not known.
                stack.extend((kid, (*way, place), None) for place, kid in enumerate(node.kids))
            elif kind == "object_pattern":
                stack.extend((kid, way, None) for kid in node.kids)
            elif kind == "rest_pattern":
                # ``const {a, ...rest} = window``: the rest is as good as the whole.
                stack.extend((kid, way if node.field is None else (*way, None), None) for kid in node.kids)
        return found

    def _key(self, key: Node | None) -> str | Node | None:
        if key is None:
            return None
        if key.type == "property_identifier":
            return self.name(key)
        inner = key.kids[0] if key.type == "computed_property_name" and key.kids else key
        return unescape(self.text(inner)[1:-1]) if inner.type == "string" else inner

    def _assign(self, node: Node) -> None:
        left = node.get("left") or node.get("argument")
        while left is not None and left.type == "parenthesized_expression" and left.kids:
            left = left.kids[0]
        if left is None or node.scope is None:
            return
        if node.type != "assignment_expression":
            if left.type == "identifier" and (grown := node.scope.find(self.name(left))) is not None:
                grown.grows = True
            return
        for leaf, path, default in self._leaves(left, ()):
            # A name that nothing declares becomes a global one, unless it is the browser's already.
            binding = node.scope.find(self.name(leaf)) or self.top.bind(self.name(leaf))
            self._add(binding, node.get("right"), path)
            self._add(binding, default, ())
            if path:
                self.patterns.append((leaf, binding))


def parameters_of(function: Node) -> list[Node]:
    if (single := function.get("parameter")) is not None:
        return [single]
    listed = function.get("parameters")
    return [] if listed is None else [kid for kid in listed.kids if kid.type != "comment"]


_SIMPLE: Final = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f", "v": "\v", "0": "\0"}


def unescape(text: str) -> str:
    """Of a JavaScript string or identifier; what is no escape stays."""
    if "\\" not in text:
        return text
    made: list[str] = []
    at = 0
    while at < len(text):
        if text[at] != "\\" or at + 1 >= len(text):
            made.append(text[at])
            at += 1
            continue
        sign = text[at + 1]
        digits, after = "", at + 2
        if sign == "x":
            digits, after = text[at + 2 : at + 4], at + 4
        elif sign == "u" and text[at + 2 : at + 3] == "{":
            end = text.find("}", at, at + 12)
            digits, after = (text[at + 3 : end], end + 1) if end > 0 else ("", at + 2)
        elif sign == "u":
            digits, after = text[at + 2 : at + 6], at + 6
        elif sign in "01234567" and text[at + 2 : at + 3].isdigit():
            octal = next(text[at + 1 : at + n] for n in (4, 3, 2) if set(text[at + 1 : at + n]) <= set("01234567"))
            made.append(chr(int(octal, 8)))
            at += 1 + len(octal)
            continue
        try:
            code = int(digits, 16) if digits else -1
        except ValueError:
            code = -1
        made.append(chr(code) if 0 <= code <= sys.maxunicode else _SIMPLE.get(sign, "" if sign == "\n" else sign))
        at = after
    return "".join(made)
