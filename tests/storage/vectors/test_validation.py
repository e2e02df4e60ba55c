"""Requests for vectors that are wrong, and how they are refused."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.storage.vectors.client import SEARCH, UPSERT, VECTORS, Client, encode, item
from tests.support.accounts import Account
from tests.support.client import ApiClient

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("vector_dir")]
MakeUser = Callable[..., Account]


@pytest.fixture
def ada(make_user: MakeUser) -> Client:
    return Client(make_user(tier="pro"))


VALID = item(b"sealed")


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"id": "no uuid"}, "id"),
        ({"id": 7}, "id"),
        ({"id": None}, "id"),
        ({"blob": "c2VhbGVk!"}, "blob"),
        ({"blob": "c2VhbGVk\n"}, "blob"),
        ({"blob": "c2VhbGU"}, "blob"),
        ({"blob": "c2Vhb-_k"}, "blob"),
        ({"blob": "ü"}, "blob"),
        ({"blob": ""}, "blob"),
        ({"blob": None}, "blob"),
        ({"blob": ["c2VhbGVk"]}, "blob"),
        ({"checksum": VALID["checksum"].upper()}, "checksum"),
        ({"checksum": VALID["checksum"][:-1]}, "checksum"),
        ({"checksum": VALID["checksum"] + "\n"}, "checksum"),
        ({"checksum": 0}, "checksum"),
        ({"vector": []}, "vector"),
        ({"vector": [0, 0.0, -0.0]}, "vector"),
        ({"vector": [1, "2"]}, "vector"),
        ({"vector": [1, True]}, "vector"),
        ({"vector": [1, None]}, "vector"),
        ({"vector": [[1, 2]]}, "vector"),
        ({"vector": {"0": 1}}, "vector"),
        ({"vector": "1,2"}, "vector"),
        ({"vector": [int("9" * 309)]}, "vector"),
        ({"vector": [1.0] * 4097}, "vector"),
    ],
)
def test_a_wrong_field_is_named(ada: Client, change: dict[str, Any], field: str) -> None:
    answer = ada.upsert(item(b"fine"), VALID | change)
    assert (answer.code, list(answer.json["errors"])) == ("validation_error", [f"vectors.1.{field}"])
    assert ada.usage() == (0, 0, None)


def test_null_stands_for_no_vector_and_unknown_fields_are_passed_over(ada: Client) -> None:
    assert ada.upsert(item(b"x") | {"vector": None, "user": "somebody", "metadata": {"a": 1}}).status == 200
    assert ada.usage()[2] == 32


def test_the_largest_dimension_is_taken(ada: Client) -> None:
    one = item(vector=[1.0] * 4095 + [2])
    assert ada.upsert(one).status == 200
    assert ada.search_ids(vector=[1.0] * 4096) == [one["id"]]


def test_one_id_twice_in_a_request_is_refused(ada: Client) -> None:
    one = item(b"1")
    answer = ada.upsert(one, item(b"2"), item(b"3", id=one["id"].upper()))
    assert (answer.code, list(answer.json["errors"])) == ("validation_error", ["vectors.2.id"])
    assert ada.usage() == (0, 0, None)


@pytest.mark.parametrize("body", [{}, {"vectors": None}, {"vectors": {}}, {"vectors": "x"}, {"vectors": [1]}])
def test_what_is_no_list_of_vectors_is_refused(ada: Client, body: Any) -> None:
    assert ada.send(UPSERT, body).code == "validation_error"


@pytest.mark.parametrize("filler", ["[]", "{}", "0", '""'])
@pytest.mark.parametrize("path", [UPSERT, SEARCH])
def test_more_values_than_a_request_can_need_are_refused_before_they_are_parsed(
    ada: Client, api: ApiClient, path: str, filler: str
) -> None:
    body = f'{{"vectors":[{",".join([filler] * 2_100_000)}'  # not even JSON
    answer = api.post(path, body=body, token=ada.account.access_token)
    assert answer.json["errors"] == {"vectors": ["At most 500 vectors of 4096 dimensions go in one request."]}


@pytest.mark.thorough
def test_the_most_values_that_a_request_may_hold_are_parsed(ada: Client) -> None:
    items = [item(b"%d" % n, vector=[1] * 4096, unknown=1, unknown_too=[]) for n in range(500)]
    assert ada.upsert(*items).json == {"upserted": 500}


@pytest.mark.parametrize("body", [{}, {"ids": None}, {"ids": "x"}, {"ids": ["x"]}, {"ids": [1]}])
def test_what_is_no_list_of_ids_is_refused(ada: Client, body: Any) -> None:
    assert ada.send(VECTORS, body, "DELETE").code == "validation_error"


def test_a_search_takes_either_a_blob_or_a_vector(ada: Client) -> None:
    bodies: list[dict[str, Any]] = [{}, {"blob": encode(b"x"), "vector": [1.0]}, {"blob": None, "vector": None}]
    for body in bodies:
        answer = ada.search(**body)
        assert (answer.code, list(answer.json["errors"])) == ("validation_error", ["non_field_errors"])
    assert list(ada.search(vector=[0, 0]).json["errors"]) == ["vector"]
    assert list(ada.search(blob="?").json["errors"]) == ["blob"]


def test_a_blob_over_its_limit_is_413(ada: Client) -> None:
    assert ada.upsert(item(b"x" * 256 * 1024)).status == 200
    answer = ada.upsert(item(b"x" * (256 * 1024 + 1)))
    assert (answer.status, answer.code, answer.json["max_bytes"]) == (413, "payload_too_large", 256 * 1024)


def test_nan_and_other_content_are_refused(ada: Client, api: ApiClient) -> None:
    token = ada.account.access_token
    assert api.post(UPSERT, body='{"vectors":[{"vector":[NaN]}]}', token=token).code == "validation_error"
    assert api.post(UPSERT, body=b"x", content_type="application/octet-stream", token=token).status == 415
    assert api.get(UPSERT, token=token).headers["Allow"] == "POST"


@pytest.mark.parametrize(("method", "path"), [("POST", UPSERT), ("POST", SEARCH), ("DELETE", VECTORS)])
def test_nobody_in_particular_is_401(api: ApiClient, method: str, path: str) -> None:
    assert api.request(method, path, json={}).code == "not_authenticated"
