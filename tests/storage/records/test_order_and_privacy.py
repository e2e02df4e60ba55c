"""Who is refused, in which order, and what nobody else ever sees."""

import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from billing.subscriptions import set_tier
from billing.tiers import Tier
from storage.checksums import checksum_of
from storage.models import StorageUsage
from tests.storage.records.devices import FORMS, STREAM, Device, files, limit_storage
from tests.support.accounts import Account
from tests.support.client import ApiClient

pytestmark = pytest.mark.django_db
ROUTES = [
    *(("GET", "storage/records"), ("POST", "storage/records"), ("GET", "storage/changes"), ("GET", "storage/quota")),
    *((method, f"storage/records/{uuid.uuid4()}") for method in ("GET", "HEAD", "PUT", "DELETE")),
]


@pytest.fixture
def free(api: ApiClient, make_user: Callable[..., Account]) -> Device:
    return Device(api, make_user(tier="free"))


# --- order ---


@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_nobody_is_401(api: ApiClient, method: str, path: str) -> None:
    answer = api.request(method, path, body=b"{", content_type=STREAM)
    assert answer.status == 401
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")


@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_the_window_is_looked_at_before_anything_else(free: Device, method: str, path: str) -> None:
    for _ in range(20):
        assert free.api.get("storage/quota", token=free.token).status == 200
    answer = free.api.request(method, path, body=b"{", content_type="text/plain", token=free.token)
    assert answer.status == 429


def test_404_then_402_then_412_then_the_body(device: Device) -> None:
    record_id = device.stored(b"first")["id"]
    wrong: Any = {
        "body": b"{",
        "content_type": "text/plain",
        "token": device.token,
        "headers": {"If-Match": '"x"', "Accept": "text/html"},
    }

    def put(path: str) -> str:
        return device.api.put(path, **wrong).code

    set_tier(user=device.account.user, tier=Tier.FREE)
    assert put(f"storage/records/{uuid.uuid4()}") == "not_found"
    assert put(f"storage/records/{record_id}") == "quota_exceeded"
    assert device.api.post("storage/records", **wrong).code == "quota_exceeded"
    set_tier(user=device.account.user, tier=Tier.TEAM)
    assert put(f"storage/records/{record_id}") == "precondition_failed"
    wrong["headers"].pop("If-Match")
    assert put(f"storage/records/{record_id}") == "not_acceptable"
    wrong["headers"].pop("Accept")
    assert put(f"storage/records/{record_id}") == "unsupported_media_type"


# --- quota ---


@pytest.mark.parametrize("as_", FORMS)
def test_who_has_no_quota_stores_nothing_not_even_nothing(free: Device, blob_folder: Path, as_: str) -> None:
    for data in (b"", b"x", b"x" * 5000):
        answer = free.send(data, as_=as_)
        assert (answer.status, answer.code) == (402, "quota_exceeded")
        assert (answer.json["limit_bytes"], answer.json["used_bytes"]) == (0, 0)
        more_than_the_bytes = answer.json["requested_bytes"] - len(data)
        assert more_than_the_bytes == 0 if as_ == "stream" else more_than_the_bytes > 0, "nothing of it was read"
    assert files(blob_folder) == []


@pytest.mark.parametrize("as_", FORMS)
def test_a_record_that_does_not_fit_is_402_with_the_numbers(device: Device, blob_folder: Path, as_: str) -> None:
    limit_storage(device, 1000)
    device.stored(b"x" * 600)
    answer = device.send(b"y" * 401, as_=as_)
    assert (answer.status, answer.code) == (402, "quota_exceeded")
    numbers = {name: answer.json[name] for name in ("limit_bytes", "used_bytes", "requested_bytes")}
    assert numbers == {"limit_bytes": 1000, "used_bytes": 600, "requested_bytes": 401}
    assert len(files(blob_folder)) == 1
    assert device.send(b"y" * 400, as_=as_).status == 201
    assert device.used_bytes() == 1000


@pytest.mark.parametrize("as_", FORMS)
def test_a_replacement_needs_room_for_its_growth_only(device: Device, as_: str) -> None:
    limit_storage(device, 1000)
    record_id = device.stored(b"x" * 900)["id"]
    assert device.send(b"y" * 1000, to=record_id, as_=as_).status == 200
    answer = device.send(b"z" * 1001, to=record_id, as_=as_)
    assert (answer.status, answer.json["requested_bytes"], answer.json["used_bytes"]) == (402, 1001, 1000)


def test_who_is_over_the_limit_may_read_shrink_and_delete_but_not_grow(device: Device) -> None:
    record_id, other = device.stored(b"x" * 900)["id"], device.stored(b"y" * 900)["id"]
    limit_storage(device, 1000)
    assert device.read(record_id).status == 200
    assert device.send(b"z" * 901, to=record_id).status == 402
    assert device.send(b"z" * 899, to=record_id).status == 200
    assert device.delete(other).status == 204
    assert device.used_bytes() == 899


