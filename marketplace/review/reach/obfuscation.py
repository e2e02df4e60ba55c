"""Code that is written not to be read, and code that is not seen at all."""

import re
import unicodedata
from typing import Final

from marketplace.review.hidden_characters import visible
from marketplace.review.reach.findings import entropy_of, quote
from marketplace.review.reach.globals import HIDDEN_NAMES
from marketplace.review.reach.looking import Look
from marketplace.review.reach.meanings import unwrap
from marketplace.review.reach.syntax import Node

_RENAMED: Final = re.compile(rb"\b_0x[0-9a-f]{2,8}\b")
_MOST_RENAMED: Final = 8
_LONG_LINE: Final = 5_000
_ESCAPES: Final = re.compile(rb"\\x[2-7][0-9a-fA-F]|\\u00[2-7][0-9a-fA-F]|\\u\{0{0,4}[2-7][0-9a-fA-F]\}")
_MANY_ESCAPES, _VERY_MANY_ESCAPES = 40, 200
_BLANKS: Final = re.compile(rb"(?<![ \t])[ \t]{200,}+(?=[^\s])")
_WIDE_BLANKS: Final = re.compile("(?<![\u00a0\u2000-\u200a\u3000])[\u00a0\u2000-\u200a\u3000]{100,}+(?=\\S)")
_SIX_SIGNS: Final = re.compile(rb"(?<![\[\]()!+])[\[\]()!+]{200,}+")
# Bidirectional overrides and isolates, and letters that show as nothing.
_TURNED: Final = re.compile("[\u202a-\u202e\u2066-\u2069]")
_BLANK_LETTERS: Final = re.compile("[\u115f\u1160\u3164\uffa0]")
_INVISIBLE: Final = re.compile(
    "[\u00ad\u034f\u061c\u180b-\u180f\u200b-\u200f\u2060-\u2064\ufe00-\ufe0f\ufeff\U000e0000-\U000e01ef]{8,}"
)
_PACKED: Final = re.compile(r"[A-Za-z0-9+/=_\-\s]{1000,}")
_MEDIA: Final = re.compile(r"data:(?:image|font|audio|video|application/(?:x-)?font)", re.IGNORECASE)
_MOST_PACKED_ENTROPY: Final = 3.8
_LONG_TEXT, _SHORT_TEXT = 1_000, 8
_MANY_PLACES, _MANY_TEXTS = 10, 10
_DECODERS: Final = frozenset({
    ("atob",), ("unescape",), ("decodeURIComponent",), ("String", "fromCharCode"), ("String", "fromCodePoint"),
    ("Buffer", "from"),
})  # fmt: skip
_LOOPS: Final = frozenset({"while_statement", "for_statement", "do_statement", "for_in_statement"})
_CODE_LIKE: Final = re.compile(
    r"https?://|\beval\b|\bfunction\b|=>|\brequire\s*\(|\bdocument\b|\bfetch\b|<script", re.IGNORECASE
)
_FUNCTIONS_ALIKE: Final = frozenset({"call_expression", "binary_expression", "template_string", "subscript_expression"})


def look_at_text(look: Look) -> None:
    """What is seen without a parser; also of files that no parser understands."""
    source = look.source
    renamed = set(_RENAMED.findall(source))
    if len(renamed) >= _MOST_RENAMED:
        at = _RENAMED.search(source)
        _tell(look, at, "obfuscation", "high", f"{len(renamed)} names are numbers, such as {_decoded(at)}.")
    if (at := _SIX_SIGNS.search(source)) is not None:
        _tell(look, at, "obfuscation", "high", "Code is written in brackets, plus and exclamation marks alone.")
    _long_line(look)
    escapes = sum(1 for _ in _ESCAPES.finditer(source))
    if escapes >= _MANY_ESCAPES:
        severity = "high" if escapes >= _VERY_MANY_ESCAPES else "medium"
        _tell(
            look,
            _ESCAPES.search(source),
            "obfuscation",
            severity,
            f"{escapes} plain characters are written as escapes.",
        )
    for blanks in _BLANKS.finditer(source):
        look.tell(blanks.end(), "hidden", "high", f"Code stands behind {blanks.end() - blanks.start()} blanks.")
    if not source.isascii():
        _invisible(look, source.decode("utf-8", "surrogateescape"))


def _tell(look: Look, match: re.Match[bytes] | None, kind: str, severity: str, what: str) -> None:
    look.tell(match.start() if match is not None else 0, kind, severity, what)


def _decoded(match: re.Match[bytes] | None) -> str:
    return "" if match is None else match[0].decode("ascii", "replace")


def _long_line(look: Look) -> None:
    start = 0
    for line in look.source.split(b"\n"):
        if len(line) > _LONG_LINE:
            look.tell(start, "obfuscation", "low", f"A line has {len(line)} bytes: the code is minified or packed.")
            return
        start += len(line) + 1


