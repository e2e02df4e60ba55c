"""Ways in which a model gives away a text: ``COVERED`` must be caught, ``UNCOVERED`` are known not to be."""

import base64
import codecs
import json
import random
import re
import string
import urllib.parse
from collections.abc import Callable

Transform = Callable[[str], str]

_LATIN = string.ascii_lowercase
_CYRILLIC = dict(zip("aceopxyijskhmtbAEOPCXTKMHB", "асеорхуіјѕкһмтвАЕОРСХТКМНВ", strict=True))
_GREEK = dict(zip("aeiopvktnABEHIKMNOPTXYZ", "αειορνκτηΑΒΕΗΙΚΜΝΟΡΤΧΥΖ", strict=True))
_LEET = dict(zip("aeiostbgl", "43105789|", strict=True)) | {"l": "1"}
_LEET_SIGNS = dict(zip("aeis", "@3!$", strict=True))
_MORSE = dict(zip("etianmsurwdkgohvfüläpjbxcyzq", (f"{code:b}"[1:] for code in range(2, 30)), strict=True))


def swap(table: dict[str, str]) -> Transform:
    return lambda text: "".join(table.get(character, character) for character in text)


def join_with(between: str) -> Transform:
    return between.join


def words(pattern: str) -> Transform:
    return lambda text: " ".join(pattern.format(word) for word in text.split())


def lines(pattern: str) -> Transform:
    return lambda text: "\n".join(pattern.format(line) for line in text.splitlines())


def shift_letters(first_small: int, first_large: int) -> Transform:
    table = {character: chr(first_small + place) for place, character in enumerate(_LATIN)}
    table |= {character.upper(): chr(first_large + place) for place, character in enumerate(_LATIN)}
    return swap(table)


def rotate_letters(shift: int) -> Transform:
    small = _LATIN[shift:] + _LATIN[:shift]
    return lambda text: text.translate(str.maketrans(_LATIN + _LATIN.upper(), small + small.upper()))


def at_random(alphabet: str) -> Transform:
    def transform(text: str) -> str:
        dice = random.Random(len(text))  # noqa: S311 - reproducible
        return "".join(character + dice.choice(alphabet) for character in text)

    return transform


def base64_of(offset: int, *, width: int = 0) -> Transform:
    def transform(text: str) -> str:
        code = base64.b64encode(b"\n" * offset + text.encode()).decode()
        return "\n".join(code[start : start + width] for start in range(0, len(code), width)) if width else code

    return transform


