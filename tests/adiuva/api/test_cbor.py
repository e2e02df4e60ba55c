"""CBOR of request bodies: the examples of RFC 8949, and what is refused where."""

import struct
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adiuva.api import cbor
from adiuva.api.cbor import MAX_DEPTH, read_sequence
from adiuva.api.errors import ValidationFailed
from tests.support.cbor import write


def read(data: bytes, *, most_values: int = 10_000) -> list[Any]:
    return list(read_sequence(data, most_values=most_values))


# RFC 8949, Appendix A
EXAMPLES = [
    ("00", 0),
    ("17", 23),
    ("1818", 24),
    ("1903e8", 1000),
    ("1bffffffffffffffff", 2**64 - 1),
    ("3bffffffffffffffff", -(2**64)),
    ("3863", -100),
    ("f90000", 0.0),
    ("f93c00", 1.0),
    ("fb3ff199999999999a", 1.1),
    ("fa47c35000", 100000.0),
    ("f97c00", float("inf")),
    ("f4", False),
    ("f6", None),
    ("4401020304", b"\x01\x02\x03\x04"),
    ("62c3bc", "ü"),
    ("8301820203820405", [1, [2, 3], [4, 5]]),
    ("a26161016162820203", {"a": 1, "b": [2, 3]}),
]


@pytest.mark.parametrize(("wire", "value"), EXAMPLES)
def test_the_rfcs_examples_are_read(wire: str, value: Any) -> None:
    assert read(bytes.fromhex(wire)) == [value]


REFUSED = [
    ("18", "ends in the middle of an item (byte 1)"),
    ("4401", "ends in the middle of an item"),
    ("9bffffffffffffffff", "ends in the middle of an item"),
    ("bb7fffffffffffffff", "ends in the middle of an item"),
    ("5bffffffffffffffff", "ends in the middle of an item"),
    ("5f42010243030405ff", "indefinite lengths are not taken (byte 0)"),
    ("9fff", "indefinite lengths"),
    ("1c", "this is no CBOR"),
    ("c074323031332d30332d32315432303a30343a30305a", "tags are not taken"),
    ("00d81c80", "tags are not taken (byte 1)"),
    ("f7", "only false, true, null and floats"),
    ("f818", "only false, true, null and floats"),
    ("ff", "only false, true, null and floats"),
    ("61ff", "a text is not UTF-8"),
    ("a10102", "a map's keys are texts (byte 1)"),
    ("a2616101616102", "a map has a key twice"),
    ("81" * MAX_DEPTH + "80", f"nested more than {MAX_DEPTH} levels"),
    ("80" * 10_001, "more values than a request can need"),
]


@pytest.mark.parametrize(("wire", "said"), REFUSED, ids=[wire[:20] for wire, _ in REFUSED])
def test_what_is_not_taken_is_told_with_its_place(wire: str, said: str) -> None:
    with pytest.raises(ValidationFailed) as refusal:
        read(bytes.fromhex(wire))
    assert said in str(refusal.value.extra)


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**64), 2**64 - 1)
    | st.floats(allow_nan=False)
    | st.binary(max_size=300)
    | st.text(max_size=30),
    lambda inner: (
        st.lists(inner, max_size=5)
        | st.lists(st.floats(allow_nan=False), max_size=40)
        | st.dictionaries(st.text(max_size=10), inner, max_size=5)
    ),
    max_leaves=20,
)


@pytest.mark.thorough
@given(st.lists(VALUES, max_size=4))
def test_what_an_encoder_writes_is_read(values: list[Any]) -> None:
    wire = b"".join(map(write, values))
    assert read(wire) == values


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    try:
        read(data)
    except ValidationFailed:
        return


@pytest.mark.parametrize("width", ["f", "d"])
def test_floats_of_either_width_count_one_by_one(width: str) -> None:
    head = {"f": b"\xfa", "d": b"\xfb"}[width]
    body = b"".join(head + struct.pack(">" + width, number) for number in range(50))
    assert read(b"\x98\x32" + body, most_values=51) == [list(range(50))]
    with pytest.raises(ValidationFailed):
        read(b"\x98\x32" + body, most_values=50)


written = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**64), 2**64 - 1) | st.text(max_size=5) | st.binary(max_size=40),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(values=st.lists(written, max_size=4), split=st.integers(1, 20))
def test_what_is_written_is_read_again_however_it_is_cut(values: list[Any], split: int) -> None:
    data = b"".join(map(cbor.write, values))
    parts = [data[start : start + split] for start in range(0, len(data), split)]
    assert list(cbor.read_arriving(parts, most_values=10_000)) == values
    assert data == b"".join(map(write, values))


def test_a_mistake_is_named_by_its_place_in_the_whole_body() -> None:
    with pytest.raises(ValidationFailed) as refusal:
        list(cbor.read_arriving([b"\x01\x02", b"\x03\xf7"], most_values=10))
    assert "(byte 3)" in str(refusal.value.extra)