def _invisible(look: Look, text: str) -> None:
    for pattern, words in (
        (_TURNED, "Characters show the code in another order than it runs in"),
        (_BLANK_LETTERS, "A letter that shows as nothing"),
        (_INVISIBLE, "A run of characters that show as nothing"),
        (_WIDE_BLANKS, "Code stands behind wide blanks"),
    ):
        for count, match in enumerate(pattern.finditer(text)):
            if count >= _MANY_PLACES:
                break
            at = len(text[: match.start()].encode("utf-8", "surrogateescape"))
            first = visible(match[0][0]) if pattern is not _WIDE_BLANKS else f"{len(match[0])} of them"
            look.tell(at, "hidden", "high", f"{words}: {first}.")


def look_at_tree(look: Look) -> None:
    has_table = False
    for node in look.names.code:
        match node.type:
            case "array":
                has_table = has_table or _is_table(node)
            case "identifier" | "property_identifier":
                _name(look, node)
            case "string":
                _string(look, node)
            case _ if node.type in _FUNCTIONS_ALIKE:
                _folded(look, node)
    if has_table:
        _rotation(look)


def _is_table(node: Node) -> bool:
    return len(node.kids) >= _MANY_TEXTS and sum(kid.type == "string" for kid in node.kids) >= len(node.kids) * 0.9


def _rotation(look: Look) -> None:
    """A table of texts that is turned before it is used: ``table.push(table.shift())`` in a loop."""
    for node in look.names.code:
        if node.type != "call_expression":
            continue
        outer = unwrap(node.get("function"))
        arguments = node.get("arguments")
        inner = arguments.kids[0] if arguments is not None and arguments.kids else None
        if inner is None or inner.type != "call_expression":
            continue
        shift = unwrap(inner.get("function"))
        if _method(look, outer) == "push" and _method(look, shift) == "shift" and _is_in_loop(node):
            look.tell(node, "obfuscation", "high", "A table of texts is turned around before it is used.")
            return


def _method(look: Look, node: Node) -> str | None:
    return look.values.key_of(node) if node.type in {"member_expression", "subscript_expression"} else None


def _is_in_loop(node: Node) -> bool:
    above = node.parent
    while above is not None:
        if above.type in _LOOPS:
            return True
        above = above.parent
    return False


def _name(look: Look, node: Node) -> None:
    text = look.text(node)
    if text.isascii():
        return
    if any(unicodedata.category(one) == "Cf" or _BLANK_LETTERS.match(one) for one in text):
        look.tell(node, "hidden", "high", f"A name has characters that do not show: {quote(text)}.")


def _string(look: Look, node: Node) -> None:
    raw = look.text(node)
    if len(raw) > _LONG_TEXT:
        _packed(look, node, raw)
    elif "\\" in raw and look.values.of(node) in HIDDEN_NAMES:
        look.tell(node, "obfuscation", "high", f"The name {quote(str(look.values.of(node)))} is written in escapes.")


def _packed(look: Look, node: Node, raw: str) -> None:
    if not _MEDIA.match(raw, 1) and _PACKED.fullmatch(raw[1:-1]) and entropy_of(raw[:20_000]) >= _MOST_PACKED_ENTROPY:
        look.tell(node, "obfuscation", "medium", f"A text of {len(raw)} characters looks packed or encrypted.")


def _folded(look: Look, node: Node) -> None:
    """Names and code that are nowhere in the file and come out of what is."""
    if node.type == "template_string" and not any(kid.type == "template_substitution" for kid in node.kids):
        return
    if node.parent is not None and node.parent.type == "binary_expression" and node.type == "binary_expression":
        return
    text = look.values.of(node)
    if not isinstance(text, str):
        return
    if text in HIDDEN_NAMES and not _is_plain(look, node):
        look.tell(
            node, "obfuscation", "high", f"The name {quote(text)} is put together from pieces: {look.quoted(node)}."
        )
    elif node.type == "call_expression" and len(text) > _SHORT_TEXT and _CODE_LIKE.search(text):
        is_there = text[:40] in look.text(node) or any(text in look.text(one) for one in _arguments(node))
        if not is_there and _decodes(look, node):
            look.tell(node, "obfuscation", "high", f"A text is decoded that is code or an address: “{quote(text)}”.")


def _arguments(node: Node) -> list[Node]:
    given = node.get("arguments")
    return [] if given is None else given.kids


def _decodes(look: Look, node: Node, depth: int = 0) -> bool:
    """Whether the call makes something else of what it is given, rather than look something up or join paths."""
    target = look.values.resolve(node).target
    path = getattr(target, "path", ())
    if path in _DECODERS:
        return True
    callee = unwrap(node.get("function"))
    base = callee.get("object") if callee.type in {"member_expression", "subscript_expression"} else None
    inner = unwrap(base)
    return (
        inner.type in {"call_expression", "array"}
        and _method(look, callee) in {"join", "toString"}
        and (
            inner.type != "call_expression"
            or _method(look, unwrap(inner.get("function"))) in {"reverse", "map", "from"}
            or _decodes(look, inner, depth + 1)
        )
    )


def _is_plain(look: Look, node: Node) -> bool:
    """``names.fetch`` of a table that has the word: it is in the file as it is."""
    text = look.values.of(node)
    return node.type == "subscript_expression" or (node.type == "call_expression" and f'"{text}"' in look.text(node))
