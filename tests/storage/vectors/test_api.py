"""Vectors (docs/api.md § 7) on the local engine."""

import base64
import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from uuid import uuid4

import pytest

from storage.models import StorageUsage, StoredVector
from storage.vectors.factory import get_vector_store
from storage.vectors.port import Point, derive_vector
from storage.vectors.search import SPARE_HITS
from tests.storage.vectors.client import UPSERT, Client, encode, item
from tests.support.accounts import Account
from tests.support.client import ApiClient

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("vector_dir")]
MakeUser = Callable[..., Account]


@pytest.fixture
def ada(make_user: MakeUser) -> Client:
    return Client(make_user(tier="pro"))


@pytest.fixture
def bob(make_user: MakeUser) -> Client:
    return Client(make_user(tier="team"))


# --- what is stored is found ---


def test_an_upsert_says_how_many_and_a_search_gives_them_back(ada: Client) -> None:
    one, other = item(b"one", vector=[1, 0]), item(b"other", vector=[1, 1.0])
    answer = ada.upsert(one, other)
    assert (answer.status, answer.json) == (200, {"upserted": 2})
    results = ada.search(vector=[2, 0]).json["results"]
    assert results == [
        {"id": one["id"], "score": 1.0, "blob": one["blob"], "checksum": one["checksum"]},
        {
            "id": other["id"],
            "score": pytest.approx(0.7071, abs=1e-3),
            "blob": other["blob"],
            "checksum": other["checksum"],
        },
    ]
    assert ada.usage() == (2, 8, 2)


def test_without_a_vector_it_is_derived_and_the_blob_finds_itself(ada: Client) -> None:
    items = [item(b"sealed %d" % n) for n in range(20)]
    assert ada.upsert(*items).json == {"upserted": 20}
    for one in items[:5]:
        best = ada.search(blob=one["blob"], top_k=1).json["results"]
        assert [(hit["id"], hit["score"]) for hit in best] == [(one["id"], 1.0)]
    assert ada.usage()[2] == 32


def test_a_derived_vector_can_be_searched_for_as_a_vector(ada: Client) -> None:
    one = item(b"sealed")
    ada.upsert(one, item(b"other"))
    assert ada.search_ids(vector=derive_vector(b"sealed"), top_k=1) == [one["id"]]


def test_a_client_may_send_the_derived_vector_itself(ada: Client) -> None:
    one, other = item(b"one"), item(b"other", vector=derive_vector(b"other"))
    assert ada.upsert(one, other).status == 200
    assert ada.search_ids(blob=encode(b"other"), top_k=1) == [other["id"]]


def test_an_upsert_of_a_known_id_replaces_vector_blob_and_checksum(ada: Client) -> None:
    key = str(uuid4())
    ada.upsert(item(b"a longer first one", id=key, vector=[1, 0]))
    assert ada.upsert(item(b"second", id=key.upper(), vector=[0, 1])).json == {"upserted": 1}
    (hit,) = ada.search(vector=[0, 1]).json["results"]
    assert (hit["id"], base64.b64decode(hit["blob"]), hit["score"]) == (key, b"second", 1.0)
    assert ada.usage() == (1, 6, 2)


def test_equal_scores_are_ordered_by_id(ada: Client) -> None:
    items = [item(vector=[1, 2, 3]) for _ in range(15)]
    ada.upsert(*items)
    assert ada.search_ids(vector=[1, 2, 3], top_k=15) == sorted(one["id"] for one in items)


def test_ten_are_found_unless_asked_otherwise_and_a_hundred_at_most(ada: Client) -> None:
    ada.upsert(*(item(vector=[1, n]) for n in range(120)))
    assert len(ada.search_ids(vector=[1, 1])) == 10
    assert len(ada.search_ids(vector=[1, 1], top_k=100)) == 100
    for wrong in (0, 101, -1, 1.5, "10", True, None, [1]):
        answer = ada.search(vector=[1, 1], top_k=wrong)
        assert (answer.code, list(answer.json["errors"])) == ("validation_error", ["top_k"])


def test_who_has_no_vectors_finds_none(ada: Client) -> None:
    assert ada.search(vector=[1, 2]).json == ada.search(blob=encode(b"x")).json == {"results": []}


