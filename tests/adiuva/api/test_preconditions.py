"""RFC 9110 § 13, header by header."""

from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from rest_framework.request import Request
from rest_framework.test import APIRequestFactory

from adiuva.api.errors import PreconditionFailed
from adiuva.api.preconditions import (
    entity_tags,
    is_not_modified,
    last_modified_header,
    next_date,
    range_is_current,
    require_match,
    undated,
)

ETAG = '"v2"'
WRITTEN = datetime(2026, 11, 22, 18, 20, 5, 999_999, tzinfo=UTC)
DATE = "Sun, 22 Nov 2026 18:20:05 GMT"
SECOND_BEFORE = "Sun, 22 Nov 2026 18:20:04 GMT"
SECOND_AFTER = "Sun, 22 Nov 2026 18:20:06 GMT"
NO_DATES = ["", "0", "yesterday", "2026-11-22T18:20:05Z", "Sun, 31 Feb 2026 00:00:00 GMT", f"{DATE}, {DATE}"]


def request(method: str = "GET", **headers: str) -> Request:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Request(APIRequestFactory().generic(method, "/", headers=named))


def not_modified(method: str = "GET", **headers: str) -> bool:
    return is_not_modified(request(method, **headers), etag=ETAG, last_modified=WRITTEN)


def is_refused(method: str = "GET", *, etag: str = ETAG, **headers: str) -> bool:
    try:
        require_match(request(method, **headers), etag, last_modified=WRITTEN)
    except PreconditionFailed:
        return True
    return False


@pytest.mark.parametrize(
    ("header", "tags"),
    [
        ('"a"', ['"a"']),
        ('""', ['""']),
        ("*", ["*"]),
        (" * ", ["*"]),
        ('"a","b"', ['"a"', '"b"']),
        ('  "a" ,\t"b"  ', ['"a"', '"b"']),
        ('"a,b", W/"c,d"', ['"a,b"', 'W/"c,d"']),
        (',, "a",,"b", ,', ['"a"', '"b"']),
        ('"*"', ['"*"']),
        ('"\xe9"', ['"\xe9"']),
        ("", []),
        (" , ", []),
    ],
)
def test_a_list_of_tags_is_read_as_it_is_written(header: str, tags: list[str]) -> None:
    assert list(entity_tags(header)) == tags


@pytest.mark.parametrize(
    "header",
    ["a", '"a', 'a"', '"a" "b"', '"a";"b"', 'w/"a"', 'W / "a"', '*, "a"', '"a", *', '"a", b', "**", '"a\x7f"', '"a b"'],
)
def test_a_malformed_list_names_nothing(header: str) -> None:
    assert entity_tags(header) == ()


OPAQUE = st.text(st.characters(codec="latin-1", exclude_characters=' "\x7f', exclude_categories=["Cc"]), max_size=8)
TAGS = st.builds('{}"{}"'.format, st.sampled_from(["", "W/"]), OPAQUE)


@given(st.lists(TAGS, max_size=5), st.sampled_from([",", ", ", " ,\t", ",,", ", ,"]))
def test_what_is_joined_is_taken_apart_again(tags: list[str], separator: str) -> None:
    assert list(entity_tags(separator.join(tags))) == tags


# --- If-Match and If-Unmodified-Since ---


@pytest.mark.parametrize("header", ['"v2"', "*", '"v1", "v2"', '"v,2", "v2"'])
@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE"])
def test_if_match_lets_the_state_it_names_pass(method: str, header: str) -> None:
    assert not is_refused(method, If_Match=header)


@pytest.mark.parametrize("header", ['"v1"', 'W/"v2"', '"V2"', '"v1,v2"', "v2", "", '"v2", x', '"v2'])
@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE"])
def test_if_match_refuses_every_other_state_and_what_it_cannot_read(method: str, header: str) -> None:
    assert is_refused(method, If_Match=header)


def test_a_weak_state_never_matches_strongly_but_a_star_takes_it() -> None:
    assert is_refused("PUT", etag='W/"v2"', If_Match='W/"v2"')
    assert not is_refused("PUT", etag='W/"v2"', If_Match="*")


def test_a_refusal_carries_the_current_tag() -> None:
    with pytest.raises(PreconditionFailed) as refusal:
        require_match(request("PUT", If_Match='"v1"'), ETAG)
    assert (refusal.value.headers, refusal.value.extra) == ({"ETag": ETAG}, {"etag": ETAG})


