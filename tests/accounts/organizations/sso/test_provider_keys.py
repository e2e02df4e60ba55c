"""A provider's keys: when they are asked for anew, and what holds while it is away."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from accounts.organizations.models import Connection
from accounts.organizations.sso.id_tokens import UntrustedTokenError, verify_signature
from accounts.organizations.sso.provider.asking import ProviderUnreachable
from tests.accounts.concurrency import run_concurrently
from tests.fakes.oidc_provider import OidcProvider
from tests.support.organizations import make_organization
from tests.support.sign_on import Browser, connect

pytestmark = pytest.mark.django_db
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


@pytest.fixture
def browser(provider: OidcProvider) -> Browser:
    organization, _ = make_organization()
    connect(organization, provider)
    age(MINUTE)
    provider.requests.clear()
    return Browser(organization, provider)


def age(by: timedelta) -> None:
    """As if they had been fetched that much earlier."""
    row = Connection.objects.get()
    Connection.objects.update(keys_at=row.keys_at - by, keys_asked_at=row.keys_asked_at - by)


def asked(browser: Browser) -> int:
    return len(browser.provider.seen("jwks"))


def test_known_keys_are_not_asked_for(browser: Browser) -> None:
    for _ in range(3):
        assert "code" in browser.sign_on()
    assert asked(browser) == 0


def test_a_new_key_is_asked_for_at_its_first_use(browser: Browser) -> None:
    browser.provider.rotate()
    for _ in range(3):
        assert "code" in browser.sign_on()
    assert asked(browser) == 1


def test_another_kind_of_key_may_follow(browser: Browser) -> None:
    browser.provider.rotate("ES256", keep_old=True)
    assert "code" in browser.sign_on()


def test_keys_that_nobody_has_are_asked_for_once_a_minute(browser: Browser) -> None:
    browser.provider.header = {"kid": "unknown"}
    for _ in range(4):
        assert browser.sign_on()["error"] == "server_error"
    assert asked(browser) == 1
    age(MINUTE)
    browser.sign_on()
    assert asked(browser) == 2


@pytest.mark.thorough
def test_a_provider_that_fails_is_asked_once_a_minute_too(browser: Browser) -> None:
    browser.provider.rotate()
    browser.provider.faults = {"jwks": 500}
    for _ in range(3):
        assert browser.sign_on()["error"] == "server_error"
    assert asked(browser) == 1
    browser.provider.faults = {}
    age(MINUTE)
    assert "code" in browser.sign_on()


def test_a_key_that_was_taken_back_counts_until_the_hour_is_over(browser: Browser) -> None:
    old = browser.provider.signing_key
    browser.provider.rotate()
    browser.provider.signing_key = old
    assert "code" in browser.sign_on()
    age(HOUR)
    assert browser.sign_on()["error"] == "server_error"


@pytest.mark.parametrize(
    ("said", "good_for", "old_after"),
    [
        ("", timedelta(minutes=58), timedelta(minutes=61)),
        ("public, max-age=7200", timedelta(minutes=118), timedelta(minutes=121)),
        ("max-age=1", timedelta(minutes=3), timedelta(minutes=6)),
        ("no-store", timedelta(minutes=58), timedelta(minutes=61)),
        ("max-age=999999999", timedelta(hours=5), timedelta(hours=7)),
    ],
)
def test_how_long_keys_count_is_the_providers_to_say_within_bounds(
    browser: Browser, said: str, good_for: timedelta, old_after: timedelta
) -> None:
    browser.provider.headers = {"Cache-Control": said} if said else {}
    browser.provider.rotate()
    browser.sign_on()
    age(good_for)
    browser.sign_on()
    assert asked(browser) == 1
    age(old_after - good_for)
    browser.sign_on()
    assert asked(browser) == 2


@pytest.mark.parametrize("fault", [500, 404, "reset", "garbage"])
def test_old_keys_are_good_for_a_day_while_the_provider_has_none(browser: Browser, fault: Any) -> None:
    browser.provider.faults = {"jwks": fault}
    age(DAY - HOUR)
    for _ in range(2):
        assert "code" in browser.sign_on()
    assert asked(browser) == 1
    age(HOUR)
    assert browser.sign_on()["error"] == "temporarily_unavailable"
    browser.provider.faults = {}
    age(MINUTE)
    assert "code" in browser.sign_on()


def test_an_answer_without_a_key_takes_none_away(browser: Browser) -> None:
    browser.provider.jwks = {"keys": []}
    age(HOUR)
    assert "code" in browser.sign_on()
    assert Connection.objects.get().keys["keys"]


@pytest.mark.django_db(transaction=True)
def test_of_many_who_need_the_new_key_one_asks_and_all_get_in(browser: Browser) -> None:
    browser.provider.rotate()
    browsers = [Browser(browser.organization, browser.provider) for _ in range(6)]
    told = run_concurrently(*[one.sign_on for one in browsers])
    assert [sorted(one) for one in told] == [["code", "state"]] * 6
    assert asked(browser) == 1


def test_a_connection_that_changed_meanwhile_keeps_its_own_keys(browser: Browser) -> None:
    """A PUT may come between: keys of the old issuer are not written into the row of the new one."""
    connection = Connection.objects.get()
    browser.provider.rotate()
    Connection.objects.update(updated_at=datetime.now(UTC), keys={"keys": [], "seconds": 3600})
    token = browser.provider.logout_token(sub="alice")
    with pytest.raises(UntrustedTokenError):
        verify_signature(connection, token, required=("iss",))
    assert Connection.objects.get().keys["keys"] == []


class TestOtherTokens:
    """``verify_signature`` for what is no ID token: a logout token."""

    def test_its_claims(self, browser: Browser) -> None:
        token = browser.provider.logout_token(sub="alice", sid="one")
        claims = verify_signature(Connection.objects.get(), token, required=("iss", "aud", "iat", "jti", "events"))
        assert (claims["sub"], claims["sid"]) == ("alice", "one")

    @pytest.mark.parametrize(
        ("changes", "reason"),
        [
            ({"jti": None}, "jti"),
            ({"iss": "https://evil.example"}, "iss"),
            ({"aud": "another"}, "aud"),
            ({"exp": 1}, "exp"),
            ({"iat": 99999999999}, "iat"),
        ],
    )
    def test_what_is_wrong_with_it(self, browser: Browser, changes: dict[str, Any], reason: str) -> None:
        token = browser.provider.logout_token(sub="alice", **changes)
        with pytest.raises(UntrustedTokenError) as caught:
            verify_signature(Connection.objects.get(), token, required=("jti",))
        assert caught.value.reason == reason

    def test_without_keys_it_is_neither_right_nor_wrong(self, browser: Browser) -> None:
        browser.provider.stop()
        age(2 * DAY)
        with pytest.raises(ProviderUnreachable):
            verify_signature(Connection.objects.get(), browser.provider.logout_token(sub="a"), required=())