def test_five_hundred_go_in_one_request_and_not_one_more(ada: Client) -> None:
    items = [item(b"%d" % n) for n in range(501)]
    answer = ada.upsert(*items)
    assert (answer.code, list(answer.json["errors"])) == ("validation_error", ["vectors"])
    assert ada.usage() == (0, 0, None)
    assert ada.upsert(*items[1:]).json == {"upserted": 500}
    ids = [one["id"] for one in items]
    assert list(ada.delete(*ids).json["errors"]) == ["ids"]
    assert ada.delete(*ids[1:]).json == {"deleted": 500}


def test_an_empty_request_does_nothing(ada: Client) -> None:
    assert ada.upsert().json == {"upserted": 0}
    assert ada.delete().json == {"deleted": 0}
    assert ada.usage() == (0, 0, None)


def test_vectors_are_no_part_of_the_change_feed(ada: Client) -> None:
    one = item()
    ada.upsert(one)
    ada.delete(one["id"])
    assert StorageUsage.objects.get(user_id=ada.account.user.id).last_seq == 0


# --- deletion ---


def test_a_deletion_counts_what_was_there(ada: Client) -> None:
    one, other = item(b"1"), item(b"22")
    ada.upsert(one, other)
    assert ada.delete(one["id"], one["id"], str(uuid4())).json == {"deleted": 1}
    assert ada.search_ids(blob=one["blob"]) == [other["id"]]
    assert ada.usage() == (1, 2, 32)
    assert ada.delete(one["id"]).json == {"deleted": 0}


def test_the_dimension_is_free_again_when_the_last_vector_is_gone(ada: Client) -> None:
    one = item(vector=[1, 2, 3])
    ada.upsert(one)
    ada.delete(one["id"])
    assert ada.usage() == (0, 0, None)
    assert ada.search(vector=[1, 2, 3, 4, 5]).json == {"results": []}
    assert ada.upsert(item(id=one["id"], vector=[1, 2])).status == 200
    assert ada.search_ids(vector=[1, 2]) == [one["id"]]


# --- one dimension a user ---


def test_another_dimension_than_the_stored_one_is_refused(ada: Client) -> None:
    ada.upsert(item(vector=[1, 2, 3]))
    for wrong in (item(vector=[1, 2]), item(b"derived: 32")):
        answer = ada.upsert(wrong)
        assert (answer.code, list(answer.json["errors"])) == ("validation_error", ["vectors.0.vector"])
    assert list(ada.search(vector=[1, 2]).json["errors"]) == ["vector"]
    assert list(ada.search(blob=encode(b"x")).json["errors"]) == ["blob"]
    assert ada.usage() == (1, 6, 3)


def test_one_request_has_one_dimension(ada: Client) -> None:
    answer = ada.upsert(item(vector=[1, 2]), item(vector=[3, 4]), item(vector=[1, 2, 3]))
    assert (answer.code, list(answer.json["errors"])) == ("validation_error", ["vectors.2.vector"])
    assert ada.usage() == (0, 0, None)


def test_each_user_has_a_dimension_of_their_own(ada: Client, bob: Client) -> None:
    assert ada.upsert(item(vector=[1, 2])).status == bob.upsert(item(vector=[1, 2, 3])).status == 200


# --- isolation ---


def test_two_users_with_the_same_ids_never_meet(ada: Client, bob: Client) -> None:
    key, other = str(uuid4()), str(uuid4())
    ada.upsert(item(b"ada's", id=key, vector=[1, 0]), item(b"ada's other", id=other, vector=[1, 0.1]))
    bob.upsert(item(b"bob's", id=key, vector=[1, 0]))
    assert [base64.b64decode(hit["blob"]) for hit in bob.search(vector=[1, 0], top_k=100).json["results"]] == [b"bob's"]
    assert bob.delete(key, other).json == {"deleted": 1}
    assert [base64.b64decode(hit["blob"]) for hit in ada.search(vector=[1, 0]).json["results"]] == [
        b"ada's",
        b"ada's other",
    ]
    assert bob.usage() == (0, 0, None)
    assert ada.usage() == (2, 16, 2)


# --- checksums ---


def test_wrong_checksums_are_named_together_and_nothing_is_written(ada: Client) -> None:
    good, bad, worse = item(b"good"), item(b"bad", checksum="0" * 64), item(b"worse", checksum="f" * 64)
    answer = ada.upsert(good, bad, worse)
    assert (answer.status, answer.code, answer.json["ids"]) == (400, "checksum_mismatch", [bad["id"], worse["id"]])
    assert ada.usage() == (0, 0, None)
    assert ada.search(blob=good["blob"]).json == {"results": []}


