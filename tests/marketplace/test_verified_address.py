"""docs/api.md § 3: what asks for an address that is verified, and in which order it is refused."""

from collections.abc import Callable

import pytest

from accounts.models import User
from marketplace.models import PluginVersion
from tests.support.accounts import Account
from tests.support.client import Answer, ApiClient

MakeUser = Callable[..., Account]

pytestmark = pytest.mark.django_db

READ_TOO = ["plugins", "plugins/onboarding"]
ROUTES = [*READ_TOO, "plugins/github-sync/reports"]
each_route = pytest.mark.parametrize("route", ROUTES)


def post(route: str, account: Account, body: bytes = b"no form at all") -> Answer:
    headers = {"Content-Type": "multipart/form-data; boundary=x"}
    return ApiClient().post(route, body=body, token=account.access_token, headers=headers)


@each_route
def test_an_address_that_is_not_verified_is_refused_before_the_body_is_read(route: str, make_user: MakeUser) -> None:
    answer = post(route, make_user(tier="team", verified=False))
    assert (answer.status, answer.code) == (403, "email_not_verified")
    assert not PluginVersion.objects.filter(submitted_by__isnull=False).exists()


@each_route
def test_it_is_asked_on_every_tier_and_after_the_rate_limit(route: str, make_user: MakeUser) -> None:
    member = make_user(verified=False)
    answers = [post(route, member) for _ in range(21)]
    assert {answer.code for answer in answers[:20]} == {"email_not_verified"}
    assert answers[20].code == "rate_limited"


@pytest.mark.parametrize("route", READ_TOO)
def test_reading_asks_for_nothing(route: str, make_user: MakeUser) -> None:
    assert ApiClient().get(route, token=make_user(tier="team", verified=False).access_token).status == 200


def test_it_is_asked_of_the_account_and_not_of_the_token(make_user: MakeUser) -> None:
    member = make_user(tier="team", verified=False)
    User.objects.filter(id=member.user.id).update(email_verified_at=member.user.created_at)
    assert post("plugins", member).code == "validation_error"
