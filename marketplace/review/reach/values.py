"""What an expression can be, worked out without running it: constants, and what it reaches of the browser, of Node.js
or of the app (``Ref``). Where several things are possible, one that can be reached counts.
"""

from collections.abc import Sequence
from typing import Any, Final

from marketplace.review.reach import folding
from marketplace.review.reach.flow import Flow, way_from_app
from marketplace.review.reach.folding import Items, as_text
from marketplace.review.reach.meanings import (
    ADIUVA,
    GLOBAL_OBJECTS,
    MODULE,
    WINDOWS,
    WRAPPERS,
    Call,
    Closure,
    Made,
    Record,
    Ref,
    is_in_class,
    is_object,
    only_return,
    part_of_constant,
    part_of_ref,
    unwrap,
    without_comments,
)
from marketplace.review.reach.operators import Operators
from marketplace.review.reach.scopes import CLASSES, FUNCTIONS, Binding, Names, Path, parameters_of, unescape
from marketplace.review.reach.syntax import Deadline, Node

MAX_DEPTH: Final = 60
MAX_STEPS: Final = 2_000_000
MAX_CALLS: Final = 8  # within each other
MAX_STEPS_OF_A_CALL: Final = 2_000  # calls of calls would grow without end
_APPLY: Final = frozenset({"call", "apply"})
_UNKNOWN: Final = object()  # not yet looked at
_BUSY: Final = object()


