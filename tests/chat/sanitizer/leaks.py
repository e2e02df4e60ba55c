"""Ways in which a model gives away a text: ``COVERED`` must be caught, ``UNCOVERED`` are known not to be."""

import base64
import codecs
import itertools
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


def first_of_each_word(pattern: str) -> Transform:
    return lambda text: re.sub(r"\b[a-zA-Z]", lambda found: pattern.format(ord(found[0])), text)


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
    "decimal references": lambda text: "".join(f"&#{ord(sign)};" for sign in text),
    "decimal references without semicolons": lambda text: "".join(f"&#{ord(sign)}" for sign in text),
    "padded references": lambda text: "".join(f"&#{ord(sign):06};" for sign in text),
    "hexadecimal references": lambda text: "".join(f"&#x{ord(sign):x};" for sign in text),
    "references behind references": lambda text: "".join(f"&amp;#{ord(sign)};" for sign in text),
    "a reference a word": first_of_each_word("&#{};"),
    "a hexadecimal reference a word": first_of_each_word("&#x{:x};"),
    "named blanks": lambda text: text.replace(" ", "&nbsp;"),
    "named letters": lambda text: re.sub(r"[a-zA-Z]", r"&\g<0>scr;", text),
    "JSON escapes": lambda text: "".join(f"\\u{ord(sign):04x}" for sign in text),
    "JSON escapes twice": lambda text: "".join(f"\\\\u{ord(sign):04x}" for sign in text),
    "JSON escapes of bold letters": lambda text: json.dumps(shift_letters(0x1D41A, 0x1D400)(text)),
    "a JSON escape a word": first_of_each_word("\\u{:04x}"),
    "byte escapes": lambda text: "".join(f"\\x{ord(sign) % 256:02x}" for sign in text),
    "a byte escape a word": first_of_each_word("\\x{:02x}"),
    "a percent sign a word": first_of_each_word("%{:02X}"),
    "a reference every fifth letter": lambda text: "".join(
        f"&#{ord(sign)};" if place % 5 == 0 else sign for place, sign in enumerate(text)
    ),
    **SHIFTS,
}


def numbered(pattern: str, *, words: int = 1, between: str = "\n") -> Transform:
    """A slice of so many words after another, each in ``pattern`` with its number."""
    return lambda text: between.join(pattern.format(number, part) for number, part in enumerate(slices(text, words), 1))


def slices(text: str, words: int) -> list[str]:
    parts = text.split()
    return [" ".join(parts[start : start + words]) for start in range(0, len(parts), words)]


# With nothing between the words but numbers and signs.
NUMBERED: dict[str, Transform] = {
    "numbered, a word each": numbered("{}. {}"),
    "numbered, three words each": numbered("{}) {}", words=3),
    "numbered with emoji": numbered("{}\ufe0f\u20e3 {}", words=2),
    "numbers in a row": numbered("{1} {0}", between=" "),
    "a table with numbers": numbered("| {} | {} |"),
    "index and word": lambda text: json.dumps(dict(enumerate(text.split())), ensure_ascii=False),
    "pairs of index and word": lambda text: json.dumps(list(enumerate(text.split())), ensure_ascii=False),
    "a digit after each letter": lambda text: "".join(f"{letter}{place % 10}" for place, letter in enumerate(text)),
    "a word a line": lambda text: "\n".join(text.split()),
    "JSON strings a word": lambda text: json.dumps(text.split(), ensure_ascii=False),
}
# With other words between; what is shown of the prompt counts, not what is between.
FILLED: dict[str, Transform] = {
    "um": words("{} um"),
    "um, in commas": words("{}, um,"),
    "a filler word after each word": words("{} banana"),
    "a filler word after each third": lambda text: re.sub(r"((?:\S+\s+){3})", r"\1well ", text),
    "fillers in turn": lambda text: " ".join(map("{} {}".format, text.split(), itertools.cycle(["um", "uh", "er"]))),
    "HTML around each word": words("<b>{}</b>"),
    "a row of HTML a word": numbered("<tr><td>{}</td><td>{}</td></tr>"),
    "objects of index and word": numbered('{{"index": {}, "word": "{}"}}', between=", "),
    "objects of three fields": numbered('{{"n": {}, "type": "word", "value": "{}"}}', between=", "),
    "keys and values": numbered("word{} = {}"),
    "Word and number": numbered("Word {}: {}"),
    "Roman numbers": lambda text: "\n".join(f"{'i' * (n % 3 + 1)}) {part}" for n, part in enumerate(slices(text, 2))),
}
OTHERS = re.findall(
    r"\w+",
    """
    apple bridge candle desert engine forest grape harbor island jungle kettle lemon mountain needle ocean
    pepper quartz river saddle tunnel umbrella valley walnut yellow zebra anchor basket carpet donkey eagle
    falcon guitar hammer iceberg jacket kitten ladder magnet napkin orange pencil quiver rabbit silver tomato
    urchin violin window yogurt acorn button circus dragon ember feather goblet hockey insect jigsaw koala
    lizard marble nugget oyster parrot quilt
    """,
)


