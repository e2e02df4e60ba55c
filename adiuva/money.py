"""Amounts as people read them. Stored and counted they are integers in the smallest unit of their currency, by Stripe's
rules (docs.stripe.com/currencies), and amounts of two currencies are never added up.
"""

from collections.abc import Mapping

_SYMBOLS = {"eur": "€", "usd": "$", "gbp": "£", "jpy": "¥", "inr": "₹"}
# docs.stripe.com/currencies#zero-decimal and #three-decimal. All others have cents, UGX and ISK for compatibility.
_WHOLE = frozenset(
    {*("bif", "clp", "djf", "gnf", "jpy", "kmf", "krw", "mga"), *("pyg", "rwf", "vnd", "vuv", "xaf", "xof", "xpf")}
)
_MILS = frozenset({"bhd", "jod", "kwd", "omr", "tnd"})


def format_money(amount: int, currency: str) -> str:
    """``"€1,234.05"``, ``"-$2.50"``, ``"¥900"``, ``"CHF 12.00"``: ``amount`` in the smallest unit."""
    digits = _digits(currency)
    whole, part = divmod(abs(amount), 10**digits)
    number = f"{whole:,}.{part:0{digits}}" if digits else f"{whole:,}"
    return f"{'-' if amount < 0 else ''}{_sign(currency)}{number}"


def write_amount(amount: int, currency: str, *, decimal: str, thousands: str) -> str:
    """``"1.234,05 €"`` with a comma and a point: the currency behind the number, as most of Europe writes it. The space
    does not break.
    """
    digits = _digits(currency)
    whole, part = divmod(abs(amount), 10**digits)
    number = f"{whole:,}".replace(",", thousands) + (f"{decimal}{part:0{digits}}" if digits else "")
    return f"{'-' if amount < 0 else ''}{number}\N{NO-BREAK SPACE}{_sign(currency).strip()}"


def split_money(amount: int, currency: str) -> tuple[str, float]:
    """``("€", 12.5)`` of 1250 cents: for axes, where all is rounded anyway."""
    return _sign(currency), amount / 10 ** _digits(currency)


def format_amounts(amounts: Mapping[str, int]) -> str:
    """By currency: ``"€51.00 + $20.00"``, euros first and then by code; ``"€0.00"`` for nothing at all."""
    some = {currency: amount for currency, amount in amounts.items() if amount} or {"eur": 0}
    ordered = sorted(some.items(), key=lambda one: (one[0] != "eur", one[0]))
    text = format_money(ordered[0][1], ordered[0][0])
    for currency, amount in ordered[1:]:
        text += f" {'-' if amount < 0 else '+'} {format_money(abs(amount), currency)}"
    return text


def _digits(currency: str) -> int:
    """After the point."""
    code = currency.lower()
    return 0 if code in _WHOLE else 3 if code in _MILS else 2


def _sign(currency: str) -> str:
    return _SYMBOLS.get(currency.lower(), f"{currency.upper()} ")
