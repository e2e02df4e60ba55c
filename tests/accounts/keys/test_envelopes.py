from collections.abc import Callable
from typing import Any

import pytest

from accounts.models import KeyEnvelope
from tests.accounts.keys.sealed import content, encoded, event_types, listed, put
from tests.support.accounts import Account
from tests.support.client import ApiClient

pytestmark = pytest.mark.django_db
MakeUser = Callable[..., Account]


def test_an_envelope_is_kept_as_it_came(api: ApiClient, make_user: MakeUser) -> None:
    account = make_user()
    body = content(b"\x00sealed\xff")
    answer = put(account, "recovery/phrase-1", json=body)
    assert answer.status == 200
    assert set(answer.json) == {"kind", "ref", "blob", "checksum", "key_id", "etag", "created_at", "updated_at"}
    assert answer.json | body | {"kind": "recovery", "ref": "phrase-1"} == answer.json
    assert answer.headers["ETag"] == answer.json["etag"]
    assert answer.headers["Cache-Control"] == "no-store"
    assert api.get("keys/envelopes", token=account.access_token).json == {
        "items": [answer.json],
        "total": 1,
        "page": 1,
        "limit": 50,
    }
    assert event_types(account)[-1] == "envelope_changed"
    assert account.user.security_events.latest("id").session_id == account.session_id


def test_a_second_put_replaces_it_under_another_tag(make_user: MakeUser) -> None:
    account = make_user()
    first = put(account)
    again = put(account, json=content(b"other"))
    assert again.json["etag"] != first.json["etag"]
    assert again.json["created_at"] == first.json["created_at"]
    assert again.json["updated_at"] > first.json["updated_at"]
    assert listed(account) == {"password/main": again.json}


def test_if_match_lets_nobody_overwrite_what_they_have_not_seen(make_user: MakeUser) -> None:
    account = make_user()
    first = put(account, headers={"If-None-Match": "*"})
    assert first.status == 200
    second = put(account, headers={"If-Match": first.json["etag"]})
    assert second.status == 200
    for headers in ({"If-Match": first.json["etag"]}, {"If-None-Match": "*"}):
        refused = put(account, headers=headers)
        assert (refused.status, refused.code, refused.json["etag"]) == (412, "precondition_failed", second.json["etag"])
    assert put(account, "device/new", headers={"If-Match": "*"}).json["etag"] is None
    assert listed(account) == {"password/main": second.json}


def test_a_tag_of_before_a_deletion_is_another_one(api: ApiClient, make_user: MakeUser) -> None:
    """The client may make the same envelope anew: what it then has seen is not what is there."""
    account = make_user()
    body = content(b"the same")
    put(account, "recovery/phrase")
    first = put(account, json=body).json["etag"]
    assert api.delete("keys/envelopes/password/main", token=account.access_token).status == 204
    assert put(account, json=body).json["etag"] != first


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"blob": "no base64!"}, "blob"),
        ({"blob": encoded(b"x" * 4097)}, "blob"),
        ({"blob": ""}, "blob"),
        ({"blob": 7}, "blob"),
        ({"checksum": "A" * 64}, "checksum"),
        ({"checksum": None}, "checksum"),
        ({"key_id": ""}, "key_id"),
        ({"key_id": "x" * 65}, "key_id"),
        ({"key_id": "a b"}, "key_id"),
    ],
)
def test_what_is_wrong_is_named(make_user: MakeUser, changes: dict[str, Any], field: str) -> None:
    account = make_user()
    answer = put(account, json=content() | changes)
    assert (answer.status, answer.code, set(answer.json["errors"])) == (400, "validation_error", {field})
    assert listed(account) == {}


@pytest.mark.parametrize(
    ("name", "field"),
    [("secret/main", "kind"), ("password/Main", "ref"), ("password/-main", "ref"), ("password/" + "a" * 65, "ref")],
)
def test_a_name_that_is_none_is_400_to_put_and_404_to_delete(
    api: ApiClient, make_user: MakeUser, name: str, field: str
) -> None:
    account = make_user()
    assert put(account, name).json["errors"].keys() == {field}
    assert api.delete(f"keys/envelopes/{name}", token=account.access_token).status == 404


def test_a_wrong_checksum_stores_nothing(make_user: MakeUser) -> None:
    account = make_user()
    answer = put(account, json=content(checksum="0" * 64))
    assert (answer.status, answer.code) == (400, "checksum_mismatch")
    assert listed(account) == {}


def test_four_kibibytes_are_not_too_much(make_user: MakeUser) -> None:
    assert put(make_user(), json=content(b"x" * 4096)).status == 200


def test_a_fifty_first_envelope_is_a_conflict_and_a_fiftieth_can_be_replaced(make_user: MakeUser) -> None:
    account = make_user(tier="team")
    for number in range(50):
        assert put(account, f"device/d{number}").status == 200
    answer = put(account, "device/one-more")
    assert (answer.status, answer.code) == (409, "conflict")
    assert put(account, "device/d0").status == 200
    assert len(listed(account)) == 50


def test_deleting_goes_down_to_the_last_one(api: ApiClient, make_user: MakeUser) -> None:
    account = make_user()
    put(account, "password/main")
    tag = put(account, "recovery/phrase").json["etag"]
    path, token = "keys/envelopes/recovery/phrase", account.access_token
    assert api.delete(path, token=token, headers={"If-Match": '"another"'}).status == 412
    assert api.delete(path, token=token, headers={"If-Match": tag}).status == 204
    assert event_types(account)[-1] == "envelope_changed"
    assert api.delete(path, token=token).status == 404
    last = api.delete("keys/envelopes/password/main", token=token, headers={"If-Match": '"another"'})
    assert (last.status, last.code) == (409, "last_envelope")
    assert list(listed(account)) == ["password/main"]


def test_another_accounts_envelopes_are_not_there(api: ApiClient, make_user: MakeUser) -> None:
    account, other = make_user(), make_user()
    put(account, "password/main")
    put(account, "device/phone")
    assert listed(other) == {}
    assert api.delete("keys/envelopes/password/main", token=other.access_token).status == 404
    put(other, "password/main")
    assert KeyEnvelope.objects.filter(kind="password", ref="main").count() == 2


def test_a_list_has_pages(api: ApiClient, make_user: MakeUser) -> None:
    account = make_user()
    for ref in "abc":
        put(account, f"device/{ref}")
    answer = api.get("keys/envelopes?limit=2&page=2", token=account.access_token).json
    assert ([one["ref"] for one in answer["items"]], answer["total"]) == (["c"], 3)