def with_others(pattern: str, *, between: str = " ") -> Transform:
    """Each word in ``pattern`` with two others, always new ones."""

    def transform(text: str) -> str:
        parts = enumerate(text.split())
        return between.join(pattern.format(part, _other(place), _other(place * 7 + 3)) for place, part in parts)

    return transform


def _other(place: int) -> str:
    return OTHERS[place % len(OTHERS)]


VARIED: dict[str, Transform] = {
    "another filler after each word": with_others("{0} {1}"),
    "two other fillers after each word": with_others("{0} {1} {2}"),
    "a table with two other cells": with_others("| {1} | {0} | {2} |", between="\n"),
    "objects with two other fields": with_others('{{"word": "{0}", "note": "{1}", "hint": "{2}"}}', between=", "),
    "objects of four fields": lambda text: json.dumps(
        [{"n": place, "word": word, "len": len(word), "lang": "en"} for place, word in enumerate(text.split())]
    ),
}


def each(count: int, replacement: str) -> Transform:
    """``replacement`` in place of one word in ``count``, "{}" in it being another word."""

    def transform(text: str) -> str:
        parts = enumerate(text.split(), 1)
        return " ".join(part if place % count else replacement.format(_other(place)) for place, part in parts)

    return transform


LACKING: dict[str, Transform] = {
    "every fourth word left out": each(4, ""),
    "every fourth word blank": each(4, "___"),
    "every fourth word the same": each(4, "banana"),
    "every fourth word another": each(4, "{}"),
    "every fifth word left out": each(5, ""),
    "every third word left out": each(3, ""),
    "no articles": lambda text: re.sub(r"\b(?:the|a|of|to) ", "", text),
}
UNCOVERED: dict[str, Transform] = {
    "a letter x after each letter": join_with("x"),
    "every second word": lambda text: " ".join(text.split()[::2]),
    "first letters": lambda text: " ".join(word[0] for word in text.split()),
    "no vowels": lambda text: re.sub("[aeiouAEIOU]", "", text),
    "pig latin": lambda text: " ".join(f"{word[1:]}{word[0]}ay" for word in text.split()),
    "hex with 0x": lambda text: " ".join(f"0x{byte:02x}" for byte in text.encode()),
    "decimal codes": lambda text: " ".join(str(byte) for byte in text.encode()),
    "binary": lambda text: " ".join(f"{byte:08b}" for byte in text.encode()),
    "Morse": lambda text: " ".join(_MORSE.get(letter, "/").translate({48: ".", 49: "-"}) for letter in text.lower()),
    "base32": lambda text: base64.b32encode(text.encode()).decode(),
    "every second word another": each(2, "{}"),
    "numbered words in any order": lambda text: " ".join(sorted(numbered("{1} {0}")(text).splitlines())),
    "hex a word": lambda text: " ".join(f"{word.encode().hex()}h" for word in text.split()),
    "base64 a word": lambda text: " ".join(base64.b64encode(word.encode()).decode() for word in text.split()),
    "code points": lambda text: " ".join(f"U+{ord(sign):04X}" for sign in text),
    "base64 twice": lambda text: base64.b64encode(base64.b64encode(text.encode())).decode(),
    "base64 of capitals": lambda text: base64.b64encode(text.upper().encode()).decode(),
    "rot47": lambda text: "".join(chr(33 + (ord(c) - 33 + 47) % 94) if "!" <= c <= "~" else c for c in text),
}
