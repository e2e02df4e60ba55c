"""What a file does to its names before anything is worked out: what calls pass to parameters, what is put into
properties, and which arrays and objects are changed, so that their literals say nothing.
"""

from typing import Final

from marketplace.review.reach.meanings import ADIUVA, unwrap, without_comments
from marketplace.review.reach.scopes import CLASSES, FUNCTIONS, Binding, Names, Path, parameters_of, unescape
from marketplace.review.reach.syntax import Node

# What arrays are changed by; ``reverse`` is worked out as what it gives.
_CHANGES: Final = frozenset({"push", "unshift", "splice", "shift", "pop", "fill", "sort", "copyWithin"})
_KEEPS: Final = frozenset({"apply", "call", "from", "concat", "join", "log", "stringify", "bind"})


class Flow:
    """Of one tree; ``stores``: what is put where, by owner (``owner``) and name."""

    def __init__(self, names: Names) -> None:
        self.names = names
        self.stores: dict[tuple[int, str], list[Node]] = {}
        self._methods: dict[str, list[Node]] = {}
        self._note_changes()
        self._pass_arguments()

    def owner(self, base: Node | None) -> int | None:
        if base is None or base.scope is None:
            return None
        if base.type == "this":
            return 0
        if base.type == "identifier":
            binding = base.scope.find(self.names.name(base))
            return None if binding is None else id(binding)
        return None

    def _note_changes(self) -> None:
        for node in self.names.code:
            match node.type:
                case "assignment_expression" | "augmented_assignment_expression":
                    self._note_store(node.get("left"), node.get("right"))
                case "call_expression":
                    self._note_call(node)
                case "field_definition" | "public_field_definition":
                    if (told := node.get("property") or node.get("name")) and (value := node.get("value")):
                        self.stores.setdefault((0, self.names.text(told)), []).append(value)
                case "method_definition":
                    if (told := node.get("name")) is not None:
                        self._methods.setdefault(self.names.text(told), []).append(node)

    def _note_store(self, left: Node | None, right: Node | None) -> None:
        if left is None or left.type not in {"member_expression", "subscript_expression"}:
            return
        base = left.get("object")
        owner = self.owner(base)
        told = left.get("property") or left.get("index")
        if owner is not None and right is not None and told is not None:
            name = unescape(self.names.text(told)[1:-1]) if told.type == "string" else self.names.name(told)
            self.stores.setdefault((owner, name), []).append(right)
        self._mark_grown(base)

    def _note_call(self, node: Node) -> None:
        callee = unwrap(node.get("function"))
        name = ""
        if callee.type == "member_expression" and (told := callee.get("property")) is not None:
            name = self.names.name(told)
            if name in _CHANGES:
                self._mark_grown(callee.get("object"))
        if name not in _KEEPS:
            for argument in without_comments(node.get("arguments")):
                self._mark_grown(argument)

    def _mark_grown(self, node: Node | None) -> None:
        """An array or object that is changed, or given away, may hold anything afterwards."""
        if node is not None and node.type == "identifier" and node.scope is not None:
            binding = node.scope.find(self.names.name(node))
            if binding is not None and any(value.type in {"array", "object"} for value, _ in binding.values):
                binding.grows = True

    def _pass_arguments(self) -> None:
        for node in self.names.code:
            if node.type not in {"call_expression", "new_expression"}:
                continue
            function, skipped = self._called(unwrap(node.get("function") or node.get("constructor")))
            if function is None:
                continue
            arguments = without_comments(node.get("arguments"))[skipped:]
            if any(one.type == "spread_element" for one in arguments):
                continue
            for parameter, argument in zip(parameters_of(function), arguments, strict=False):
                self.names.bind_value(parameter, argument)

    def _called(self, callee: Node) -> tuple[Node | None, int]:
        """The function of this file that is called, and how many arguments come before its own."""
        if callee.type in FUNCTIONS:
            return callee, 0
        if callee.type == "identifier" and callee.scope is not None:
            binding = callee.scope.find(self.names.name(callee))
            if binding is not None and len(binding.values) == 1 and not binding.values[0][1]:
                value = unwrap(binding.values[0][0])
                return (value if value.type in FUNCTIONS else self._constructor(value)), 0
        if callee.type == "member_expression" and (told := callee.get("property")) is not None:
            name, base = self.names.name(told), unwrap(callee.get("object"))
            if name == "call" and base.type in FUNCTIONS | {"identifier"}:
                return self._called(base)[0], 1
            methods = self._methods.get(name, [])
            if len(methods) == 1 and name != "constructor":
                return methods[0], 0
        return None, 0

    def _constructor(self, node: Node) -> Node | None:
        body = node.get("body") if node.type in CLASSES else None
        for member in body.kids if body is not None else ():
            name = member.get("name")
            if member.type == "method_definition" and name is not None and self.names.text(name) == "constructor":
                return member
        return None


def way_from_app(binding: Binding, names: Names) -> Path | None:
    """Into the object that a plugin is given: a parameter called adiuva, or the first of ``activate``. Else None."""
    if not binding.is_parameter:
        return None
    if binding.name == ADIUVA:
        return ()
    function = binding.first_of
    if function is None:
        return None
    name = function.get("name")
    if name is None and function.parent is not None:
        name = function.parent.get("name") or function.parent.get("key") or function.parent.get("left")
    text = "" if name is None else names.text(name)
    return binding.way if text.rpartition(".")[2] == "activate" else None