class Values:
    """Of one tree. ``known``: names of the browser that stay the browser's, though the file gives them a value."""

    def __init__(self, names: Names, known: frozenset[str], deadline: Deadline) -> None:
        self.names = names
        self._known, self._deadline = known, deadline
        self._depth = self._steps = self._allowance = 0
        self._calls: dict[int, Call] = {}
        self._bound: dict[int, Any] = {}
        self._arguments: list[dict[int, Any]] = []  # of the functions being worked out
        self.flow = Flow(names)
        self._operators = Operators(names, self.of)

    def of(self, node: Node | None) -> Any:
        """A constant, ``Ref``, ``Made``, ``Closure``, ``Record``, or None."""
        if node is None:
            return None
        self._steps += 1
        if self._steps % 1024 == 0:
            self._deadline.check()
        if self._steps > MAX_STEPS or self._depth > MAX_DEPTH:
            return None
        if self._arguments:
            self._allowance -= 1
            return self._evaluate(node) if self._allowance > 0 else None
        if node.value is not None:
            return None if node.value in (_UNKNOWN, _BUSY) else node.value
        node.value = _BUSY
        made = self._evaluate(node)
        node.value = _UNKNOWN if made is None else made
        return made

    def text_of(self, node: Node | None) -> str | None:
        value = self.of(node)
        return value if isinstance(value, str) else None

    def _evaluate(self, node: Node) -> Any:
        self._depth += 1
        try:
            return self._evaluate_kind(node)
        finally:
            self._depth -= 1

    def _evaluate_kind(self, node: Node) -> Any:  # noqa: C901, PLR0911, PLR0912 - a table reads best as one
        kind = node.type
        match kind:
            case "identifier" | "shorthand_property_identifier":
                return self._identifier(node)
            case "string":
                return unescape(self.names.text(node)[1:-1])
            case "template_string":
                return self._operators.template(node)
            case "number":
                return folding.parse_number(self.names.text(node))
            case "true" | "false":
                return kind == "true"
            case "member_expression" | "subscript_expression":
                return self.member(node)
            case "call_expression":
                return self._call(node)
            case "new_expression":
                return self._new(node)
            case "binary_expression":
                return self._operators.binary(node)
            case "unary_expression":
                return self._operators.unary(node)
            case "ternary_expression":
                return self._operators.either(self.of(node.get("consequence")), self.of(node.get("alternative")))
            case "sequence_expression":
                return self.of(node.kids[-1]) if node.kids else None
            case "assignment_expression":
                return self.of(node.get("right"))
            case "array":
                return self._operators.array(node.kids)
            case "object":
                return Record(node)
            case "this":
                scope = node.scope
                return (
                    Ref(())
                    if scope is not None and scope.function is self.names.top and not is_in_class(node)
                    else None
                )
            case _ if kind in WRAPPERS and node.kids:
                return self.of(node.kids[-1] if kind == "type_assertion" else node.kids[0])
            case _ if kind in FUNCTIONS or kind in CLASSES:
                return Closure(node)
        return None

    # Names

    def _identifier(self, node: Node) -> Any:
        name = self.names.name(node)
        binding = node.scope.find(name) if node.scope is not None else None
        is_outermost = binding is not None and self.names.top.names.get(name) is binding
        if binding is None or (is_outermost and self._stays_global(binding)):
            return Ref(()) if name in GLOBAL_OBJECTS else None if name == "undefined" else Ref((name,))
        return self.of_binding(binding)

    def _stays_global(self, binding: Binding) -> bool:
        """A name that is set without being declared, or ``var fetch;`` outside of functions, is still the browser's."""
        if binding.module is not None or binding.is_parameter:
            return False
        return not binding.values or (binding.declared is None and binding.name in self._known)

    def of_binding(self, binding: Binding) -> Any:
        for frame in reversed(self._arguments):
            if id(binding) in frame:
                return frame[id(binding)]
        found = self._bound.get(id(binding), _UNKNOWN)
        if found is _BUSY:
            return Ref((binding.name,)) if binding.name in self._known else None
        if found is _UNKNOWN:
            self._bound[id(binding)] = _BUSY
            found = self._combine(binding)
            if self._arguments:  # what depends on arguments is not for others
                del self._bound[id(binding)]
            else:
                self._bound[id(binding)] = found
        return found

    def _combine(self, binding: Binding) -> Any:
        if binding.module is not None:
            module, name = binding.module
            return Ref((MODULE + module, name) if name not in {"", "default"} else (MODULE + module,))
        if (way := way_from_app(binding, self.names)) is not None:
            return self._take(Ref((ADIUVA,)), way)
        found = [self._take(self.of(value), path) for value, path in binding.values]
        reached = next((one for one in found if isinstance(one, Ref)), None)
        if reached is not None:
            return reached
        if not found or any(one != found[0] for one in found):
            return None
        one = found[0]
        if binding.grows:
            return Record(one.node, loose=True) if isinstance(one, Record) else one if is_object(one) else None
        return one

    def _take(self, value: Any, path: Path) -> Any:
        for part in path:
            name = self.of(part) if isinstance(part, Node) else part
            value = self.property_of(value, as_text(name) if name is not None else None)
        return value

    # Properties

    def member(self, node: Node) -> Any:
        base_node = node.get("object")
        base, name = self.of(base_node), self.key_of(node)
        stored = self._stored(base_node, name)
        if stored is not None:
            return stored
        if base is None and name == "constructor" and base_node is not None and self._is_constructor(base_node):
            return Ref(("Function",))
        return self.property_of(base, name)

    def key_of(self, node: Node) -> str | None:
        """The name that a member or subscript expression asks for; None where it cannot be known."""
        if node.type == "member_expression":
            told = node.get("property")
            return None if told is None else self.names.name(told)
        return as_text(self.of(node.get("index")))

    def _is_constructor(self, node: Node) -> bool:
        return node.type in {"member_expression", "subscript_expression"} and self.key_of(node) == "constructor"

    def property_of(self, base: Any, name: str | None) -> Any:
        match base:
            case Ref(path=path):
                return part_of_ref(path, name)
            case str() | Items():
                return part_of_constant(base, name)
            case Closure(node=node):
                return Ref(("Function",)) if name == "constructor" else self._static(node, name)
            case Record() if self._depth <= MAX_DEPTH:
                self._depth += 1  # ``options = {...options}`` goes round in circles
                try:
                    return self._of_record(base, name)
                finally:
                    self._depth -= 1
        return Ref(()) if name in WINDOWS else None

    def _static(self, node: Node, name: str | None) -> Any:
        body = node.get("body")
        if node.type not in CLASSES or body is None or name is None:
            return None
        for member in body.kids:
            told = member.get("property") or member.get("name")
            if told is not None and self.names.text(told) == name and member.type != "method_definition":
                return self.of(member.get("value"))
        return None

    def _of_record(self, record: Record, name: str | None) -> Any:
        found: Any = None
        for kid in record.node.kids:
            if kid.type == "pair" and name is not None and self._pair_key(kid) == name:
                found = self.of(kid.get("value"))
            elif kid.type == "shorthand_property_identifier" and self.names.name(kid) == name:
                found = self.of(kid)
            elif kid.type == "method_definition" and self.names.text(kid.get("name") or kid) == name:
                found = Closure(kid)
            elif kid.type == "spread_element" and kid.kids:
                spread = self.property_of(self.of(kid.kids[0]), name)
                found = spread if isinstance(spread, Ref) and spread.path[-1:] != (None,) else None
        if found is None and name == "constructor":
            return Ref(("Object",))
        return None if record.loose and not is_object(found) else found

    def _pair_key(self, pair: Node) -> str | None:
        key = pair.get("key")
        if key is None:
            return None
        if key.type == "computed_property_name":
            return as_text(self.of(key.kids[0])) if key.kids else None
        return self.names.name(key) if key.type == "property_identifier" else as_text(self.of(key))

    def _stored(self, base: Node | None, name: str | None) -> Any:
        """What ``this.x = …`` or ``box.x = …`` has put there, where that reaches something."""
        if name is None or (owner := self.flow.owner(base)) is None:
            return None
        for value in self.flow.stores.get((owner, name), ()):
            if is_object(found := self.of(value)):
                return found
        return None

    # Calls

    def resolve(self, node: Node) -> Call:
        """A call or ``new``: also through ``call``, ``apply`` and ``Reflect``."""
        if self._arguments:
            return self._resolve(node)
        if id(node) not in self._calls:
            self._calls[id(node)] = self._resolve(node)
        return self._calls[id(node)]

    def _resolve(self, node: Node) -> Call:
        listed = node.get("arguments")
        nodes = [] if listed is None else [listed] if listed.type == "template_string" else without_comments(listed)
        target = self.of(node.get("function") or node.get("constructor"))
        values = self._spread(nodes)
        if isinstance(target, Ref) and len(target.path) > 1:
            if target.path[-1] in _APPLY:
                applied = values[1] if target.path[-1] == "apply" and len(values) > 1 else None
                values = list(applied) if isinstance(applied, Items) else values[1:]
                return Call(Ref(target.path[:-1]), values, nodes[1:])
            if target.path in {("Reflect", "apply"), ("Reflect", "construct")} and values:
                applied = values[-1]
                return Call(values[0], list(applied) if isinstance(applied, Items) else [], nodes[1:])
        return Call(target, values, nodes)

    def _spread(self, nodes: Sequence[Node]) -> list[Any]:
        made: list[Any] = []
        for node in nodes[:1000]:
            if node.type != "spread_element":
                made.append(self.of(node))
            elif node.kids and isinstance(inner := self.of(node.kids[0]), str | Items):
                made.extend(inner)
            else:
                made.append(None)
        return made

    def _call(self, node: Node) -> Any:  # noqa: PLR0911 - each a kind of call
        callee = node.get("function")
        if callee is None:
            return None
        if callee.type == "import":
            return self._module(self._spread(without_comments(node.get("arguments")))[:1])
        method = unwrap(callee)
        if method.type in {"member_expression", "subscript_expression"}:
            base, name = self.of(method.get("object")), self.key_of(method)
            if isinstance(base, str | Items | int | float) and name is not None:
                call = self.resolve(node)
                if name == "map" and isinstance(base, Items):
                    return self._map(base, call.values)
                if isinstance(base, str) and name == "toString" and call.values and isinstance(call.values[0], str):
                    return base  # of a buffer
                return folding.call_method(base, name, call.values)
            if name == "bind" and is_object(base):
                return base
        return self._result(self.resolve(node))

    def _result(self, call: Call) -> Any:  # noqa: PLR0911 - a table, as above
        first = call.values[0] if call.values else None
        if isinstance(call.target, Closure):
            return self.run(call.target.node, call.values)
        if not isinstance(call.target, Ref):
            return None
        match call.target.path:
            case ("require",) | ("module", "require") | ("process", "mainModule", "require"):
                return self._module(call.values)
            case ("module:module" | "module:node:module", "createRequire"):
                return Ref(("require",))
            case ("document", "createElement" | "createElementNS"):
                tag = call.values[-1] if call.target.path[1] == "createElementNS" and len(call.values) > 1 else first
                return Made(f"<{tag.lower()}>") if isinstance(tag, str) else None
            case ("Reflect", "get"):
                return self.property_of(first, as_text(call.values[1]) if len(call.values) > 1 else None)
            case ("Object", "getPrototypeOf") | ("Reflect", "getPrototypeOf") | ("Object", "freeze") | ("Object",):
                return first
            case ("Object", "assign"):
                return next((one for one in reversed(call.values) if isinstance(one, Ref)), None)
            case ("XMLHttpRequest",):
                return Made("XMLHttpRequest")
        return folding.call_builtin(call.target.path, call.values)

    @staticmethod
    def _module(values: Sequence[Any]) -> Any:
        return Ref((MODULE + values[0],)) if values and isinstance(values[0], str) else None

    def _new(self, node: Node) -> Any:  # noqa: PLR0911 - a table, as above
        call = self.resolve(node)
        if not isinstance(call.target, Ref):
            return None
        match call.target.path:
            case ("URL",):
                return call.values[0] if call.values and isinstance(call.values[0], str) else None
            case ("Proxy",):
                return call.values[0] if call.values else None
            case ("Image",):
                return Made("<img>")
            case ("Audio",):
                return Made("<audio>")
            case (str() as name,):
                return Made(name)
        return None

    def _map(self, items: Items, values: Sequence[Any]) -> Any:
        function = values[0] if values else None
        if isinstance(function, Closure):
            return Items(self.run(function.node, [one, place]) for place, one in enumerate(items))
        if isinstance(function, Ref) and function.path[:1] == ("String",):
            return Items(folding.call_builtin(function.path, [one]) for one in items)
        return None

    def run(self, function: Node, values: Sequence[Any]) -> Any:
        """What a function gives that does nothing but return an expression."""
        returned = only_return(function)
        if returned is None or len(self._arguments) >= MAX_CALLS:
            return None
        if not self._arguments:
            self._allowance = MAX_STEPS_OF_A_CALL
        frame: dict[int, Any] = {}
        for place, parameter in enumerate(parameters_of(function)):
            target = parameter.get("pattern") or parameter
            if target.type == "identifier" and target.scope is not None:
                binding = target.scope.find(self.names.name(target))
                if binding is not None and place < len(values) and values[place] is not None:
                    frame[id(binding)] = values[place]
        self._arguments.append(frame)
        try:
            return self.of(returned)
        finally:
            self._arguments.pop()
