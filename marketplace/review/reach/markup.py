"""The scripts in a page: elements, handlers, addresses that are code; and what the page itself loads."""

import html
import re
from collections.abc import Iterator
from typing import Final, NamedTuple

from marketplace.review.reach import elements
from marketplace.review.reach.looking import Look
from marketplace.review.reach.syntax import JAVASCRIPT, TSX, TYPESCRIPT, Node

_SCRIPT_TYPES: Final = frozenset({
    "", "module", "text/javascript", "application/javascript", "text/ecmascript", "application/ecmascript", "text/jsx",
    "text/babel", "application/x-javascript", "text/x-javascript", "javascript",
})  # fmt: skip
_TYPESCRIPTS: Final = frozenset({"ts", "typescript", "text/typescript", "tsx"})
_HANDLER: Final = re.compile(r"on[a-z]{2,}|(?:@|v-on:|on:)[a-z]{2,}", re.IGNORECASE)
_ADDRESSES: Final = frozenset(
    {"src", "href", "action", "formaction", "data", "poster", "background", "xlink:href", "ping"}
)
_ELEMENTS_LOADING: Final = frozenset({"link", "base"})  # whose href is loaded, or changes what others load
_ANY_URL: Final = re.compile(r"(?:https?:)?//[^\s\"';,)]+", re.IGNORECASE)


_STYLE_URL: Final = re.compile(
    rb"url\(\s*[\"']?\s*((?:https?:)?//[^\s\"')]{1,300})|@import\s+[\"']((?:https?:)?//[^\"']{1,300})", re.IGNORECASE
)


class Piece(NamedTuple):
    """``at``: where it begins in the file. ``exact``: its bytes are the file's, so each has a place of its own."""

    source: bytes
    grammar: str
    at: int
    exact: bool


class _Attribute(NamedTuple):
    name: str
    value: str
    at: int


def pieces_of(look: Look) -> Iterator[Piece]:
    """The code in the page; what its elements load is told on the way."""
    for node in look.root.walk():
        if node.type == "style_element":
            for raw in node.kids:
                if raw.type == "raw_text":
                    look_at_styles(look, raw.start, raw.end)
        if node.type in {"start_tag", "self_closing_tag"}:
            yield from _tag(look, node)
        elif node.type == "script_element":
            yield from _script(look, node)


def _script(look: Look, node: Node) -> Iterator[Piece]:
    told = {one.name: one.value for tag in node.kids if tag.type == "start_tag" for one in _attributes(look, tag)}
    kind = told.get("type", "").split(";")[0].strip().lower()
    is_typescript = told.get("lang", kind).lower() in _TYPESCRIPTS
    if kind not in _SCRIPT_TYPES and not is_typescript:
        return
    for raw in node.kids:
        if raw.type == "raw_text":
            yield Piece(
                look.source[raw.start : raw.end], TYPESCRIPT if is_typescript else JAVASCRIPT, raw.start, exact=True
            )


def _tag(look: Look, node: Node) -> Iterator[Piece]:
    name = next((look.source[kid.start : kid.end].decode("utf-8", "replace").lower() for kid in node.kids), "")
    attributes = list(_attributes(look, node))
    for attribute in attributes:
        if _HANDLER.match(attribute.name):
            code = attribute.value.removeprefix("{").removesuffix("}")
            yield Piece(code.encode("utf-8", "surrogatepass"), JAVASCRIPT, attribute.at, exact=False)
        elif attribute.name == "srcdoc":
            yield Piece(attribute.value.encode("utf-8", "surrogatepass"), "html", attribute.at, exact=False)
        elif attribute.name in _ADDRESSES:
            yield from _address(look, name, attribute)
        elif name == "meta" and attribute.name == "content" and _refreshes(attributes):
            for url in _ANY_URL.findall(attribute.value)[:3]:
                elements.tell_address(look, attribute.at, "A page that goes on by itself", url)


def _address(look: Look, name: str, attribute: _Attribute) -> Iterator[Piece]:
    value = attribute.value.strip()
    # A browser skips tabs and ends of lines in an address.
    plain = "".join(value.split()) if ":" in value[:40] else value
    if elements.is_code(plain):
        elements.tell_address(look, attribute.at, f"<{name}>", plain)
        scheme, _, code = plain.partition(":")
        if scheme.lower() == "javascript":
            yield Piece(html.unescape(code).encode("utf-8", "surrogatepass"), JAVASCRIPT, attribute.at, exact=False)
    elif name == "script" and attribute.name == "src" and "//" not in value:
        look.collected.imports.add((look.file, value if value.startswith((".", "/")) else f"./{value}"))
    elif name != "a" and (attribute.name != "href" or name in _ELEMENTS_LOADING or name == "image"):
        elements.tell_address(look, attribute.at, f"<{name}>", value)


def look_at_styles(look: Look, start: int, end: int) -> None:
    """What a style sheet loads: an address may carry what its selectors have found in the page."""
    for found in _STYLE_URL.finditer(look.source, start, end):
        url = (found[1] or found[2]).decode("utf-8", "replace")
        elements.tell_address(look, found.start(), "A style sheet", url)


def _refreshes(attributes: list[_Attribute]) -> bool:
    return any(one.name == "http-equiv" and one.value.lower() == "refresh" for one in attributes)


def _attributes(look: Look, tag: Node) -> Iterator[_Attribute]:
    for node in tag.kids:
        if node.type != "attribute" or not node.kids:
            continue
        name = look.source[node.kids[0].start : node.kids[0].end].decode("utf-8", "replace").lower()
        value, at = "", node.start
        for part in node.walk():
            if part.type == "attribute_value":
                value, at = look.source[part.start : part.end].decode("utf-8", "replace"), part.start
        yield _Attribute(name, html.unescape(value), at)


def grammar_of(suffix: str) -> str:
    if suffix in {".ts", ".mts", ".cts"}:
        return TYPESCRIPT
    if suffix == ".tsx":
        return TSX
    return "html" if suffix in {".html", ".htm", ".vue", ".svelte", ".svg", ".xhtml", ".xml"} else JAVASCRIPT
