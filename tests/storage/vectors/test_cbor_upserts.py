"""Upserts as a sequence of CBOR maps: smaller, and read in a fraction of the time that JSON takes."""

import hashlib
import struct
from collections.abc import Callable
from threading import Event, Thread
from typing import Any
from uuid import uuid4

import pytest

from adiuva.api.errors import UpstreamUnavailable
from storage.vectors import admission
from storage.vectors.admission import admit
from tests.storage.vectors.client import UPSERT, Client, encode, item
from tests.support.accounts import Account
from tests.support.cbor import write
from tests.support.client import Answer, ApiClient

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("vector_dir")]
MakeUser = Callable[..., Account]


@pytest.fixture
def ada(make_user: MakeUser) -> Client:
    return Client(make_user(tier="pro"))


def sealed(blob: bytes = b"sealed", **other: Any) -> dict[str, Any]:
    return {"id": str(uuid4()), "blob": blob, "checksum": hashlib.sha256(blob).hexdigest()} | other


def send(client: Client, *items: Any, wire: bytes = b"") -> Answer:
    body = b"".join(map(write, items)) + wire
    return ApiClient().post(UPSERT, body=body, content_type="application/cbor-seq", token=client.account.access_token)


def test_vectors_come_as_numbers_as_float32_or_not_at_all(ada: Client) -> None:
    numbers = sealed(b"1", vector=[1, 0.0, -0.5])
    packed = sealed(b"2", vector=struct.pack("<3f", 0, 1, 0), unknown={"a": [1]})
    assert send(ada, numbers, packed).json == {"upserted": 2}
    assert ada.search_ids(vector=[1.0, 0.0, -0.5], top_k=1) == [numbers["id"]]
    (hit,) = ada.search(vector=[0.0, 1.0, 0.0], top_k=1).json["results"]
    assert (hit["id"], hit["blob"], hit["checksum"]) == (packed["id"], encode(b"2"), packed["checksum"])


def test_both_forms_of_one_vector_are_the_same(ada: Client) -> None:
    derived = sealed(b"derived", vector=None)
    assert send(ada, derived).json == {"upserted": 1}
    assert ada.upsert(item(b"derived", id=derived["id"])).json == {"upserted": 1}
    assert ada.usage() == (1, 7, 32)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"id": b"0" * 16}, "id"),
        ({"blob": b""}, "blob"),
        ({"checksum": b"0" * 32}, "checksum"),
        ({"vector": b""}, "vector"),
        ({"vector": b"12345"}, "vector"),
        ({"vector": struct.pack("<2f", 1, float("nan"))}, "vector"),
        ({"vector": [float("inf"), 1.0]}, "vector"),
        ({"vector": bytes(8)}, "vector"),
        ({"vector": struct.pack("<f", 1) * 4097}, "vector"),
        ({"vector": [1, b"x"]}, "vector"),
    ],
)
def test_a_wrong_field_is_named(ada: Client, change: dict[str, Any], field: str) -> None:
    answer = send(ada, sealed(), sealed() | change)
    assert (answer.status, list(answer.json["errors"])) == (400, [f"vectors.1.{field}"])
    assert ada.usage() == (0, 0, None)


@pytest.mark.parametrize("wire", [b"\xa1", b"\x00", b"\xff", b"{}", b"\x9b" + b"\xff" * 8])
def test_what_is_no_sequence_of_maps_is_400(ada: Client, wire: bytes) -> None:
    answer = send(ada, sealed(), wire=wire)
    assert (answer.status, answer.code) == (400, "validation_error")
    assert ada.usage() == (0, 0, None)


def test_more_than_500_are_refused_before_they_are_read(ada: Client) -> None:
    answer = send(ada, *[sealed(b"%d" % number) for number in range(501)], wire=b"\xff")
    assert (answer.status, list(answer.json["errors"])) == (400, ["vectors"])


def test_a_wrong_checksum_is_told_and_a_large_blob_is_413(ada: Client) -> None:
    wrong = sealed() | {"checksum": "0" * 64}
    answer = send(ada, sealed(), wrong)
    assert (answer.code, answer.json["ids"]) == ("checksum_mismatch", [wrong["id"]])
    assert send(ada, sealed(b"x" * (256 * 1024 + 1))).status == 413


@pytest.mark.thorough
def test_500_vectors_of_1536_dimensions_fit_either_form(ada: Client) -> None:
    floats = [0.123456789012345 + number / 1e6 for number in range(1536)]
    assert ada.upsert(*[item(b"%d" % number, vector=floats) for number in range(500)]).json == {"upserted": 500}
    packed = struct.pack("<1536f", *floats)
    assert send(ada, *[sealed(b"%d" % number, vector=packed) for number in range(500)]).json == {"upserted": 500}


def test_of_one_users_large_bodies_one_is_in_memory_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(admission, "WAIT_SECONDS", 0.05)
    user, other = uuid4(), uuid4()
    inside, leave = Event(), Event()

    def hold() -> None:
        with admit(user, declared=None):
            inside.set()
            leave.wait(30)

    holder = Thread(target=hold)
    holder.start()
    assert inside.wait(30)
    with admit(user, declared=1000), admit(other, declared=admission.LARGE_BYTES):
        pass  # neither is in its way
    with pytest.raises(UpstreamUnavailable), admit(user, declared=admission.LARGE_BYTES):
        pytest.fail("two at a time")
    monkeypatch.setattr(admission, "WAIT_SECONDS", 30)
    leave.set()
    with admit(user, declared=admission.LARGE_BYTES):
        holder.join(30)
    assert not admission._busy
