"""Every mention, call and import of what ``globals`` lists, under whatever name."""

from typing import Any, Final

from marketplace.review.reach.findings import quote
from marketplace.review.reach.globals import (
    COMPUTED,
    PLACES,
    TIMERS,
    TOLD,
    WALKS,
    Path,
    Reach,
    describe_url,
    reach_of_module,
)
from marketplace.review.reach.looking import Look
from marketplace.review.reach.meanings import Made, Ref, unwrap
from marketplace.review.reach.syntax import Node

_MAX_DEPTH: Final = 8
_MEMBERS: Final = frozenset({"member_expression", "subscript_expression"})
_CALLS: Final = frozenset({"call_expression", "new_expression"})
_ASKING: Final = frozenset({"instanceof", "in", "===", "!==", "==", "!=", "typeof", "!", "void"})
_NO_REFERENCE: Final = frozenset({"import_specifier", "namespace_import", "import_clause"})


def look_at_references(look: Look) -> None:
    References(look).run()


class References:
    """One pass over the code; what a call has told is not told again for its name."""

    def __init__(self, look: Look) -> None:
        self._look = look
        self._told: set[tuple[int, Path]] = set()
        self._seen: set[int] = set()

    def run(self) -> None:  # noqa: C901 - a table of what can reach out
        for node in self._look.names.code:
            if node.type in _CALLS:
                self._call(node)
            elif node.type in _MEMBERS:
                self._member(node)
            elif node.type in {"identifier", "shorthand_property_identifier"}:
                self._identifier(node)
            elif node.type in {"import_statement", "export_statement"}:
                self._import(node)
            elif node.type == "assignment_expression":
                self._place(node)
            elif node.type == "for_in_statement" and self._look.values.of(node.get("right")) == Ref(()):
                self._look.tell(node, "hidden", "medium", "A loop goes through all that a global object has.")
            elif node.type == "with_statement":
                self._look.tell(node, "hidden", "medium", "“with” lets names stand for something else.")
        for leaf, binding in self._look.names.patterns:
            value = self._look.values.of_binding(binding)
            if isinstance(value, Ref) and value.path in TOLD:
                self._mention(leaf, value.path)
            self._computed(leaf, value)

    # Mentions

    def _identifier(self, node: Node) -> None:
        parent = node.parent
        if node.scope is None or parent is None or _is_elsewhere(parent) or parent.type.startswith("jsx_"):
            return
        value = self._look.values.of(node)
        name = self._look.names.name(node)
        if value == Ref((name,)) and (name,) in TOLD:
            self._mention(node, (name,))
        elif "\\" in self._look.text(node):
            self._look.tell(node, "hidden", "high", f"The name {quote(name)} is written in escapes.")

    def _member(self, node: Node) -> None:
        value = self._look.values.of(node)
        if not isinstance(value, Ref):
            return
        if value.path in TOLD:
            self._mention(node, value.path)
        else:
            self._computed(node, value)

    def _computed(self, node: Node, value: Any) -> None:
        """A property of the browser's whose name is worked out at run time can be any."""
        if isinstance(value, Ref) and value.path[-1:] == (None,) and value.path[:-1] in COMPUTED:
            owner = ".".join(str(part) for part in value.path[:-1]) or "a global object"
            self._look.tell(
                node, "hidden", "medium", f"Computed access to a property of {owner}: {self._look.quoted(node)}."
            )

    def _mention(self, node: Node, path: Path) -> None:
        if node.start in self._seen or self._is_question(node):
            return
        parent, reach = node.parent, TOLD[path]
        name = _name_of(path)
        is_left = parent is not None and parent.type == "assignment_expression" and node.field == "left"
        if is_left and path != ("document", "cookie"):
            self._tell_once(node, path, Reach("hidden", "medium", ""), f"{name} is replaced by something else.")
        elif reach.kind == "network":
            self._tell_once(node, path, reach, f"{name} is used under another name, or passed on.")
        else:
            self._tell_once(node, path, reach, f"{name}, which {reach.words}, is used.")

    def _tell_once(self, node: Node, path: Path, reach: Reach, what: str) -> None:
        line = self._look.place(node.start)[0]
        if (line, path) not in self._told:
            self._told.add((line, path))
            self._look.tell(node, reach.kind, reach.severity, what)

    def _is_question(self, node: Node) -> bool:  # noqa: PLR0911 - each a way to ask
        """``typeof fetch``, ``f instanceof Function``, ``if (window.fetch)``: nothing is done with it."""
        parent = node.parent
        while parent is not None and parent.type == "parenthesized_expression":
            if parent.field == "condition":
                return True
            node, parent = parent, parent.parent
        if parent is None:
            return False
        if parent.type in {"binary_expression", "unary_expression"}:
            operator = next((kid.type for kid in parent.kids if kid.field == "operator"), "")
            return operator in _ASKING or (operator == "&&" and node.field == "left")
        if parent.type == "ternary_expression":
            return node.field == "condition"
        if parent.type != "member_expression" or node.field != "object":
            return False
        if self._property(parent) == "prototype":  # ``Function.prototype.call``: its methods are everybody's
            above = parent.parent
            return above is None or above.type != "member_expression" or self._property(above) != "constructor"
        return self._property(parent) in {"name", "length"}

    def _property(self, node: Node) -> str:
        return self._look.values.key_of(node) or ""

    # Calls

    def _call(self, node: Node) -> None:
        callee = node.get("function") or node.get("constructor")
        if callee is None:
            return
        call = self._look.values.resolve(node)
        if callee.type == "import":
            self._load(node, call.values, "import()")
            return
        path = call.target.path if isinstance(call.target, Ref) else None
        if path in TOLD:
            self._called(node, callee, path, call.values, call.nodes)
        elif path in TIMERS:
            self._timer(node, call.values, call.nodes)
        elif path in {("require",), ("module", "require"), ("process", "mainModule", "require")}:
            self._load(node, call.values, "require()")
        elif path in WALKS and call.values[:1] == [Ref(())]:
            self._look.tell(node, "hidden", "medium", f"{_name_of(path)} goes through all that a global object has.")
        else:
            self._method(node, unwrap(callee), call.values, call.nodes)
        self._computed(node, self._look.values.of(node))

    def _called(self, node: Node, callee: Node, path: Path, values: list[Any], nodes: list[Node]) -> None:
        reach, name = TOLD[path], _name_of(path)
        self._seen.add(unwrap(callee).start)
        if reach.kind == "network":
            if reach.url_at is None or reach.url_at >= max(len(values), len(nodes)):
                self._tell_once(node, path, reach, f"{name} is used.")
                return
            value = values[reach.url_at] if reach.url_at < len(values) else None
            argument = nodes[reach.url_at] if reach.url_at < len(nodes) else None
            self.tell_url(node, name, reach.severity, value, argument)
            self._told.add((self._look.place(node.start)[0], path))
        elif reach.kind == "code_from_text" and path[0] in {"Worker", "SharedWorker"}:
            self._worker(node, name, values)
        elif reach.kind == "code_from_text":
            code = values[-1] if values else None
            quoted = f": “{quote(code)}”" if isinstance(code, str) else ", which is put together at run time"
            self._tell_once(node, path, reach, f"{name} {reach.words}{quoted if nodes or values else ''}.")
        else:
            self._tell_once(node, path, reach, f"{name}, which {reach.words}, is used.")

    def tell_url(self, node: Node, name: str, severity: str, value: Any, argument: Node | None) -> None:
        """A request of ``name`` goes to ``value``, or to what begins like ``argument``."""
        if isinstance(value, str):
            shown, told = describe_url(value)
            if value.strip().lower().startswith(("javascript:", "data:text/html", "data:text/javascript")):
                return  # told as code
            severity = "high" if "high" in {told, severity} and told != "low" else told
            self._look.tell(node, "network", severity, f"{name} reaches {quote(shown)}.")
            return
        prefix = self._prefix(argument)
        if prefix and "//" in prefix:
            shown, told = describe_url(prefix)
            worst = "high" if "high" in {told, severity} else "medium"
            self._look.tell(node, "network", worst, f"{name} reaches what begins with {quote(shown)}.")
        elif prefix and prefix[0] in "./?#" and severity != "high":
            self._look.tell(node, "network", "low", f"{name} reaches what begins with {quote(prefix)}.")
        else:
            shown = self._look.quoted(argument) if argument is not None else "what is worked out at run time"
            self._look.tell(node, "network", severity, f"{name} reaches an address that is not in the code: {shown}.")

    def _prefix(self, node: Node | None, depth: int = 0) -> str | None:  # noqa: PLR0911 - each a kind of node
        """The constant beginning of a text."""
        if node is None or depth > _MAX_DEPTH:
            return None
        node = unwrap(node)
        if (text := self._look.values.text_of(node)) is not None:
            return text
        if node.type == "binary_expression":
            left = node.get("left")
            while left is not None and left.type == "binary_expression":
                left = left.get("left")
            return self._prefix(left, depth + 1)
        if node.type == "template_string" and node.kids:
            first = node.kids[0]
            if first.type == "template_substitution":
                return self._prefix(first.kids[0], depth + 1) if first.kids else None
            return self._look.text(first)
        if node.type == "identifier" and node.scope is not None:
            binding = node.scope.find(self._look.names.name(node))
            if binding is not None and len(binding.values) == 1 and not binding.values[0][1]:
                return self._prefix(binding.values[0][0], depth + 1)
        if node.type in _CALLS:
            nodes = self._look.values.resolve(node).nodes
            is_url = node.type == "new_expression" and self._look.text(node.get("constructor") or node) == "URL"
            return self._prefix(nodes[-1], depth + 1) if is_url and nodes else None
        return None

    def _worker(self, node: Node, name: str, values: list[Any]) -> None:
        script = values[0] if values else None
        if not isinstance(script, str):
            self._look.tell(node, "code_from_text", "medium", f"{name} runs a script that is not in the code.")
        elif script.lower().startswith(("data:", "blob:")):
            self._look.tell(node, "code_from_text", "high", f"{name} runs a text as code.")
        elif "//" in script:
            self.tell_url(node, name, "high", script, None)

    def _timer(self, node: Node, values: list[Any], nodes: list[Node]) -> None:
        if not values:
            return
        code = values[0]
        if isinstance(code, str):
            self._look.tell(node, "code_from_text", "high", f"A timer runs text as code: “{quote(code)}”.")
        elif nodes and self._prefix(nodes[0]) is not None:
            self._look.tell(
                node, "code_from_text", "high", "A timer runs text as code that is put together at run time."
            )

    def _load(self, node: Node, values: list[Any], name: str) -> None:
        module = values[0] if values else None
        if isinstance(module, str):
            self._module(node, module, name)
        elif values:
            kind = "process" if name == "require()" else "code_from_text"
            self._look.tell(node, kind, "medium", f"{name} loads a module whose name is not in the code.")

    def _module(self, node: Node, module: str, name: str) -> None:
        self._look.collected.imports.add((self._look.file, module))
        reach = reach_of_module(module)
        if reach is not None:
            self._look.tell(node, reach.kind, reach.severity, f"{name} {quote(reach.words)}.")

    def _import(self, node: Node) -> None:
        for one in node.kids:
            if one.type == "string":
                self._module(node, self._look.values.of(one) or "", "An import")
            elif one.type == "import_require_clause" and (source := one.get("source")) is not None:
                self._module(node, self._look.values.of(source) or "", "An import")

    def _method(self, node: Node, callee: Node, values: list[Any], nodes: list[Node]) -> None:
        """Of objects that nothing is known about, by names that say enough."""
        if callee.type not in _MEMBERS:
            return
        base, name = self._look.values.of(callee.get("object")), self._look.values.key_of(callee)
        first = values[0] if values else None
        match name:
            case "eval":
                self._look.tell(
                    node, "code_from_text", "medium", f"Something called eval is called: {self._look.quoted(node)}."
                )
            case "constructor" if isinstance(first, str) and node.type == "call_expression":
                self._look.tell(
                    node, "code_from_text", "medium", f"A constructor is called with a text: “{quote(first)}”."
                )
            case "sendBeacon":
                self._look.tell(node, "network", "high", "sendBeacon is used.")
            case "open" if base == Made("XMLHttpRequest") and len(values) > 1:
                self.tell_url(node, "XMLHttpRequest", "medium", values[1], nodes[1] if len(nodes) > 1 else None)

    def _place(self, node: Node) -> None:
        """``location = …`` leaves for another page, with whatever its address holds."""
        left, right = node.get("left"), node.get("right")
        value = self._look.values.of(left)
        is_other_name = left is not None and left.type == "identifier" and value != Ref((self._look.names.name(left),))
        if isinstance(value, Ref) and value.path in PLACES and not is_other_name:
            self.tell_url(node, "location", "medium", self._look.values.of(right), right)


def _is_elsewhere(parent: Node) -> bool:
    """``import {fetch}`` and ``export {fetch} from`` name what another module has."""
    if parent.type == "export_specifier":
        clause = parent.parent
        return clause is None or clause.parent is None or clause.parent.get("source") is not None
    return parent.type in _NO_REFERENCE


def _name_of(path: Path) -> str:
    return ".".join(str(part) for part in path)
