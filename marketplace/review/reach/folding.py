"""What operators and functions of the language make of constants. Every function gives None where it cannot tell."""

import base64
import binascii
import math
import sys
from collections.abc import Sequence
from typing import Any, Final
from urllib.parse import quote, unquote

MAX_TEXT: Final = 1024 * 1024
MAX_ITEMS: Final = 20_000
_EXACT: Final = 1e15  # whole numbers up to here are what they are
_RADIXES: Final = range(2, 37)
_TWO: Final = 2


class Items(tuple[Any, ...]):
    """An array; what cannot be known in it is None."""

    __slots__ = ()


Constant = str | int | float | bool | Items


def is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def as_text(value: Any) -> str | None:
    """As JavaScript turns a constant into a string."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Items):
        parts = [as_text(one) for one in value]
        return None if None in parts else ",".join(filter(None, parts))
    if isinstance(value, float) and value.is_integer() and abs(value) < _EXACT:
        return str(int(value))
    return str(value) if is_number(value) else None


def parse_number(text: str) -> int | float | None:
    text = text.replace("_", "").removesuffix("n").lower()
    try:
        if text[:2] in {"0x", "0o", "0b"}:
            return int(text, 0)
        return float(text) if any(one in text for one in ".e") else int(text[:400])
    except ValueError:
        return None


def operate(operator: str, left: Any, right: Any) -> Constant | None:  # noqa: C901, PLR0911 - a table
    if operator == "+" and not (is_number(left) and is_number(right)):
        first, second = as_text(left), as_text(right)
        return None if first is None or second is None or len(first) + len(second) > MAX_TEXT else first + second
    if not (is_number(left) and is_number(right)) or abs(left) > _EXACT or abs(right) > _EXACT:
        return None
    whole, other = _int32(left), _int32(right)
    match operator:
        case "+":
            return _known(left + right)
        case "-":
            return _known(left - right)
        case "*":
            return _known(left * right)
        case "/":
            return _known(left / right) if right else None
        case "%":
            return _known(math.fmod(left, right)) if right else None
        case "^":
            return whole ^ other
        case "&":
            return whole & other
        case "|":
            return whole | other
        case "<<":
            return _int32(whole << (other & 31))
        case ">>":
            return whole >> (other & 31)
    return None


def _int32(number: float) -> int:
    whole = int(number) & 0xFFFFFFFF
    return whole - (1 << 32) if whole >> 31 else whole


def _known(number: float) -> int | float:
    return int(number) if float(number).is_integer() else number


def from_codes(values: Sequence[Any]) -> str | None:
    if len(values) > MAX_ITEMS or not all(is_number(one) and 0 <= one <= sys.maxunicode for one in values):
        return None
    return "".join(chr(int(one)) for one in values)


def from_base64(text: Any) -> str | None:
    if not isinstance(text, str) or len(text) > MAX_TEXT:
        return None
    packed = "".join(text.split()).replace("-", "+").replace("_", "/").rstrip("=")
    try:
        return base64.b64decode(packed + "=" * (-len(packed) % 4), validate=True).decode("latin-1")
    except (binascii.Error, ValueError):
        return None


def to_base64(text: Any) -> str | None:
    if not isinstance(text, str) or len(text) > MAX_TEXT:
        return None
    try:
        return base64.b64encode(text.encode("latin-1")).decode("ascii")
    except UnicodeEncodeError:
        return None


def call_builtin(  # noqa: C901, PLR0911 - a table
    path: tuple[str | None, ...], values: Sequence[Any]
) -> Constant | None:
    """A function of the browser or of Node.js that makes one constant of others."""
    first = values[0] if values else None
    match path:
        case ("String", "fromCharCode" | "fromCodePoint"):
            return from_codes(values)
        case ("String",):
            return as_text(first)
        case ("atob",):
            return from_base64(first)
        case ("btoa",):
            return to_base64(first)
        case ("unescape" | "decodeURIComponent" | "decodeURI",):
            return unquote(first) if isinstance(first, str) and len(first) <= MAX_TEXT else None
        case ("encodeURIComponent" | "encodeURI" | "escape",):
            return quote(first) if isinstance(first, str) and len(first) <= MAX_TEXT else None
        case ("parseInt" | "Number" | "parseFloat",):
            return _parse_int(first, values[1] if len(values) > 1 else 10)
        case ("Array", "of"):
            return Items(values)
        case ("Array", "from"):
            return Items(first) if isinstance(first, str | Items) else None
        case ("Buffer", "from"):
            return _from_buffer(first, values[1] if len(values) > 1 else "utf8")
    return None


def _from_buffer(value: Any, encoding: Any) -> str | None:
    if isinstance(value, Items):
        return from_codes(value)
    if not isinstance(value, str):
        return None
    if encoding in {"base64", "base64url"}:
        return from_base64(value)
    if encoding == "hex":
        try:
            return bytes.fromhex(value).decode("latin-1")
        except ValueError:
            return None
    return value


def _parse_int(value: Any, radix: Any) -> int | float | None:
    if is_number(value):
        return _known(value)
    try:
        return int(value[:100], int(radix)) if isinstance(value, str) and is_number(radix) else None
    except ValueError:
        return None


def call_method(base: Any, name: str, values: Sequence[Any]) -> Constant | None:
    """Of a string or an array."""
    numbers = [int(one) for one in values if is_number(one) and abs(one) < _EXACT]
    if isinstance(base, Items):
        return _call_array(base, name, values, numbers)
    if isinstance(base, str):
        return _call_string(base, name, values, numbers)
    if is_number(base) and name == "toString":
        return _in_radix(int(base), numbers[0]) if numbers and numbers[0] in _RADIXES else as_text(base)
    return None


def _in_radix(number: int, radix: int) -> str:
    digits = ""
    rest = abs(number)
    while rest:
        digits = "0123456789abcdefghijklmnopqrstuvwxyz"[rest % radix] + digits
        rest //= radix
    return ("-" if number < 0 else "") + (digits or "0")


def _call_array(  # noqa: PLR0911 - a table
    base: Items, name: str, values: Sequence[Any], numbers: list[int]
) -> Constant | None:
    match name:
        case "join" | "toString":
            separator = values[0] if values else ","
            parts = [as_text(one) for one in base]
            if None in parts or not isinstance(separator, str):
                return None
            made = separator.join(filter(None, parts)) if "" not in parts else separator.join(map(str, parts))
            return made if len(made) <= MAX_TEXT else None
        case "reverse" | "toReversed":
            return Items(reversed(base))
        case "concat":
            made_items: list[Any] = list(base)
            for one in values:
                made_items.extend(one if isinstance(one, Items) else [one])
            return Items(made_items) if len(made_items) <= MAX_ITEMS else None
        case "slice":
            return Items(base[slice(*numbers[:2])]) if len(numbers) == len(values) else None
        case "at":
            return base[numbers[0]] if numbers and -len(base) <= numbers[0] < len(base) else None
    return None


def _call_string(  # noqa: C901, PLR0911, PLR0912 - a table
    base: str, name: str, values: Sequence[Any], numbers: list[int]
) -> Constant | None:
    texts = [one for one in values if isinstance(one, str)]
    all_numbers, all_texts = len(numbers) == len(values), len(texts) == len(values)
    match name:
        case "toString" | "valueOf" | "normalize" | "toWellFormed":
            return base
        case "concat":
            parts = [as_text(one) for one in values]
            return None if None in parts else base + "".join(filter(None, parts))
        case "split" if all_texts and len(texts) == 1:
            made = base.split(texts[0]) if texts[0] else list(base)
            return Items(made) if len(made) <= MAX_ITEMS else None
        case "slice" if all_numbers:
            return base[slice(*(numbers[:2] if len(numbers) > 1 else [*numbers, None]))]
        case "substring" if all_numbers and numbers:
            ends = sorted(max(0, min(one, len(base))) for one in [*numbers, len(base)][:2])
            return base[ends[0] : ends[1]]
        case "substr" if all_numbers and numbers:
            start = numbers[0] if numbers[0] >= 0 else max(0, len(base) + numbers[0])
            return base[start : start + max(0, numbers[1])] if len(numbers) > 1 else base[start:]
        case "charAt" | "at" if all_numbers:
            at = numbers[0] if numbers else 0
            return base[at] if -len(base) <= at < len(base) and (at >= 0 or name == "at") else ""
        case "charCodeAt" | "codePointAt" if all_numbers:
            at = numbers[0] if numbers else 0
            return ord(base[at]) if 0 <= at < len(base) else None
        case "toLowerCase" | "toLocaleLowerCase":
            return base.lower()
        case "toUpperCase" | "toLocaleUpperCase":
            return base.upper()
        case "trim" | "trimStart" | "trimEnd":
            return base.strip()
        case "replace" if all_texts and len(texts) == _TWO:
            return base.replace(texts[0], texts[1], 1)[:MAX_TEXT]
        case "replaceAll" if all_texts and len(texts) == _TWO and texts[0]:
            return base.replace(texts[0], texts[1])[:MAX_TEXT]
        case "repeat" if all_numbers and numbers and 0 <= numbers[0] * len(base) <= MAX_TEXT:
            return base * numbers[0]
    return None
