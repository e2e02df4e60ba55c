"""Numbers as people read them."""

_STEPS = ((1_000_000_000, "B"), (1_000_000, "M"), (1_000, "k"))


def counted(number: int) -> str:
    """``"1,234"``."""
    return f"{number:,}"


def euros(cents: int) -> str:
    """``"€1,234.05"``."""
    whole, part = divmod(abs(cents), 100)
    return f"{'-' if cents < 0 else ''}€{whole:,}.{part:02}"


def short(number: float) -> str:
    """``"950"``, ``"1.2k"``, ``"3M"``: for axes."""
    for step, letter in _STEPS:
        if abs(number) >= step:
            return f"{number / step:.1f}".removesuffix(".0") + letter
    return f"{number:.1f}".removesuffix(".0")