def test_no_condition_is_always_met() -> None:
    assert not is_refused("PUT")


@pytest.mark.parametrize("header", ["*", '"v1"', ""])
def test_where_there_is_nothing_yet_no_if_match_is_met_and_every_if_none_match_is(header: str) -> None:
    with pytest.raises(PreconditionFailed) as refusal:
        require_match(request("PUT", If_Match=header), None)
    assert (refusal.value.headers, refusal.value.extra) == ({}, {"etag": None})
    require_match(request("PUT", If_None_Match=header), None)


@pytest.mark.parametrize(("header", "refusal"), [(DATE, False), (SECOND_AFTER, False), (SECOND_BEFORE, True)])
def test_if_unmodified_since_is_met_up_to_the_second_of_the_change(header: str, refusal: bool) -> None:
    assert is_refused("DELETE", If_Unmodified_Since=header) is refusal


@pytest.mark.parametrize("header", NO_DATES)
def test_an_if_unmodified_since_that_is_no_date_is_ignored(header: str) -> None:
    assert not is_refused("PUT", If_Unmodified_Since=header)


def test_if_match_wins_over_if_unmodified_since() -> None:
    assert not is_refused("PUT", If_Match=ETAG, If_Unmodified_Since=SECOND_BEFORE)
    assert is_refused("PUT", If_Match='"v1"', If_Unmodified_Since=SECOND_AFTER)


def test_a_resource_without_a_date_does_not_look_at_one() -> None:
    require_match(request("PUT", If_Unmodified_Since=SECOND_BEFORE), ETAG)


@pytest.mark.parametrize(
    ("header", "refusal"), [("*", True), ('"v2"', True), ('W/"v2"', True), ('"v1"', False), ("v2", False)]
)
def test_if_none_match_keeps_a_change_from_a_state_it_names(header: str, refusal: bool) -> None:
    assert is_refused("PUT", If_None_Match=header) is refusal
    assert not is_refused("GET", If_None_Match=header)


# --- If-None-Match and If-Modified-Since ---


@pytest.mark.parametrize("header", ['"v2"', 'W/"v2"', "*", '"v1","v2"', '"v1", W/"v2"'])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_if_none_match_compares_weakly(method: str, header: str) -> None:
    assert not_modified(method, If_None_Match=header)


@pytest.mark.parametrize("header", ['"v1"', '"V2"', "v2", "", '"v1,v2"', 'W"v2"', '"v2W/"', '"/v2"'])
def test_if_none_match_that_names_another_state_is_no_304(header: str) -> None:
    assert not not_modified(If_None_Match=header)


@pytest.mark.parametrize("if_none_match", ['"v1"', "garbage", ""])
def test_if_modified_since_is_ignored_beside_if_none_match(if_none_match: str) -> None:
    assert not not_modified(If_None_Match=if_none_match, If_Modified_Since=SECOND_AFTER)
    assert not_modified(If_None_Match=ETAG, If_Modified_Since=SECOND_BEFORE)


@pytest.mark.parametrize(
    ("header", "unchanged"),
    [
        (DATE, True),
        (SECOND_AFTER, True),
        (SECOND_BEFORE, False),
        ("Sunday, 22-Nov-26 18:20:05 GMT", True),  # § 5.6.7: the two obsolete formats are dates as well
        ("Sun Nov 22 18:20:05 2026", True),
        ("Sun Nov 22 18:20:04 2026", False),
        ("Thu, 01 Jan 1970 00:00:00 GMT", False),
        ("Fri, 31 Dec 9999 23:59:59 GMT", True),
    ],
)
def test_if_modified_since_has_whole_seconds(header: str, unchanged: bool) -> None:
    assert not_modified(If_Modified_Since=header) is unchanged


@pytest.mark.parametrize("header", NO_DATES)
def test_an_if_modified_since_that_is_no_date_is_ignored(header: str) -> None:
    assert not not_modified(If_Modified_Since=header)


@pytest.mark.parametrize("method", ["PUT", "DELETE", "POST"])
def test_only_get_and_head_are_answered_with_304(method: str) -> None:
    assert not not_modified(method, If_None_Match=ETAG)
    assert not not_modified(method, If_Modified_Since=SECOND_AFTER)


