"""What a browser brings back that it should not: each is refused, and the same flow without it passes."""

from urllib.parse import urlsplit

import pytest
from django.core.cache import cache

from accounts.handoff.codes import use_code
from accounts.organizations.sso.flows import FLOWS
from adiuva.api.errors import InvalidGrant
from tests.accounts.organizations.sso.attacks.flows import changed, error_of, passes
from tests.support.client import ApiClient
from tests.support.sign_on import Browser, query_of

pytestmark = pytest.mark.django_db


class TestState:
    """Unknown, used, expired, changed or missing: nothing is known of the flow, so there is nowhere to go."""

    @pytest.mark.parametrize("state", ["", "unknown", "x" * 600, "\x00", "ü"])
    def test_one_that_we_never_made(self, browser: Browser, state: str) -> None:
        answer = browser.come_back(changed(browser.log_in(), state=state))
        assert (answer.status, answer.code, list(answer.json["errors"])) == (400, "validation_error", ["state"])
        assert passes(browser)

    def test_none_at_all(self, browser: Browser) -> None:
        answer = browser.come_back(changed(browser.log_in(), state=None))
        assert (answer.status, list(answer.json["errors"])) == (400, ["state"])
        assert passes(browser)

    def test_one_beside_another(self, browser: Browser) -> None:
        back = browser.log_in()
        answer = browser.come_back(f"{back}&state={query_of(back)['state']}")
        assert (answer.status, list(answer.json["errors"])) == (400, ["state"])
        assert passes(browser)

    def test_one_that_was_used(self, browser: Browser) -> None:
        back = browser.log_in()
        assert browser.come_back(back).status == 302
        answer = browser.come_back(back)
        assert (answer.status, list(answer.json["errors"])) == (400, ["state"])
        assert passes(browser)

    def test_one_that_has_expired(self, browser: Browser) -> None:
        back = browser.log_in()
        cache.touch(FLOWS.key(query_of(back)["state"]), -1)
        assert browser.come_back(back).status == 400
        assert FLOWS.lifetime_seconds == 600
        assert passes(browser)

    def test_that_of_another_flow_of_the_same_browser(self, browser: Browser) -> None:
        """The code is of one flow and the state of the other: neither verifier nor nonce fits."""
        first, second = browser.log_in(), browser.log_in()
        answer = browser.come_back(changed(first, state=query_of(second)["state"]))
        assert error_of(answer) == "server_error"
        assert passes(browser)


class TestBrowser:
    def test_another_browser_brings_the_answer(self, browser: Browser) -> None:
        """Login CSRF: whoever is made to open the attacker's answer is not logged in as the attacker."""
        back = browser.log_in()
        victim = Browser(browser.organization, browser.provider)
        assert error_of(victim.come_back(back)) == "access_denied"
        assert not browser.provider.seen("token")
        assert browser.come_back(back).status == 400, "it counts once, whoever brought it"
        assert passes(browser)

    def test_another_browser_with_a_flow_of_its_own(self, browser: Browser) -> None:
        victim = Browser(browser.organization, browser.provider)
        victim.log_in()
        assert error_of(victim.come_back(browser.log_in())) == "access_denied"
        assert passes(browser)

    def test_a_cookie_of_that_name_with_another_value(self, browser: Browser) -> None:
        back = browser.log_in()
        for cookie in browser.api._client.cookies.values():
            cookie.set(cookie.key, "0" * 64, "0" * 64)
        assert error_of(browser.come_back(back)) == "access_denied"
        browser.api._client.cookies.clear()
        assert passes(browser)


class TestCode:
    def test_one_that_the_provider_never_gave(self, browser: Browser) -> None:
        assert error_of(browser.come_back(changed(browser.log_in(), code="unknown"))) == "server_error"
        assert passes(browser)

    @pytest.mark.parametrize("code", [None, "", "c" * 5000])
    def test_none_that_could_be_one(self, browser: Browser, code: str | None) -> None:
        assert error_of(browser.come_back(changed(browser.log_in(), code=code))) == "server_error"
        assert not browser.provider.seen("token")
        assert passes(browser)

    def test_one_that_was_used_in_another_flow(self, browser: Browser) -> None:
        """Also where the provider lets it be used again: the verifier is the other flow's."""
        browser.provider.is_single_use = False
        first = browser.log_in()
        assert browser.come_back(first).status == 302
        again = changed(browser.log_in(), code=query_of(first)["code"])
        assert error_of(browser.come_back(again)) == "server_error"
        assert passes(browser)

    def test_a_stolen_one_in_the_thiefs_own_flow(self, browser: Browser) -> None:
        """Code injection (RFC 9700 § 4.5)."""
        stolen = query_of(browser.log_in())["code"]
        thief = Browser(browser.organization, browser.provider)
        assert error_of(thief.come_back(changed(thief.log_in(), code=stolen))) == "server_error"
        assert passes(browser)


class TestVerifier:
    def test_our_code_is_worth_nothing_with_another(self, browser: Browser) -> None:
        with pytest.raises(InvalidGrant):
            use_code(code=browser.sign_on()["code"], code_verifier="v" * 43)
        assert passes(browser)

    def test_the_challenge_at_the_provider_was_another(self, browser: Browser) -> None:
        location = browser.open().headers["Location"]
        back = browser.provider.authorize(changed(location, code_challenge="A" * 43))
        assert error_of(browser.come_back(back)) == "server_error"
        assert passes(browser)


class TestRedirect:
    """The app's address is checked at the start; the provider's answer cannot name another."""

    def test_the_browser_goes_where_the_flow_began_to_go(self, browser: Browser) -> None:
        back = changed(browser.log_in(), redirect_uri="https://evil.example/")
        assert browser.come_back(back).headers["Location"].startswith("http://127.0.0.1:51234/callback?")

    @pytest.mark.parametrize(
        "redirect_uri",
        [
            "https://evil.example/",
            "http://127.0.0.1.evil.example/",
            "http://localhost/",
            "http://127.0.0.1@evil.example/",
        ],
    )
    def test_an_address_of_nobody_on_this_computer(self, browser: Browser, redirect_uri: str) -> None:
        assert browser.open(redirect_uri=redirect_uri).status == 400
        assert passes(browser)


class TestRefusal:
    @pytest.mark.parametrize("word", ["access_denied", "login_required", "server_error", "anything&else"])
    def test_the_app_is_told_in_our_words(self, browser: Browser, word: str) -> None:
        browser.provider.error = word
        assert error_of(browser.come_back(browser.log_in())) == "access_denied"
        browser.provider.error = ""
        assert passes(browser)


def test_nothing_of_a_flow_is_left_for_who_comes_without_one(browser: Browser) -> None:
    """A callback that was only opened tells nothing of connections, organisations or accounts."""
    parts = urlsplit(browser.log_in())
    answers = [ApiClient().get(f"{parts.path}?{query}") for query in ("state=a&code=b", "code=b", "error=c", "")]
    assert {(answer.status, tuple(answer.json["errors"])) for answer in answers} == {(400, ("state",))}