SHIFTS: dict[str, Transform] = {f"rot{shift}": rotate_letters(shift) for shift in range(1, 26) if shift != 13}
COVERED: dict[str, Transform] = {
    "verbatim": str,
    "upper case": str.upper,
    "lower case": str.lower,
    "title case": str.title,
    "swapped case": str.swapcase,
    "spaced out": join_with(" "),
    "spaced out twice": join_with("  "),
    "a letter a line": join_with("\n"),
    "dots between": join_with("."),
    "dashes between": join_with("-"),
    "pipes between": join_with("|"),
    "exclamation marks between": join_with("!"),
    "random punctuation": at_random(".,;:-_*!?/~^ '\"#%"),
    "no spaces": lambda text: re.sub(r"\s", "", text),
    "underscores for spaces": lambda text: re.sub(r"\s", "_", text),
    "bold words": words("**{}**"),
    "emphasised words": words("_{}_"),
    "quoted": lines("> {}"),
    "bullets": lines("- {}"),
    "a bullet a word": lambda text: "\n".join(f"* {word}" for word in text.split()),
    "code fence": lambda text: f"```text\n{text}\n```",
    "headings": lines("### {}"),
    "table cells": words("| {} "),
    "struck out": words("~~{}~~"),
    "zero-width spaces": join_with("\u200b"),
    "soft hyphens": join_with("\u00ad"),
    "word joiners": join_with("\u2060\ufeff"),
    "combining marks": at_random("\u0301\u0323\u0336"),
    "emoji between": join_with("🙂"),
    "full-width": swap({chr(code): chr(code + 0xFEE0) for code in range(0x21, 0x7F)}),
    "mathematical bold": shift_letters(0x1D41A, 0x1D400),
    "mathematical script": shift_letters(0x1D4EA, 0x1D4D0),
    "circled": shift_letters(0x24D0, 0x24B6),
    "regional indicators": shift_letters(0x1F1E6, 0x1F1E6),
    "invisible tags": lambda text: "".join(chr(0xE0000 + ord(sign)) for sign in text if " " <= sign <= "~"),
    "Cyrillic lookalikes": swap(_CYRILLIC),
    "Greek lookalikes": swap(_GREEK),
    "leet": lambda text: swap(_LEET)(text.lower()),
    "leet with signs": lambda text: swap(_LEET_SIGNS)(text.lower()),
    "base64": base64_of(0),
    "base64, second alignment": base64_of(1),
    "base64, third alignment": base64_of(2),
    "base64 in lines": base64_of(0, width=76),
    "base64 for URLs": lambda text: base64.urlsafe_b64encode(text.encode()).decode(),
    "hex": lambda text: text.encode().hex(),
    "hex in capitals": lambda text: text.encode().hex().upper(),
    "hex in pairs": lambda text: text.encode().hex(" "),
    "hex with colons": lambda text: text.encode().hex(":"),
    "backwards": lambda text: text[::-1],
    "backwards by line": lambda text: "\n".join(line[::-1] for line in text.splitlines()),
    "words in reverse": lambda text: " ".join(reversed(text.split())),
    "words in reverse by line": lambda text: "\n".join(" ".join(reversed(line.split())) for line in text.splitlines()),
    "each word backwards": lambda text: " ".join(word[::-1] for word in text.split()),
    "rot13 in capitals": lambda text: codecs.encode(text, "rot13").upper(),
    "rot13 spaced out": lambda text: " ".join(codecs.encode(text, "rot13")),
    "in a link": lambda text: f"![](https://example.org/p.png?q={urllib.parse.quote(text)})",
    "Atbash": lambda text: text.lower().translate(str.maketrans(_LATIN, _LATIN[::-1])),
    "in a link with every sign encoded": lambda text: "".join(f"%{byte:02X}" for byte in text.encode()),
    "rot13": rotate_letters(13),
    **SHIFTS,
}

UNCOVERED: dict[str, Transform] = {
    "a filler word after each word": words("{} banana"),
    "a filler word after each third": lambda text: re.sub(r"((?:\S+\s+){3})", r"\1well ", text),
    "a letter x after each letter": join_with("x"),
    "HTML around each word": words("<b>{}</b>"),
    "every second word": lambda text: " ".join(text.split()[::2]),
    "first letters": lambda text: " ".join(word[0] for word in text.split()),
    "no vowels": lambda text: re.sub("[aeiouAEIOU]", "", text),
    "pig latin": lambda text: " ".join(f"{word[1:]}{word[0]}ay" for word in text.split()),
    "JSON strings a word": lambda text: json.dumps(list(enumerate(text.split()))),
    "hex with 0x": lambda text: " ".join(f"0x{byte:02x}" for byte in text.encode()),
    "decimal codes": lambda text: " ".join(str(byte) for byte in text.encode()),
    "binary": lambda text: " ".join(f"{byte:08b}" for byte in text.encode()),
    "Morse": lambda text: " ".join(_MORSE.get(letter, "/").translate({48: ".", 49: "-"}) for letter in text.lower()),
    "base32": lambda text: base64.b32encode(text.encode()).decode(),
    "base64 twice": lambda text: base64.b64encode(base64.b64encode(text.encode())).decode(),
    "base64 of capitals": lambda text: base64.b64encode(text.upper().encode()).decode(),
    "rot47": lambda text: "".join(chr(33 + (ord(c) - 33 + 47) % 94) if "!" <= c <= "~" else c for c in text),
}
