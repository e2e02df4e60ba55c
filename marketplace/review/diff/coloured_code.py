r"""Code in colours: lines of text become HTML whose spans have classes, of which code.css knows the colours.

Pygments' lexers are regular expressions, some of which take quadratic time: 32 KiB of ``"\"\"\…`` cost 7 s.
So code is lexed in short pieces, long lines not at all, and a page stops when its ``Palette`` has used up its time.
"""

import re
import time
from collections.abc import Iterator, Sequence
from functools import cache
from html import escape
from typing import Any, Final

from django.utils.safestring import SafeString, mark_safe
from pygments import lexers, token  # type: ignore[import-untyped] # it ships no types

from marketplace.review.page import visible

Segment = tuple[str, str]
"""A class of code.css, or none, and the text that has it."""

MAX_SECONDS: Final = 0.3  # of CPU, a page
MAX_COLOURED: Final = 500  # characters of a line
_PIECE: Final = 2048  # characters after which the next line that is not indented begins a new piece
_LARGEST_PIECE: Final = 4096

_LEXERS: Final[dict[str, str]] = {
    **dict.fromkeys(("js", "mjs", "cjs", "jsx"), "JavascriptLexer"),
    **dict.fromkeys(("ts", "mts", "cts", "tsx"), "TypeScriptLexer"),
    **dict.fromkeys(("json", "map", "webmanifest"), "JsonLexer"),
    **dict.fromkeys(("html", "htm", "vue", "svelte"), "HtmlLexer"),
    **dict.fromkeys(("css", "scss", "less"), "CssLexer"),
    **dict.fromkeys(("xml", "svg"), "XmlLexer"),
    **dict.fromkeys(("yml", "yaml"), "YamlLexer"),
    "md": "MarkdownLexer",
    "py": "PythonLexer",
}
_CLASSES: Final[dict[Any, str]] = {
    token.Comment: "tc",
    token.Keyword: "tk",
    token.Operator.Word: "tk",
    token.Name.Tag: "tk",
    token.String: "ts",
    token.String.Regex: "tr",
    token.Number: "tm",
    token.Name.Function: "tf",
    token.Name.Class: "tf",
    token.Name.Attribute: "tf",
    token.Name.Builtin: "tb",
    token.Name.Decorator: "tb",
}
# Signs for what is not there to be seen: ``visible`` writes the first, and a long line that is cut has the second.
_HIDDEN: Final = re.compile("⟨(?:U\\+[0-9A-F]{4,6}|[0-9]+ characters are not shown)⟩")


class Palette:
    """Colours for one page."""

    def __init__(self, max_seconds: float = MAX_SECONDS) -> None:
        self._seconds = max_seconds

    def colour(self, lines: Sequence[str], name: str) -> list[list[Segment]]:
        """Of each line its segments, which are its text; ``name`` tells the language."""
        lexer = _lexer_for(name.rpartition(".")[2].lower())
        coloured: list[list[Segment]] = []
        for piece in _pieces(lines):
            if lexer is None or self._seconds <= 0 or len(piece[0]) > MAX_COLOURED:
                coloured += [[("", line)] for line in piece]
                continue
            started = time.thread_time()
            coloured += _lex(lexer, piece)
            self._seconds -= time.thread_time() - started
        return coloured


def _lexer_for(extension: str) -> Any:
    return _make_lexer(_LEXERS[extension]) if extension in _LEXERS else None


@cache
def _make_lexer(name: str) -> Any:
    """One for all: a lexer keeps no state of a text. What stands between the fences of a Markdown file has no colours:
    their first line could name any of 600 lexers, and some of those take exponential time.
    """
    return getattr(lexers, name)(**({"handlecodeblocks": False} if name == "MarkdownLexer" else {}))


def _pieces(lines: Sequence[str]) -> Iterator[list[str]]:
    """Runs of whole lines; a line that is too long is a piece of its own."""
    piece: list[str] = []
    size = 0
    for line in lines:
        is_long = len(line) > MAX_COLOURED
        starts = bool(line) and not line[0].isspace()
        if piece and (is_long or size + len(line) > _LARGEST_PIECE or (size > _PIECE and starts)):
            yield piece
            piece, size = [], 0
        piece.append(line)
        size += len(line) + 1
        if is_long:
            yield piece
            piece, size = [], 0
    if piece:
        yield piece


def _lex(lexer: Any, lines: list[str]) -> list[list[Segment]]:
    text = "\n".join(lines)
    # A sign for what is hidden stays in one token, as a letter of a name would.
    masked = _HIDDEN.sub(lambda sign: "_" * len(sign[0]), text) if "⟨" in text else text
    runs: list[tuple[str, int]] = []  # a class, and where it ends
    at, current = 0, ""
    try:
        for _, kind, piece in lexer.get_tokens_unprocessed(masked):
            if not masked.startswith(piece, at):
                break
            # Spaces have no colour, and within a line they break no run.
            name = current if piece.isspace() and "\n" not in piece else _class_of(kind)
            if name != current:
                runs.append((current, at))
                current = name
            at += len(piece)
    except Exception:  # noqa: BLE001 - a lexer of a library's, on a stranger's text: colours are no reason to fail
        at = -1
    if at != len(text):  # what is shown is what is there, whatever a lexer makes of it
        return [[("", line)] for line in lines]
    return _cut_at_line_ends(text, [*runs, (current, at)])


def _cut_at_line_ends(text: str, runs: Sequence[tuple[str, int]]) -> list[list[Segment]]:
    coloured: list[list[Segment]] = [[]]
    start = 0
    for name, end in runs:
        first, *rest = text[start:end].split("\n")
        if first:
            coloured[-1].append((name, first))
        coloured += [[(name, part)] if part else [] for part in rest]
        start = end
    return coloured


@cache
def _class_of(kind: Any) -> str:
    """Of the nearest of its kinds that has one."""
    while kind is not None and kind not in _CLASSES:
        kind = kind.parent
    return _CLASSES.get(kind, "")


def paint(segments: Sequence[Segment], mark: tuple[int, int] | None = None) -> str:
    """HTML of one line; ``mark`` is the half-open range of characters that differ from the other side's."""
    if mark is None:
        return "".join(_span(name, text) for name, text in segments)
    html, at = [], 0
    start, end = mark
    for name, text in segments:
        stops = [min(max(stop - at, 0), len(text)) for stop in (start, end)]
        html.append(_span(name, text[: stops[0]]))
        if stops[0] < stops[1]:
            html.append(f"<mark>{_span(name, text[stops[0] : stops[1]])}</mark>")
        html.append(_span(name, text[stops[1] :]))
        at += len(text)
    return "".join(html)


def _span(name: str, text: str) -> str:
    if not text:
        return ""
    shown = escape(text, quote=False)
    if "⟨" in shown:
        shown = _HIDDEN.sub(r'<b class="hid">\g<0></b>', shown)
    return f'<span class="{name}">{shown}</span>' if name else shown


def paint_lines(text: str, *, name: str) -> list[SafeString]:
    """A whole file by its lines; the line feed at its end begins no line."""
    lines = visible(text).removesuffix("\n").split("\n")
    return [mark_safe(paint(line)) for line in Palette().colour(lines, name)]  # noqa: S308 - escaped by ``paint``
