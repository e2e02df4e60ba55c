"""RFC 9110 § 14 for one body of bytes; the oracle is a slice."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adiuva.api.byte_ranges import requested_range
from adiuva.api.errors import RangeNotSatisfiable

BODY = bytes(range(10))
HUGE = "9" * 5000  # more digits than int() reads


def cut(header: str | None, body: bytes = BODY) -> bytes | int | None:
    """The bytes, 416, or None for a header that is ignored."""
    try:
        part = requested_range(header, size_bytes=len(body))
    except RangeNotSatisfiable:
        return 416
    if part is None:
        return None
    assert part.content_range == f"bytes {part.start}-{part.end - 1}/{len(body)}"
    assert len(part) == part.end - part.start > 0
    return body[part.start : part.end]


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("bytes=0-0", b"\x00"),
        ("bytes=0-", BODY),
        ("bytes=0-9", BODY),
        ("bytes=9-", b"\x09"),
        ("bytes=2-4", b"\x02\x03\x04"),
        ("bytes=8-100", b"\x08\x09"),
        ("bytes=-1", b"\x09"),
        ("bytes=-10", BODY),
        ("bytes=-11", BODY),
        ("Bytes=0-0", b"\x00"),
        (" bytes = 0-0 ", b"\x00"),
        ("bytes=,0-0, ,", b"\x00"),
        ("bytes=007-0008", b"\x07\x08"),
        (f"bytes=3-{HUGE}", BODY[3:]),
        (f"bytes=-{HUGE}", BODY),
        ("bytes=000000000000000000000000000001-2", b"\x01\x02"),
    ],
)
def test_one_range_is_a_slice(header: str, expected: bytes) -> None:
    assert cut(header) == expected


@pytest.mark.parametrize("header", ["bytes=10-", "bytes=10-20", "bytes=-0", f"bytes={HUGE}-", f"bytes={HUGE}-{HUGE}"])
def test_a_range_without_a_byte_of_the_body_is_416(header: str) -> None:
    assert cut(header) == 416


def test_a_416_tells_the_size() -> None:
    with pytest.raises(RangeNotSatisfiable) as refusal:
        requested_range("bytes=10-", size_bytes=10)
    assert (refusal.value.headers, refusal.value.extra) == ({"Content-Range": "bytes */10"}, {"size_bytes": 10})


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "bytes",
        "bytes=",
        "bytes=-",
        "bytes=a-b",
        "bytes=1",
        "bytes=1-2-3",
        "bytes=--1",
        "bytes=-1-2",
        "bytes=+1-2",
        "bytes=1 - 2",
        "bytes=1.0-2",
        "bytes=0x1-2",
        "bytes=\u0661-\u0662",
        "bytes=4-2",
        f"bytes={HUGE}-{HUGE[1:]}",
        "items=0-1",
        "bytes 0-1",
        "bytes=0-1=2",
        "bytes=0-1;q=1",
        "bytes=0-1,4-5",
        "bytes=0-1,nonsense",
        "bytes=0-,100-",
    ],
)
def test_what_is_malformed_unknown_or_several_is_ignored(header: str | None) -> None:
    assert cut(header) is None


@pytest.mark.parametrize(
    ("header", "expected"), [("bytes=0-", 416), ("bytes=0-0", 416), ("bytes=-0", 416), ("bytes=-1", None)]
)
def test_an_empty_body_has_no_first_byte(header: str, expected: int | None) -> None:
    assert cut(header, b"") == expected


BODIES = st.binary(max_size=64)
POSITIONS = st.integers(0, 80) | st.integers(0, 2**70)


@pytest.mark.thorough
@given(BODIES, POSITIONS, st.none() | POSITIONS)
def test_from_first_to_last_is_the_slice_of_python(body: bytes, first: int, last: int | None) -> None:
    answer = cut(f"bytes={first}-{'' if last is None else last}", body)
    if last is not None and last < first:
        assert answer is None
    else:
        assert answer == (body[first : None if last is None else last + 1] or 416)


@given(BODIES.filter(bool), POSITIONS)
def test_the_last_n_are_the_slice_of_python(body: bytes, count: int) -> None:
    assert cut(f"bytes=-{count}", body) == (body[-count:] if count else 416)


@given(st.text(alphabet="bytes=,-0123456789 \t", max_size=30), BODIES)
def test_any_text_is_a_slice_416_or_ignored(text: str, body: bytes) -> None:
    for header in (text, f"bytes={text}"):
        answer = cut(header, body)
        assert answer is None or answer == 416 or answer in body
