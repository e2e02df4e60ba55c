"""Amounts of bytes as people write and read them."""

import re

_KIB = 1024
_UNITS: dict[str, int] = {"": 1, "b": 1}
for _power, _letter in enumerate("kmgtp", start=1):
    _UNITS[f"{_letter}ib"] = _KIB**_power
    _UNITS[f"{_letter}b"] = 1000**_power


def parse_bytes(text: str) -> int:
    """``"1073741824"``, ``"1GiB"``, ``"1.5 GiB"`` or, in powers of ten, ``"1GB"``.

    Raises:
        ValueError: anything else, and amounts that are no whole number of bytes.
    """
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([a-z]*)", text.strip(), re.ASCII | re.IGNORECASE)
    if match is None or match[2].lower() not in _UNITS:
        raise ValueError(f"{text!r} is no amount of bytes; write 1073741824, 1GiB or 1GB")
    unit = _UNITS[match[2].lower()]
    whole, _, fraction = match[1].partition(".")
    scale: int = 10 ** len(fraction)
    if int(whole + fraction) * unit % scale:
        raise ValueError(f"{text!r} is no whole number of bytes")
    return int(whole + fraction) * unit // scale


def show_bytes(size: int) -> str:
    """``"0 B"``, ``"1.5 GiB"``."""
    amount = float(size)
    for unit in ("B", "KiB", "MiB", "GiB", "TiB"):
        if amount < _KIB:
            return f"{amount:.4g} {unit}"
        amount /= _KIB
    return f"{amount:,.4g} PiB"
