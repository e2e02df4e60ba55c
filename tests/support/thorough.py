"""Parameters that a plain run leaves out; CI runs them all."""

from collections.abc import Iterable
from typing import Any

import pytest


def thorough(*values: object) -> Any:
    """One set of them."""
    return pytest.param(*values, marks=pytest.mark.thorough)


def one_in(many: int, values: Iterable[Any]) -> list[Any]:
    """Of each ``many`` a plain run has the first."""
    return [
        value if number % many == 0 else thorough(*(value if isinstance(value, tuple) else (value,)))
        for number, value in enumerate(values)
    ]