def test_what_lies_in_the_database_is_what_was_sent(ada: Client) -> None:
    blob = bytes(range(256)) * 3
    ada.upsert(item(blob))
    row = StoredVector.objects.get()
    assert (bytes(row.blob), row.checksum, row.size_bytes) == (blob, hashlib.sha256(blob).hexdigest(), 768)


# --- the quota ---


def allow(client: Client, limit: int) -> None:
    StorageUsage.objects.update_or_create(user_id=client.account.user.id, defaults={"storage_limit_bytes": limit})


def test_free_has_no_room_whatever_the_body_says(make_user: MakeUser, api: ApiClient) -> None:
    token, body = make_user(tier="free").access_token, "{ this is not even JSON"
    answer = api.post(UPSERT, body=body, token=token)
    assert (answer.status, answer.code) == (402, "quota_exceeded")
    numbers = [answer.json[key] for key in ("limit_bytes", "used_bytes", "requested_bytes")]
    assert numbers == [0, 0, len(body)]


def test_who_fell_back_to_free_still_searches_and_deletes(ada: Client) -> None:
    one = item()
    ada.upsert(one)
    allow(ada, 0)
    assert ada.upsert(one).status == 402
    assert ada.search_ids(blob=one["blob"]) == [one["id"]]
    assert ada.delete(one["id"]).json == {"deleted": 1}


def test_the_quota_is_kept_to_the_byte(ada: Client) -> None:
    allow(ada, 10)
    assert ada.upsert(item(b"123456"), item(b"1234")).status == 200
    answer = ada.upsert(item(b"x"))
    assert (answer.status, answer.code) == (402, "quota_exceeded")
    assert [answer.json[key] for key in ("limit_bytes", "used_bytes", "requested_bytes")] == [10, 10, 1]
    assert ada.usage()[:2] == (2, 10)


def test_what_is_replaced_makes_room(ada: Client) -> None:
    allow(ada, 10)
    one = item(b"1234567890")
    ada.upsert(one)
    assert ada.upsert(item(b"12345", id=one["id"]), item(b"67890")).status == 200
    assert ada.usage()[:2] == (2, 10)


def test_a_refused_upsert_leaves_no_point_that_is_found(ada: Client) -> None:
    allow(ada, 3)
    refused = item(b"1234")
    assert ada.upsert(refused).status == 402
    ada.upsert(item(b"1"))
    assert refused["id"] not in ada.search_ids(blob=refused["blob"], top_k=100)


# --- the index may lag ---


def test_points_without_a_row_are_passed_over_however_many(ada: Client) -> None:
    kept = [item(vector=[1, 0.5]) for _ in range(3)]
    ada.upsert(*kept)
    orphans = [Point(uuid4(), [1.0, 0.0]) for _ in range(5 * SPARE_HITS)]
    get_vector_store().upsert(ada.account.user.id, orphans)
    assert ada.search_ids(vector=[1, 0], top_k=3) == sorted(one["id"] for one in kept)


def test_rows_without_a_point_can_still_be_deleted(ada: Client) -> None:
    one = item()
    ada.upsert(one)
    get_vector_store().erase(ada.account.user.id)
    assert ada.search_ids(blob=one["blob"]) == []
    assert ada.delete(one["id"]).json == {"deleted": 1}
    assert ada.usage() == (0, 0, None)


def test_the_vectors_outlive_a_restart(ada: Client, vector_dir: Path) -> None:
    from storage.vectors.factory import close_vector_store

    one = item()
    ada.upsert(one)
    close_vector_store()
    assert ada.search_ids(blob=one["blob"]) == [one["id"]]


def test_no_sealed_byte_is_in_the_index(ada: Client, vector_dir: Path) -> None:
    blob = b"a canary that nobody but the database may hold"
    ada.upsert(item(blob))
    files = [path.read_bytes() for path in vector_dir.rglob("*") if path.is_file()]
    assert files
    assert not any(text in data for data in files for text in (blob, encode(blob).encode()))


def test_the_answer_is_json(ada: Client) -> None:
    ada.upsert(item())
    answer = ada.search(blob=encode(b"sealed"))
    assert answer.headers["Content-Type"] == "application/json"
    assert json.loads(answer.content)["results"][0]["score"] == 1
