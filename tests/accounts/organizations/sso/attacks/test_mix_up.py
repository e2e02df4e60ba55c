"""The answer of one provider that is taken to another: each is refused, and the same flow without it passes."""

from typing import Any

import pytest

from accounts.organizations.models import Connection
from accounts.organizations.sso.provider.exchange import callback_url
from tests.accounts.organizations.sso.attacks.flows import changed, error_of, passes
from tests.fakes.oidc_provider import OidcProvider
from tests.support.organizations import make_organization
from tests.support.sign_on import Browser, connect, query_of

pytestmark = pytest.mark.django_db


class TestIssuer:
    """Mix-up (RFC 9207): the answer of one provider is taken to another."""

    @pytest.mark.parametrize("issuer", ["https://evil.example", "", None])
    def test_the_answer_names_another_or_none(self, browser: Browser, issuer: str | None) -> None:
        browser.provider.answer = {"iss": issuer}
        assert error_of(browser.come_back(browser.log_in())) == "server_error"
        assert not browser.provider.seen("token"), "the code went to nobody"
        browser.provider.answer = {}
        assert passes(browser)

    def test_the_answer_names_another_beside_ours(self, browser: Browser) -> None:
        back = browser.log_in() + "&iss=https://evil.example"
        assert error_of(browser.come_back(back)) == "server_error"
        assert passes(browser)

    def test_an_error_is_held_against_it_too(self, browser: Browser) -> None:
        browser.provider.error, browser.provider.answer = "access_denied", {"iss": "https://evil.example"}
        assert error_of(browser.come_back(browser.log_in())) == "server_error"

    @pytest.mark.parametrize("column", ["issuer", "client_id"])
    def test_the_connection_is_another_by_now(self, browser: Browser, column: str) -> None:
        back, before = browser.log_in(), getattr(Connection.objects.get(), column)
        Connection.objects.update(**{column: "https://evil.example"})
        assert error_of(browser.come_back(back)) == "server_error"
        assert not browser.provider.seen("token")
        Connection.objects.update(**{column: before})
        assert passes(browser)

    def test_the_connection_is_gone_by_now(self, browser: Browser) -> None:
        back = browser.log_in()
        Connection.objects.all().delete()
        assert error_of(browser.come_back(back)) == "server_error"

    def test_two_organisations_two_providers(self, browser: Browser, settings: Any) -> None:
        """The state of one and the code of the other."""
        with OidcProvider(callback_url=browser.provider.callback_url) as other:
            settings.EGRESS_ALLOW |= {other.place}
            organization, _ = make_organization()
            connect(organization, other)
            theirs = Browser(organization, other, api=browser.api)
            mixed = changed(browser.log_in(), state=query_of(theirs.log_in())["state"])
            assert error_of(browser.come_back(mixed)) == "server_error"
            assert not other.seen("token")
            assert passes(browser)
            assert passes(theirs)

    def test_a_rogue_provider_sends_the_browser_on_to_another_companys(self, browser: Browser, settings: Any) -> None:
        """Mix-up (RFC 9700 § 4.4.1), where the honest provider's answers do not name it: the rogue one's own flow in
        the victim's browser asks for a code of the honest one, bound to a flow that the attacker has begun there.
        """
        honest = browser.provider
        honest.discovery = {"authorization_response_iss_parameter_supported": None}
        honest.answer = {"iss": None}
        Connection.objects.all().delete()
        connection = connect(browser.organization, honest)
        honest.callback_url = callback_url(connection)
        assert passes(browser)
        attackers = browser.open().headers["Location"]
        for says_iss in (None, True):
            with OidcProvider(callback_url=honest.callback_url) as rogue:
                settings.EGRESS_ALLOW |= {rogue.place}
                rogue.discovery = {"authorization_response_iss_parameter_supported": says_iss}
                organization, _ = make_organization()
                connect(organization, rogue)
                victim = Browser(organization, rogue)
                theirs = victim.open().headers["Location"]
                back = honest.authorize(changed(attackers, state=query_of(theirs)["state"]))
                assert error_of(victim.come_back(back)) == "server_error"
                assert not rogue.seen("token"), "the honest provider's code went to the rogue one"
        assert passes(browser)

    def test_the_answer_comes_to_another_callback(self, browser: Browser) -> None:
        browser.provider.discovery = {"authorization_response_iss_parameter_supported": None}
        Connection.objects.all().delete()
        browser.provider.callback_url = callback_url(connect(browser.organization, browser.provider))
        back = browser.log_in().replace(str(browser.organization.id), "00000000-0000-0000-0000-000000000000")
        assert error_of(browser.come_back(back)) == "server_error"
        assert not browser.provider.seen("token")
        assert passes(browser)
