"""The headers of ``PUT /backup``."""

from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adiuva.api.fields import rfc_3339
from backups.headers import LabelSerializer
from tests.backups.snapshots import TIMESTAMP, assert_nothing_is_kept_of, checksum_of, label, put
from tests.support.accounts import Account
from tests.support.client import ApiClient

pytestmark = pytest.mark.django_db
MakeUser = Callable[..., Account]


def read(**changes: str) -> dict[str, Any]:
    """The label as it is kept."""
    sent = {"version": "1", "timestamp": TIMESTAMP, "checksum": checksum_of(b"x"), **changes}
    serializer = LabelSerializer(data=sent)
    serializer.is_valid(raise_exception=True)
    return dict(serializer.validated_data)


@pytest.mark.parametrize(
    ("version", "kept"),
    [
        ("1", "1"),
        ("  v 2 ", "v 2"),
        ("x" * 64, "x" * 64),
        (" " + "x" * 64 + " ", "x" * 64),
        ("~!@", "~!@"),
        ("1,2", "1,2"),
    ],
)
def test_a_version_is_kept_as_it_is_but_trimmed(version: str, kept: str) -> None:
    assert read(version=version)["version"] == kept


@pytest.mark.parametrize(
    ("timestamp", "kept"),
    [
        ("2026-11-22T18:20:05Z", "2026-11-22T18:20:05.000000Z"),
        ("2026-11-22t18:20:05z", "2026-11-22T18:20:05.000000Z"),
        ("2026-11-22 18:20:05Z", "2026-11-22T18:20:05.000000Z"),
        ("2026-11-22T18:20:05.5+02:00", "2026-11-22T16:20:05.500000Z"),
        ("2026-01-01T00:30:00+01:00", "2025-12-31T23:30:00.000000Z"),
        ("2026-11-22T18:20:05.123456789-00:00", "2026-11-22T18:20:05.123456Z"),
        ("2024-02-29T23:59:59.999999-23:59", "2024-03-01T23:58:59.999999Z"),
        ("0900-01-01T00:00:00Z", "0900-01-01T00:00:00.000000Z"),
        ("0001-01-01T00:00:00Z", "0001-01-01T00:00:00.000000Z"),
        ("9999-12-31T23:59:59.999999Z", "9999-12-31T23:59:59.999999Z"),
    ],
)
def test_a_timestamp_is_kept_in_utc(timestamp: str, kept: str) -> None:
    assert rfc_3339(read(timestamp=timestamp)["timestamp"]) == kept


MINUTES = st.integers(-23 * 60 - 59, 23 * 60 + 59)
ZONES = st.builds(timezone, st.builds(timedelta, minutes=MINUTES))


@settings(deadline=None)
@given(st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30), timezones=ZONES))  # noqa: DTZ001 - ``timezones`` adds one
def test_every_time_that_can_be_written_is_read_as_itself(moment: datetime) -> None:
    assert read(timestamp=moment.isoformat())["timestamp"] == moment


@pytest.mark.parametrize(("count", "kept"), [("1", 1), ("007", 7), ("2147483647", 2147483647)])
def test_a_chunk_count_is_a_positive_number(count: str, kept: int) -> None:
    assert read(chunk_count=count)["chunk_count"] == kept


BAD_VERSIONS = [None, "", "   ", "x" * 65, "tab\there", "nul\x00", "caf\xe9", "\x7f"]
BAD_TIMESTAMPS = """
    now, 1795371605, 2026-11-22, 2026-11-22T18:20Z, 20261122T182005Z, 2026-W47-7T18:20:05Z, +2026-11-22T18:20:05Z,
    2026-02-30T00:00:00Z, 2026-13-01T00:00:00Z, 2026-11-22T24:00:00Z, 2026-11-22T18:20:60Z, 0000-01-01T00:00:00Z,
    2026-11-22T18:20:05, 2026-11-22T18:20:05+24:00, 2026-11-22T18:20:05+01:60, 2026-11-22T18:20:05+0100,
    2026-11-22T18:20:05.Z, 2026-11-22T18:20:05Z junk, 0001-01-01T00:00:00+01:00, 9999-12-31T23:59:59-00:01
""".strip().split(",")
BAD_CHECKSUMS = [None, "", "abc", "g" * 64, "A" * 64, "a" * 63, "a" * 65, "sha256:" + "a" * 57]
BAD_COUNTS = ["", "0", "-1", "+1", "1.0", "1e3", "0x10", "one", "1_000", "\xb2", "2147483648", "9" * 5000]
BAD_HEADERS = [
    *[("version", {"Version": value}) for value in BAD_VERSIONS],
    *[("timestamp", {"Timestamp": value}) for value in (None, "", *map(str.strip, BAD_TIMESTAMPS))],
    *[("checksum", {"Checksum": value}) for value in BAD_CHECKSUMS],
    *[("chunk_count", {"Chunk_Count": value}) for value in BAD_COUNTS],
]


@pytest.mark.parametrize(("field", "changes"), BAD_HEADERS)
def test_a_wrong_header_is_named_and_nothing_is_kept(
    api: ApiClient, make_user: MakeUser, field: str, changes: dict[str, str | None]
) -> None:
    account = make_user(tier="pro")
    answer = put(api, account, b"x", headers=label(b"x", **changes))
    assert (answer.status, answer.code) == (400, "validation_error")
    assert list(answer.json["errors"]) == [field]
    assert_nothing_is_kept_of(account)


def test_all_wrong_headers_are_named_at_once(api: ApiClient, make_user: MakeUser) -> None:
    answer = put(api, make_user(tier="pro"), b"x", headers={"X-Backup-Chunk-Count": "many"})
    assert set(answer.json["errors"]) == {"version", "timestamp", "checksum", "chunk_count"}


def test_a_part_is_not_taken_for_the_whole(api: ApiClient, make_user: MakeUser) -> None:
    account = make_user(tier="pro")
    answer = put(api, account, b"x", headers=label(b"x") | {"Content-Range": "bytes 0-0/10"})
    assert (answer.status, list(answer.json["errors"])) == (400, ["content_range"])
    assert_nothing_is_kept_of(account)


TEXTS = st.text(st.characters(codec="latin-1"), max_size=80) | st.text("0123456789-:.TZ+ ", max_size=40)


@pytest.mark.thorough
@settings(deadline=None)
@given(st.fixed_dictionaries({}, optional=dict.fromkeys(("version", "timestamp", "checksum", "chunk_count"), TEXTS)))
def test_any_headers_are_read_or_refused_by_name(sent: dict[str, str]) -> None:
    serializer = LabelSerializer(data=sent)
    if serializer.is_valid():
        assert {"version", "timestamp", "checksum"} <= set(serializer.validated_data)
    else:
        assert set(serializer.errors) <= {"version", "timestamp", "checksum", "chunk_count"}