def test_what_has_no_date_looks_at_none() -> None:
    assert not is_not_modified(request(If_Modified_Since=SECOND_AFTER), etag=ETAG, last_modified=None)
    assert not range_is_current(request(If_Range=DATE), etag=ETAG, last_modified=None)
    assert is_not_modified(request(If_None_Match=ETAG), etag=ETAG, last_modified=None)


# --- If-Range ---


@pytest.mark.parametrize("header", [None, ETAG, DATE, f" {ETAG} ", "Sunday, 22-Nov-26 18:20:05 GMT"])
def test_if_range_goes_on_with_the_same_representation(header: str | None) -> None:
    asked = request(**{"If_Range": header} if header is not None else {})
    assert range_is_current(asked, etag=ETAG, last_modified=WRITTEN)


@pytest.mark.parametrize(
    "header", ['"v1"', 'W/"v2"', '"v1", "v2"', "*", "v2", "", SECOND_AFTER, SECOND_BEFORE, "yesterday"]
)
def test_if_range_goes_on_with_no_other(header: str) -> None:
    assert not range_is_current(request(If_Range=header), etag=ETAG, last_modified=WRITTEN)


def test_a_weak_tag_is_no_ground_to_put_parts_together() -> None:
    assert not range_is_current(request(If_Range='W/"v2"'), etag='W/"v2"', last_modified=WRITTEN)


# --- dates that tell states apart ---


MOMENTS = st.datetimes(min_value=datetime(1970, 1, 2), max_value=datetime(9998, 12, 31), timezones=st.just(UTC))  # noqa: DTZ001


@given(MOMENTS, st.floats(-3600, 3600))
def test_the_date_of_a_state_is_later_than_that_of_the_state_before(now: datetime, ahead: float) -> None:
    before = now.replace(microsecond=0) + timedelta(seconds=int(ahead))
    date = next_date(now=now, before=before)
    assert date.microsecond == 0
    assert date >= before + timedelta(seconds=1)
    assert date == now.replace(microsecond=0) or date == before + timedelta(seconds=1)


@given(MOMENTS)
def test_a_state_of_which_only_the_moment_is_known_gets_the_next_second(moment: datetime) -> None:
    assert undated(moment) == moment.replace(microsecond=0) + timedelta(seconds=1)


@given(MOMENTS, st.floats(0, 5))
@example(datetime(6326, 1, 1, tzinfo=UTC), 1.00001)  # at that age a float has no microseconds
def test_no_date_that_is_told_lies_in_the_future(date: datetime, ahead: float) -> None:
    now = date - timedelta(seconds=ahead)
    assert parsedate_to_datetime(last_modified_header(date, now=now)) <= now


# What happens to one resource: it is written or read, and this many milliseconds pass. A clock that is set back, or
# another server's, is a step back.
STEPS = st.lists(st.tuples(st.sampled_from(["write", "read"]), st.integers(-1500, 1500)), max_size=20)


@pytest.mark.thorough
@settings(max_examples=300)
@given(STEPS, st.booleans())
def test_no_date_that_a_client_was_told_stands_for_another_state(steps: list[tuple[str, int]], is_old: bool) -> None:
    now = WRITTEN
    date = undated(now) if is_old else next_date(now=now, before=None)
    state, told = 0, {(last_modified_header(date, now=now), 0)}
    for step, milliseconds in steps:
        now += timedelta(milliseconds=milliseconds)
        if step == "write":
            state, date = state + 1, next_date(now=now, before=date)
        else:
            told.add((last_modified_header(date, now=now), state))
        for header, seen in told:
            if seen == state:
                continue
            assert not is_not_modified(request(If_Modified_Since=header), etag=ETAG, last_modified=date)
            assert not range_is_current(request(If_Range=header), etag=ETAG, last_modified=date)
            with pytest.raises(PreconditionFailed):
                require_match(request("PUT", If_Unmodified_Since=header), ETAG, last_modified=date)
    # Once its second has come, a state's date is good for all three.
    header = last_modified_header(date, now=date)
    assert is_not_modified(request(If_Modified_Since=header), etag=ETAG, last_modified=date)
    assert range_is_current(request(If_Range=header), etag=ETAG, last_modified=date)
    require_match(request("PUT", If_Unmodified_Since=header), ETAG, last_modified=date)
