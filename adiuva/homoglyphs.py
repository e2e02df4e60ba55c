"""Characters that look like a Latin letter and that Unicode's compatibility forms (NFKD) do not lead back to it.

Chosen by eye from the confusables of Unicode TR 39: Cyrillic, Greek, Armenian, IPA and small capitals. Where capital
and small letter look like different Latin letters (Greek eta: H and n), each has a row of its own.
"""

# Escapes, because the characters themselves could not be told apart here.
_BY_LETTER = {
    "a": "\u0430\u0251\u03b1\u1d00\u0250",
    "b": "\u0432\u044c\u0431\u03b2\u0299\u0180",
    "c": "\u0441\u03f2\u1d04",
    "d": "\u0501\u0111\u1d05\u00f0\u0257",
    "e": "\u0435\u044d\u0437\u03b5\u0454\u1d07\u0259\u01dd",
    "f": "\u0493\u03dd\u0192\ua730",
    "g": "\u0261\u0581\u0262",
    "h": "\u04bb\u043d\u0570\u0127\u029c\u0397",
    "i": "\u0456\u03b9\u0131\u04cf\u026a\u0268",
    "j": "\u0458\u0575\u03f3\u1d0a",
    "k": "\u043a\u03ba\u1d0b",
    "l": "\u0142\u029f\u026b",
    "m": "\u043c\u1d0d\u026f\u039c",
    "n": "\u0438\u043f\u03b7\u03c0\u0578\u0274\u039d",
    "o": "\u043e\u03bf\u0585\u03c3\u00f8\u0444\u1d0f\u0275",
    "p": "\u0440\u03c1\u1d18\u00fe",
    "q": "\u051b\u0566\u01eb",
    "r": "\u0433\u044f\u0280\u0279",
    "s": "\u0455\u03c2\ua731\u0282",
    "t": "\u0442\u03c4\u1d1b\u0167",
    "u": "\u057d\u03bc\u1d1c\u028b\u0446\u03c5",
    "v": "\u0475\u03bd\u1d20\u028c",
    "w": "\u051d\u03c9\u0448\u0449\u1d21\u028d",
    "x": "\u0445\u03c7\u0436",
    "y": "\u0443\u04af\u03b3\u028f\u028e\u03a5",
    "z": "\u03b6\u1d22\u0290",
    "ae": "\u00e6",
    "oe": "\u0153",
    # Letters by their category, and yet nothing is seen of them: the Hangul fillers.
    "": "\u115f\u1160\u3164\uffa0",
}
# Alphabets of emblems: negative circled, negative squared, regional indicators.
_EMBLEM_ALPHABETS = (0x1F150, 0x1F170, 0x1F1E6)
# The invisible "tag" copies of ASCII carry text that nobody sees.
_TAGS = 0xE0000
_FIRST_PRINTABLE, _LAST_PRINTABLE = 0x20, 0x7E

HOMOGLYPHS: dict[str, str] = {
    **{character: letter for letter, characters in _BY_LETTER.items() for character in characters},
    **{chr(first + number): chr(ord("a") + number) for first in _EMBLEM_ALPHABETS for number in range(26)},
    **{chr(_TAGS + code): chr(code) for code in range(_FIRST_PRINTABLE, _LAST_PRINTABLE + 1)},
}