def test_who_has_lost_the_quota_may_still_read_and_delete(device: Device) -> None:
    record_id = device.stored(b"sealed")["id"]
    set_tier(user=device.account.user, tier=Tier.FREE)
    assert device.read(record_id).content == b"sealed"
    assert device.send(b"", to=record_id).status == 402
    assert device.delete(record_id).status == 204


@pytest.mark.parametrize("as_", FORMS)
def test_who_has_lost_the_quota_may_ask_again_for_a_lost_answer_and_store_nothing(device: Device, as_: str) -> None:
    record_id, key = str(uuid.uuid4()), {"Idempotency-Key": "once"}
    device.send(b"sealed", record_id=record_id, as_=as_)
    keyed = device.send(b"other", as_=as_, headers=key)
    set_tier(user=device.account.user, tier=Tier.FREE)
    again = device.send(b"sealed", record_id=record_id, as_=as_)
    assert (again.status, again.json["id"]) == (200, record_id)
    assert device.send(b"other", as_=as_, headers=key).json == keyed.json
    for data in (b"", b"new", b"n" * 5000):
        answer = device.send(data, as_=as_)
        assert (answer.status, answer.code) == (402, "quota_exceeded")
    assert device.used_bytes() == len(b"sealed" + b"other")


def test_the_quota_is_the_live_tiers(api: ApiClient, make_user: Callable[..., Account]) -> None:
    gib, account = 1024**3, make_user(tier="pro")
    for tier, limit in ((Tier.PRO, 5 * gib), (Tier.POWER, 25 * gib), (Tier.TEAM, None), (Tier.FREE, 0)):
        set_tier(user=account.user, tier=tier)
        amount = {"used_bytes": 0, "limit_bytes": limit}
        quota = api.get("storage/quota", token=account.access_token).json
        assert quota == {"storage": amount | {"versions_bytes": 0}, "backup": amount}


def test_a_refused_upload_does_not_even_make_a_row_of_counters(free: Device, device: Device) -> None:
    free.send(b"x")
    device.delete(str(uuid.uuid4()))
    device.send(b"x", checksum=checksum_of(b"y"))
    assert not StorageUsage.objects.exists()


# --- whose ---


def test_anothers_record_is_404_on_every_verb(device: Device, new_device: Callable[[], Device]) -> None:
    owner = new_device()
    record_id = owner.stored(b"sealed")["id"]
    assert device.read(record_id).code == "not_found"
    assert device.api.request("HEAD", f"storage/records/{record_id}", token=device.token).status == 404
    assert device.delete(record_id).code == "not_found"
    for as_ in FORMS:
        assert device.send(b"mine now", to=record_id, as_=as_).code == "not_found"
    assert device.items() == []
    assert device.feed()["changes"] == []
    assert device.used_bytes() == 0
    assert owner.read(record_id).content == b"sealed"


def test_two_users_may_use_one_id(device: Device, new_device: Callable[[], Device]) -> None:
    other, chosen = new_device(), str(uuid.uuid4())
    device.stored(b"mine", record_id=chosen)
    other.stored(b"theirs", record_id=chosen)
    assert (device.read(chosen).content, other.read(chosen).content) == (b"mine", b"theirs")
    device.delete(chosen)
    assert other.read(chosen).content == b"theirs"
    assert (device.used_bytes(), other.used_bytes()) == (0, 6)


# --- privacy ---

CANARY = b"canary-7f3a-sealed-plaintext"


@pytest.mark.parametrize("as_", FORMS)
def test_nothing_of_a_blob_is_in_the_database_or_the_log(
    device: Device, blob_folder: Path, as_: str, caplog: pytest.LogCaptureFixture
) -> None:
    record_id = device.stored(CANARY * 20, as_=as_)["id"]
    device.send(CANARY * 30, to=record_id, as_=as_)
    device.send(CANARY * 40, checksum=checksum_of(b""), as_=as_)
    device.read(record_id)
    assert CANARY * 30 in [file.read_bytes() for file in files(blob_folder)]
    assert "storage/records" in caplog.text
    assert CANARY.decode() not in caplog.text
    assert not any(CANARY.decode() in row for row in everything_in_the_database())


def everything_in_the_database() -> list[str]:
    """Each row of each table, as text; bytes by their ASCII."""
    rows: list[tuple[object, ...]] = []
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f"SELECT * FROM {connection.ops.quote_name(table)}")  # noqa: S608 - its own tables
            rows += cursor.fetchall()
    assert any("notes" in row for row in rows)
    return [repr([bytes(value) if isinstance(value, memoryview) else value for value in row]) for row in rows]
