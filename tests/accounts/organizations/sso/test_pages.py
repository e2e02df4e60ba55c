"""What a person reads where a sign-on does not go on, and what a program reads there."""

import uuid
from dataclasses import replace
from urllib.parse import urlencode

import pytest

from accounts.login_limits import AttemptLimits
from accounts.organizations.sso import views
from accounts.organizations.sso.pages import TEXTS
from adiuva.locales import Locale
from tests.fakes.oidc_provider import OidcProvider
from tests.support.client import ApiClient
from tests.support.organizations import make_organization
from tests.support.sign_on import connect

pytestmark = pytest.mark.django_db

CHROMIUM = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8"
CALLBACK = "auth/sso/callback?state=unknown&code=canary-code"
NOBODY = uuid.uuid4()
NOWHERE = "auth/sso/start?" + urlencode(
    {
        "organization": NOBODY,
        "code_challenge": "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM",
        "code_challenge_method": "S256",
        "redirect_uri": "http://127.0.0.1:51234/callback",
        "state": "some state",
    }
)


@pytest.mark.parametrize("language", list(Locale))
def test_a_browser_is_told_in_its_language(api: ApiClient, language: Locale) -> None:
    for path, status, text in (
        (CALLBACK, 400, TEXTS[language].incomplete),
        ("auth/sso/start", 400, TEXTS[language].incomplete),
        (NOWHERE, 404, TEXTS[language].unknown),
    ):
        answer = api.get(path, headers={"Accept": CHROMIUM, "Accept-Language": language})
        page = answer.content.decode()
        assert answer.status == status
        assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
        assert f'<html lang="{language}">' in page
        assert text.title in page
        assert text.text in page
        assert "canary-code" not in page


@pytest.mark.parametrize("path", [CALLBACK, NOWHERE])
def test_the_page_is_kept_by_nobody_and_loads_nothing_from_elsewhere(api: ApiClient, path: str) -> None:
    headers = api.get(path, headers={"Accept": CHROMIUM}).headers
    assert headers["Cache-Control"] == "no-store"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert "default-src 'none'" in headers["Content-Security-Policy"]


@pytest.mark.parametrize("accept", ["application/json", "*/*", ""])
def test_a_program_gets_a_problem(api: ApiClient, accept: str) -> None:
    assert api.get(CALLBACK, headers={"Accept": accept}).code == "validation_error"
    assert api.get(NOWHERE, headers={"Accept": accept}).code == "not_found"


@pytest.mark.parametrize("accept", ["text/html", "image/png"])
def test_whatever_a_browser_accepts_it_is_led_on(api: ApiClient, provider: OidcProvider, accept: str) -> None:
    """The way on has no body. Where there is none, the page has the problem's status."""
    connect(organization := make_organization()[0], provider)
    start = NOWHERE.replace(urlencode({"organization": NOBODY}), urlencode({"organization": organization.id}))
    for path, status in ((start, 302), (NOWHERE, 404), (CALLBACK, 400)):
        answer = api.get(path, headers={"Accept": accept})
        assert answer.status == status
        assert answer.status == 302 or ("html" in answer.headers["Content-Type"]) == (accept == "text/html")


@pytest.mark.parametrize(("name", "path", "status"), [("_START", NOWHERE, 404), ("_CALLBACK", CALLBACK, 400)])
def test_a_browser_in_a_hurry_is_told_when_to_come_back(
    api: ApiClient, monkeypatch: pytest.MonkeyPatch, name: str, path: str, status: int
) -> None:
    limits: AttemptLimits = getattr(views, name)
    assert limits.per_address == 600
    monkeypatch.setattr(views, name, replace(limits, per_address=2))
    # A minute may end in between, and then twice as many pass.
    answers = [api.get(path, headers={"Accept": CHROMIUM}) for _ in range(5)]
    assert answers[0].status == status
    answer = next(answer for answer in answers if answer.status == 429)
    assert int(answer.headers["Retry-After"]) > 0
    assert TEXTS[Locale.ENGLISH].limited.text in answer.content.decode()
