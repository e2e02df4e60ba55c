"""GET /account/passkey: what a server can see of it. Its script is in test_passkey_page_browser.py."""

import re
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from django.contrib.staticfiles import finders
from django.test import Client

from accounts.factors.passkeys.texts import BY_LOCALE

ASKED = {
    "code_challenge": "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM",
    "code_challenge_method": "S256",
    "redirect_uri": "http://127.0.0.1:51234/callback",
    "state": "some state",
}


def get(query: dict[str, str] | None = None, language: str = "en") -> Any:
    url = "/account/passkey" + (f"?{urlencode(query)}" if query else "")
    return Client().get(url, headers={"Accept-Language": language})


def test_it_runs_our_own_script_only_and_may_use_passkeys() -> None:
    for answer in (get(ASKED), get()):
        assert answer.status_code == 200
        policy = answer.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "script-src 'self'; connect-src 'self'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        features = answer.headers["Permissions-Policy"]
        assert "publickey-credentials-get=(self)" in features
        assert "camera=()" in features
        assert "no-store" in answer.headers["Cache-Control"]
        page = answer.content.decode()
        assert re.findall(r"<script[^>]*>", page) == ['<script src="/static/accounts/passkey.js" defer>']
        assert not re.search(r"\son\w+=", page)


@pytest.mark.parametrize("language", ["en", "de", "it"])
def test_it_speaks_the_readers_language(language: str) -> None:
    texts = BY_LOCALE[language]  # type: ignore[index]  # a Locale is its text
    for answer, title in ((get(ASKED, language), texts.login_title), (get(None, language), texts.register_title)):
        page = answer.content.decode()
        assert f'<html lang="{language}">' in page
        assert f"<h1>{title}</h1>" in page


def test_every_error_that_the_script_names_has_words() -> None:
    script = Path(str(finders.find("accounts/passkey.js"))).read_text()
    named = set(re.findall(r'"(\w+)"', script[script.index("function nameOf") : script.index("function complain")]))
    named |= set(re.findall(r'complain\("(\w+)"\)', script))
    names = set(BY_LOCALE["en"].errors)  # type: ignore[index]
    assert names <= named
    for texts in BY_LOCALE.values():
        assert set(texts.errors) == names


@pytest.mark.parametrize(
    "change",
    [
        {"redirect_uri": "https://evil.example/"},
        {"redirect_uri": "javascript:alert(1)"},
        {"code_challenge": "short"},
        {"code_challenge_method": "plain"},
        {"state": ""},
    ],
)
def test_a_link_that_is_not_an_apps_is_refused(change: dict[str, str]) -> None:
    answer = get(ASKED | change)
    assert answer.status_code == 400
    assert "This link is incomplete" in answer.content.decode()
    assert "evil" not in answer.content.decode()


def test_what_the_link_says_stays_text() -> None:
    page = get(ASKED | {"state": '"><script>alert(1)</script>'}).content.decode()
    assert "<script>alert" not in page
