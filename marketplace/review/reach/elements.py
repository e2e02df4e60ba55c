"""Code and requests by way of the page: elements, their attributes, markup, and addresses that are code."""

import re
from typing import Any, Final

from marketplace.review.reach.findings import quote
from marketplace.review.reach.globals import describe_url
from marketplace.review.reach.looking import Look
from marketplace.review.reach.meanings import Made, Ref, unwrap
from marketplace.review.reach.syntax import Node

# What an element of this kind does once it has an address.
_ELEMENTS: Final = {
    "<script>": ("code_from_text", "medium", "A <script> element is made."),
    "<iframe>": ("network", "medium", "An <iframe> element is made."),
    "<frame>": ("network", "medium", "A <frame> element is made."),
    "<object>": ("network", "medium", "An <object> element is made."),
    "<embed>": ("network", "medium", "An <embed> element is made."),
    "<form>": ("network", "medium", "A <form> element is made."),
}
_ADDRESSES: Final = frozenset(
    {"src", "href", "action", "formaction", "formAction", "data", "srcset", "poster", "background"}
)
_CODE_OF_SCRIPT: Final = frozenset({"text", "textContent", "innerText", "innerHTML"})
_MARKUP: Final = frozenset({"innerHTML", "outerHTML", "srcdoc", "srcDoc", "__html"})
_MARKUP_CALLS: Final = frozenset({
    "insertAdjacentHTML", "createContextualFragment", "parseFromString", "setHTMLUnsafe", "write", "writeln",
})  # fmt: skip
_INTO_PAGES: Final = frozenset({"insertAdjacentHTML", "createContextualFragment", "setHTMLUnsafe"})
_ACTIVE: Final = re.compile(
    r"<\s*(?:script|iframe|object|embed)\b|[\s\"'/<]on[a-z]{3,20}\s*=|javascript:", re.IGNORECASE
)
_EXTERNAL: Final = re.compile(r"\b(?:src|action|href)\s*=\s*[\"']?((?:https?:)?//[^\s\"'>]{1,300})", re.IGNORECASE)
_SCRIPT_ADDRESS: Final = re.compile(
    r"\s*(?:javascript:|vbscript:|data:(?:text|application)/(?:x-)?(?:javascript|ecmascript)|data:text/html|"
    r"data:application/xhtml)",
    re.IGNORECASE,
)
_IDLE: Final = re.compile(r"\s*javascript:\s*(?:void\s*\(?\s*0\s*\)?|undefined|false)?\s*;*\s*", re.IGNORECASE)
_HANDLER: Final = re.compile(r"on[a-z]{3,}")
_NAME_AND_VALUE: Final = 2
_JSX: Final = frozenset({"jsx_opening_element", "jsx_self_closing_element"})
_LOUD: Final = frozenset({"script", "iframe", "object", "embed", "frame"})


def look_at_elements(look: Look) -> None:
    for node in look.names.code:
        match node.type:
            case "call_expression":
                _call(look, node)
            case "new_expression":
                _new(look, node)
            case "assignment_expression":
                _assign(look, node)
            case "pair":
                key = node.get("key")
                if key is not None and look.text(key) == "__html":
                    _markup(look, node, look.values.of(node.get("value")))
                    _made_markup(look, node, look.values.of(node.get("value")))
            case "string" | "template_string" | "binary_expression":
                _text(look, node)
            case _ if node.type in _JSX:
                _jsx(look, node)


def tell_address(look: Look, at: Node | int, element: str, url: str) -> None:
    """Of an attribute that loads, or goes to, ``url``."""
    if is_code(url):
        look.tell(at, "code_from_text", "high", f"{element} runs a text as code: “{quote(url)}”.")
    elif "//" in url[:300] and (shown := describe_url(url))[1] != "low":
        is_code_element = element in {"<script>", "<embed>", "<object>"}
        look.tell(at, "network", "high" if is_code_element else shown[1], f"{element} loads {quote(shown[0])}.")


def is_code(url: str) -> bool:
    """``javascript:`` and the like, but for those that do nothing."""
    return _SCRIPT_ADDRESS.match(url) is not None and _IDLE.fullmatch(url[:200]) is None


def _call(look: Look, node: Node) -> None:
    call = look.values.resolve(node)
    if (
        isinstance(call.target, Ref)
        and call.target.path[:1] == ("document",)
        and call.target.path[1:2]
        and (str(call.target.path[1]).startswith("createElement"))
    ):
        made = look.values.of(node)
        if isinstance(made, Made) and made.what in _ELEMENTS:
            look.tell(node, *_ELEMENTS[made.what])
        return
    callee = unwrap(node.get("function"))
    if callee.type not in {"member_expression", "subscript_expression"}:
        return
    name = look.values.key_of(callee)
    if name in {"setAttribute", "setAttributeNS"}:
        _set_attribute(look, node, look.values.of(callee.get("object")), call.values[-2:])
    elif name in _MARKUP_CALLS:
        for value in call.values:
            _markup(look, node, value)
        if name in _INTO_PAGES and call.values:
            _made_markup(look, node, call.values[-1])
    elif name == "execCommand" and call.values and call.values[0] in {"copy", "cut", "paste"}:
        look.tell(node, "storage", "medium", f"execCommand uses the clipboard: {call.values[0]}.")


