"""A provider that changes its keys, that cannot be reached, that refuses."""

import pytest

from tests.flows.sign_on.apps import App, PlainBrowser
from tests.flows.sign_on.company import Company

pytestmark = pytest.mark.node


@pytest.mark.parametrize("algorithm", ["RS256", "PS256", "ES256", "EdDSA"])
def test_whoever_signs_in_after_a_change_of_keys_notices_nothing(
    acme: Company, app: App, person: PlainBrowser, algorithm: str
) -> None:
    alice = acme.hire(f"rotated-{algorithm.lower()}")
    person.sign_in(app.begin(alice.email), alice.login)
    account_id = app.tokens().profile()["id"]
    acme.service.let_a_minute_pass()
    acme.provider.set(algorithm=algorithm)
    acme.provider.rotate_keys()
    acme.provider.events()
    person.sign_in(app.begin(alice.email), alice.login)
    assert app.tokens().profile()["id"] == account_id
    assert acme.provider.events() == []


def test_who_is_signed_in_goes_on_while_the_provider_is_away(acme: Company, app: App, person: PlainBrowser) -> None:
    alice = acme.hire("away")
    person.sign_in(app.begin(alice.email), alice.login)
    tokens = app.tokens()
    callback = person.sign_in(app.begin(alice.email), alice.login, until=acme.callback_url).headers["Location"]
    with acme.provider.down():
        assert tokens.refresh().status_code == 200
        assert tokens.profile()["organization"]["id"] == acme.id
        person.sign_in(callback, alice.login)
        assert app.answer() == {"error": "temporarily_unavailable"}
    person.sign_in(app.begin(alice.email), alice.login)
    app.tokens()


def test_whom_the_provider_refuses_the_app_hears_so(acme: Company, app: App, person: PlainBrowser) -> None:
    nobody = acme.hire("nobody")
    person.sign_in(app.begin(nobody.email), "not an account of this provider")
    assert app.answer() == {"error": "access_denied"}
