"""``GET /batches/schema``."""

import jsonschema_rs
import pytest

from tests.agents.batches.spec.specs import TIDY
from tests.support.accounts import Account
from tests.support.client import ApiClient


@pytest.fixture
def account(db: None, make_user: object) -> Account:
    assert callable(make_user)
    made: Account = make_user(tier="free")
    return made


def test_every_tier_gets_the_schema(api: ApiClient, account: Account) -> None:
    answer = api.get("batches/schema", token=account.access_token)

    assert answer.status == 200
    assert answer.headers["Content-Type"] == "application/json"
    assert jsonschema_rs.is_valid(answer.json, TIDY)
    assert not jsonschema_rs.is_valid(answer.json, TIDY | {"color": "red"})


def test_who_has_it_is_told_so(api: ApiClient, account: Account) -> None:
    first = api.get("batches/schema", token=account.access_token)
    again = api.get("batches/schema", token=account.access_token, headers={"If-None-Match": first.headers["ETag"]})

    assert (again.status, again.content) == (304, b"")
    assert again.headers["ETag"] == first.headers["ETag"]
    assert first.headers["Cache-Control"] == again.headers["Cache-Control"] == "private, max-age=3600"


def test_nobody_else_gets_it(api: ApiClient, db: None) -> None:
    answer = api.get("batches/schema")

    assert (answer.status, answer.code) == (401, "not_authenticated")