def _set_attribute(look: Look, node: Node, base: Any, values: list[Any]) -> None:
    if len(values) < _NAME_AND_VALUE:
        return
    name = values[0].lower() if isinstance(values[0], str) else ""
    if _HANDLER.fullmatch(name):
        code = f": “{quote(values[1])}”" if isinstance(values[1], str) else " that is put together at run time"
        look.tell(node, "code_from_text", "high", f"The attribute {quote(name)} is given code{code}.")
    elif name in _ADDRESSES:
        _set_address(look, node, base, values[1])
    elif name == "srcdoc":
        _markup(look, node, values[1])


def _set_address(look: Look, node: Node, base: Any, value: Any) -> None:
    element = base.what if isinstance(base, Made) and base.what.startswith("<") else "An element"
    if isinstance(value, str):
        if element == "<a>" and not is_code(value):
            return
        tell_address(look, node, element, value)
    elif element not in {"An element", "<a>"}:
        look.tell(
            node, "network", "medium", f"{element} loads an address that is not in the code: {look.quoted(node)}."
        )


def _assign(look: Look, node: Node) -> None:
    left, right = node.get("left"), node.get("right")
    if left is None or left.type not in {"member_expression", "subscript_expression"}:
        return
    name = look.values.key_of(left)
    if name is None:
        return
    base, value = look.values.of(left.get("object")), look.values.of(right)
    if base == Made("<script>") and name in _CODE_OF_SCRIPT:
        code = f": “{quote(value)}”" if isinstance(value, str) else " that is put together at run time"
        look.tell(node, "code_from_text", "high", f"A <script> element is given code{code}.")
    elif name in _MARKUP:
        _markup(look, node, value)
        _made_markup(look, node, value)
    elif name in _ADDRESSES and not isinstance(base, Ref):
        _set_address(look, node, base, value)


def _markup(look: Look, node: Node, value: Any) -> None:
    if not isinstance(value, str):
        return
    if (active := _ACTIVE.search(value)) is not None:
        part = value[active.start() : active.start() + 200]
        look.tell(node, "code_from_text", "high", f"Markup that runs code is put into the page: “{quote(part)}”.")
    elif (external := _EXTERNAL.search(value)) is not None:
        tell_address(look, node, "Markup", external[1])


def _made_markup(look: Look, node: Node, value: Any) -> None:
    """Common, and harmless as long as nobody else's text is in it."""
    if not isinstance(value, str):
        look.tell(node, "code_from_text", "low", "Markup that is put together at run time goes into the page.")


def _new(look: Look, node: Node) -> None:
    call = look.values.resolve(node)
    if call.target != Ref(("Blob",)) and call.target != Ref(("File",)):
        return
    options = call.nodes[-1] if call.nodes else None
    kind = look.values.property_of(look.values.of(options), "type")
    if isinstance(kind, str) and ("javascript" in kind.lower() or "html" in kind.lower()):
        look.tell(node, "code_from_text", "medium", f"A file of code is made of a text: {quote(kind)}.")


def _text(look: Look, node: Node) -> None:
    if node.type == "binary_expression" and node.parent is not None and node.parent.type == "binary_expression":
        return  # the whole is looked at
    text = look.values.text_of(node)
    if text is not None and ":" in text[:40] and is_code(text[:4000]):
        look.tell(node, "code_from_text", "high", f"An address runs text as code: “{quote(text)}”.")


def _jsx(look: Look, node: Node) -> None:
    name = node.get("name")
    tag = "" if name is None else look.text(name)
    if tag in _LOUD:
        look.tell(node, "code_from_text" if tag == "script" else "network", "medium", f"A <{tag}> element is made.")
    for attribute in node.kids:
        if attribute.type != "jsx_attribute" or len(attribute.kids) < _NAME_AND_VALUE:
            continue
        told, given = look.text(attribute.kids[0]), attribute.kids[1]
        value = look.values.of(given.kids[0] if given.type == "jsx_expression" and given.kids else given)
        if not isinstance(value, str):
            continue
        if told in _ADDRESSES and (tag != "a" or is_code(value)):
            tell_address(look, attribute, f"<{tag}>", value)
        elif told in _MARKUP:
            _markup(look, attribute, value)
