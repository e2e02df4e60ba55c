"""Amounts as people read them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adiuva.money import format_amounts, format_money, split_money


@pytest.mark.parametrize(
    ("amount", "currency", "text"),
    [
        (0, "eur", "€0.00"),
        (5, "EUR", "€0.05"),
        (123_405, "usd", "$1,234.05"),
        (-250, "gbp", "-£2.50"),
        (1200, "jpy", "¥1,200"),
        (1200, "chf", "CHF 12.00"),
        (12_340, "kwd", "KWD 12.340"),
        (500_000, "krw", "KRW 500,000"),
        (500_000, "ugx", "UGX 5,000.00"),
    ],
)
def test_each_currency_has_its_own_smallest_unit(amount: int, currency: str, text: str) -> None:
    assert format_money(amount, currency) == text


def test_currencies_stand_side_by_side_and_are_never_added_up() -> None:
    assert format_amounts({"usd": 2000, "eur": 5100}) == "€51.00 + $20.00"
    assert format_amounts({"usd": 2000, "eur": -5100, "jpy": -3}) == "-€51.00 - ¥3 + $20.00"
    assert format_amounts({"usd": 2000, "eur": 0}) == "$20.00"
    assert format_amounts({}) == format_amounts({"usd": 0}) == "€0.00"


def test_an_axis_is_in_whole_units() -> None:
    assert [split_money(1250, code) for code in ("eur", "jpy", "kwd")] == [("€", 12.5), ("¥", 1250), ("KWD ", 1.25)]


@given(st.integers(-(10**12), 10**12))
def test_no_amount_is_changed_by_writing_it(amount: int) -> None:
    assert int(format_money(amount, "eur").replace("€", "").replace(",", "").replace(".", "")) == amount
