"""``adiuva.api.json``: JSON as RFC 8259 means it."""

import json
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adiuva.api.errors import ValidationFailed
from adiuva.api.json import MAX_DEPTH, loads

TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"))
NUMBERS = st.integers() | st.floats(allow_nan=False, allow_infinity=False)
VALUES = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXT,
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(TEXT, inner, max_size=5),
    max_leaves=30,
)


def refusal(data: bytes | str) -> str:
    with pytest.raises(ValidationFailed) as caught:
        loads(data)
    (message,) = caught.value.extra["errors"]["non_field_errors"]
    return str(message)


@given(VALUES, st.booleans(), st.sampled_from([None, 1]))
def test_it_reads_every_json_value_as_the_standard_library_does(
    value: Any, ascii_only: bool, indent: int | None
) -> None:
    text = json.dumps(value, ensure_ascii=ascii_only, indent=indent)
    assert loads(text) == json.loads(text) == value
    assert loads(text.encode()) == value


@given(st.binary(max_size=200) | TEXT.map(str.encode))
def test_whatever_the_bytes_it_returns_json_or_refuses_them(data: bytes) -> None:
    try:
        value = loads(data)
    except ValidationFailed:
        return
    json.dumps(value, ensure_ascii=False, allow_nan=False).encode()  # neither NaN nor a lone surrogate came through


@given(st.text(alphabet='{}[]",:\\u0dDfF8e+-.1 truenlasNIyit\x00\ud800é', max_size=80))
def test_whatever_almost_json_text_it_returns_json_or_refuses_it(text: str) -> None:
    try:
        value = loads(text)
    except ValidationFailed:
        return
    assert "\x00" not in json.dumps(value, ensure_ascii=False, allow_nan=False).encode().decode()
    assert value == json.loads(text)


@pytest.mark.parametrize("literal", ["NaN", "Infinity", "-Infinity"])
def test_what_only_python_calls_a_number_is_refused(literal: str) -> None:
    assert literal in refusal(f'{{"a": [{literal}]}}')


@pytest.mark.parametrize("number", ["1e999", "-1e999", "1" * 400, "1" * 5000, "-" + "9" * 10_000])
def test_a_number_that_no_double_or_integer_holds_is_refused(number: str) -> None:
    assert "too large" in refusal(f'{{"a": {number}}}')


@pytest.mark.parametrize(
    "document", ['{"a": "x\\u0000y"}', '{"\\u0000": 1}', '["\\u0000"]', '"\\u0000"', '{"a": {"b": ["\\u0000"]}}']
)
def test_a_nul_character_is_refused_wherever_it_is(document: str) -> None:
    assert "NUL" in refusal(document)


@pytest.mark.parametrize(
    "document", ['{"a": "\\ud800"}', '{"\\udfff": 1}', '["\\udc00\\ud800"]', '"\\ud83d"', '{"a": ["\\ud83dx\\ude00"]}']
)
def test_a_lone_surrogate_is_refused_wherever_it_is(document: str) -> None:
    assert "surrogate" in refusal(document)


def test_a_surrogate_pair_is_one_character() -> None:
    assert loads('"\\ud83d\\ude00"') == "\N{GRINNING FACE}"


@pytest.mark.parametrize("data", [b"\xff", b'{"a": "\xe9"}', '{"a": 1}'.encode("utf-16"), b'"\xed\xa0\x80"'])
def test_bytes_that_are_not_utf_8_are_refused(data: bytes) -> None:
    assert "UTF-8" in refusal(data)


def nest(levels: int, *, opening: str, closing: str) -> str:
    return opening * levels + ("1" if ":" in opening else "") + closing * levels


@pytest.mark.parametrize(("opening", "closing"), [("[", "]"), ('{"a":', "}")])
def test_64_levels_are_read_and_65_are_refused(opening: str, closing: str) -> None:
    assert loads(nest(MAX_DEPTH, opening=opening, closing=closing))
    assert "64 levels" in refusal(nest(MAX_DEPTH + 1, opening=opening, closing=closing))


def test_a_hundred_thousand_open_brackets_are_a_refusal_and_not_a_recursion_error() -> None:
    assert "64 levels" in refusal("[" * 100_000)
    assert "64 levels" in refusal('{"a":' * 100_000)
    assert "64 levels" in refusal('["' + '\\"' * 1000 + '",' + "[" * 100_000)


def test_brackets_in_strings_and_beside_each_other_are_not_levels() -> None:
    assert loads(json.dumps(["[" * 500, '\\"{[' * 50])) == ["[" * 500, '\\"{[' * 50]
    assert loads("[" + ",".join(["[]"] * 500) + "]") == [[]] * 500


@pytest.mark.parametrize("filler", ['\\"', "\\", "[", '"', '",', '"["', "\\[", '\\\\"'])
def test_counting_levels_takes_time_in_proportion_to_the_body(filler: str) -> None:
    """An open string of 200,000 escaped quotes took minutes when each of them was tried as a beginning."""
    started = time.process_time()
    assert refusal("[" * 40 + '"' + filler * 200_000 + "[" * 40)
    assert time.process_time() - started < 1.0


def test_the_last_of_two_equal_keys_counts() -> None:
    assert loads('{"a": 1, "a": 2}') == {"a": 2}
