"""A JSON object read while it arrives says what the same bytes say at once."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adiuva.api.errors import ValidationFailed
from adiuva.api.json_stream import MOST_DIVIDERS, ObjectReader

texts = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=8)
scalars = st.none() | st.booleans() | st.integers(-(10**9), 10**9) | texts
values = st.recursive(scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3))


def read(body: bytes, *, split: int = 7) -> list[tuple[str, Any]]:
    parts = [body[start : start + split] for start in range(0, len(body), split)]
    return list(ObjectReader(parts, listed="items").members())


@pytest.mark.thorough
@given(
    before=st.dictionaries(texts, values, max_size=3),
    items=st.lists(values, max_size=4),
    split=st.integers(1, 40),
    indent=st.sampled_from([None, 1]),
)
def test_however_it_is_cut_the_members_are_the_same(
    before: dict[str, Any], items: list[Any], split: int, indent: int | None
) -> None:
    before.pop("items", None)
    document = before | {"items": items, "last": 1}
    body = json.dumps(document, indent=indent).encode()
    wanted = [*before.items(), ("items", None), *(("items", item) for item in items), ("last", document["last"])]
    if "last" in before:
        wanted = [(key, document[key]) for key in before] + wanted[len(before) : -1]
    assert read(body, split=split) == wanted


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{",
        b'{"a"}',
        b'{"a":}',
        b'{"a":1',
        b'{"a":1,}',
        b'{"a":1 "b":2}',
        b'{"items":[1 2]}',
        b'{"items":[1,]}',
        b'{"items":[}]}',
        b'{"items":["open]}',
        b'{"items":[NaN]}',
        b'{"items":["\\u0000"]}',
        b'{"items":{}}',
        b'{"items":[],"items":[]}',
        b"{} {}",
        b"{1:2}",
        b'{"items":[[' + b"[]," * MOST_DIVIDERS + b"1]]}",
    ],
)
def test_what_is_no_such_object_is_refused(body: bytes) -> None:
    with pytest.raises(ValidationFailed):
        read(body)
