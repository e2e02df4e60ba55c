"""Stripe's form encoding: ``line_items[0][price]=price_1`` is a list of one object."""

import re
from typing import Any
from urllib.parse import parse_qsl

from tests.fakes.stripe.errors import ApiError

Form = dict[str, Any]

_NAME = re.compile(r"([^\[\]]+)((?:\[[^\[\]]*\])*)")


def decode(encoded: str) -> Form:
    """Nested objects and lists of strings. Raises ApiError for names that make no sense."""
    tree: Form = {}
    for name, value in parse_qsl(encoded, keep_blank_values=True, strict_parsing=bool(encoded)):
        matched = _NAME.fullmatch(name)
        if matched is None:
            raise ApiError(f"Invalid parameter name: {name}", param=name)
        keys = [matched[1], *re.findall(r"\[([^\[\]]*)\]", matched[2])]
        _put(tree, keys, value, name)
    return {name: _lists(value) for name, value in tree.items()}


def _put(tree: Form, keys: list[str], value: str, name: str) -> None:
    for key in keys[:-1]:
        tree = tree.setdefault(key or str(len(tree)), {})
        if not isinstance(tree, dict):
            raise ApiError(f"Invalid parameter name: {name}", param=name)
    last = keys[-1] or str(len(tree))
    if last in tree:
        raise ApiError(f"Repeated parameter: {name}", param=name)
    tree[last] = value


def _lists(value: Any) -> Any:
    """Objects whose names are 0, 1, 2 … are lists."""
    if not isinstance(value, dict):
        return value
    inner = {key: _lists(item) for key, item in value.items()}
    if inner and sorted(inner) == sorted(str(index) for index in range(len(inner))):
        return [inner[str(index)] for index in range(len(inner))]
    return inner
