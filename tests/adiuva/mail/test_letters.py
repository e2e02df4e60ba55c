"""What mails say: every kind in every language, with whatever its facts are."""

import re
import uuid
from html.parser import HTMLParser
from string import Formatter
from typing import Any

import pytest
from django.template.loader import render_to_string
from hypothesis import given
from hypothesis import strategies as st

from adiuva.locales import Locale
from adiuva.mail.composers import Fact
from adiuva.mail.kinds import MailKind
from adiuva.mail.letters import LANGUAGES, lay_out_text, write_content, write_letter
from adiuva.mail.texts.shapes import Language

AT = "2026-11-28T23:45:10+00:00"
PAGE = "http://localhost:8000/account"
RECEIPT = "https://invoice.stripe.com/i/acct_1/test_2?s=ap"
# As the callers and their composers give them.
FACTS: dict[str, dict[str, Fact]] = {
    "verification": {"link": f"{PAGE}/verify?token=t0ken-A_b"},
    "password_reset": {"link": f"{PAGE}/reset?token=t0ken-A_b"},
    "email_change": {"new_email": "new@example.com", "link": f"{PAGE}/verify?token=t0ken-A_b"},
    "email_change_notice": {
        "old_email": "old@example.com",
        "new_email": "new@example.com",
        "link": f"{PAGE}/email?token=t0ken-A_b",
    },
    "address_taken": {},
    "password_changed": {"at": AT},
    "factor_added": {"factor": "totp", "name": "Telefon <grün>", "at": AT},
    "factor_removed": {"factor": "passkey", "name": "Laptop & co", "at": AT},
    "identity_linked": {"organization": "Grün & Co", "at": AT},
    "new_device": {"user_agent": "Adiuva/2 (Linux)", "ip": "2001:db8::7", "at": AT},
    "payment_failed": {"tier": "pro", "amount_cents": 900, "currency": "eur", "link": RECEIPT},
    "subscription_ending": {"tier": "power", "at": AT},
    "receipt": {"amount_cents": 123_405, "currency": "eur", "link": RECEIPT},
    "review_decision/approved": {"plugin": "Notes", "version": "1.2.0", "decision": "approved", "reason": "Well made"},
    "review_decision/rejected": {"plugin": "Notes", "version": "1.2.0", "decision": "rejected", "reason": "Too slow"},
    "review_decision/withdrawn": {"plugin": "Notes", "version": "1.2.0", "decision": "withdrawn"},
    "review_question": {"plugin": "Notes", "version": "1.2.0", "question": "Why does it read the calendar?"},
    "take_down": {"plugin": "Notes", "reason": "It sends what it reads"},
    "version_take_down": {"plugin": "Notes", "version": "1.2.0", "live": "1.1.0", "reason": "It loses notes"},
    "invitation": {
        "organization": "Grün & Co",
        "invited_by": "eve@example.com",
        "link": f"{PAGE}/invitation?token=t0ken-A_b",
    },
}
WRITTEN: dict[str, dict[str | int, str]] = {
    "en": {"at": "28 November 2026, 23:45 UTC", 900: "€9.00", 123_405: "€1,234.05", "totp": "Authenticator app"},
    "de": {
        "at": "28. November 2026, 23:45 Uhr (UTC)",
        900: "9,00\N{NO-BREAK SPACE}€",
        123_405: "1.234,05\N{NO-BREAK SPACE}€",
        "totp": "Authenticator-App",
    },
    "it": {
        "at": "28 novembre 2026, ore 23:45 (UTC)",
        900: "9,00\N{NO-BREAK SPACE}€",
        123_405: "1.234,05\N{NO-BREAK SPACE}€",
        "totp": "App di autenticazione",
    },
}
every_case = pytest.mark.parametrize("case", FACTS)
every_language = pytest.mark.parametrize("code", LANGUAGES)


class Reader(HTMLParser):
    """What a person sees of a page, its links, and everything that it would load."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.words: list[str] = []
        self.links: list[str] = []
        self.tags: set[str] = set()
        self.loads: list[str] = []
        self._hidden = 0
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self._hidden += tag in {"style", "title"}
        for name, value in attrs:
            if tag == "a" and name == "href":
                self.links.append(value or "")
            elif name in {"src", "background", "srcset", "href"} or "url(" in (value or ""):
                self.loads.append(value or "")

    def handle_endtag(self, tag: str) -> None:
        self._hidden -= tag in {"style", "title"}

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split(" "))


def both(case: str, code: str, facts: dict[str, Any] | None = None) -> tuple[str, Reader]:
    """The mail's text and its HTML."""
    content = write_content(
        MailKind(case.partition("/")[0]), facts=FACTS[case] if facts is None else facts, locale=code
    )
    return lay_out_text(content), Reader(render_to_string("mail/letter.html", {"mail": content}))


def written(name: str, value: Fact, code: str) -> str:
    match name:
        case "at":
            return WRITTEN[code]["at"]
        case "amount_cents":
            assert isinstance(value, int)
            return WRITTEN[code][value]
        case "factor":
            return WRITTEN[code]["totp"] if value == "totp" else "Passkey"
        case "tier":
            return str(value).capitalize()
        case _:
            return str(value)


def test_every_kind_and_every_language_there_is_has_its_texts() -> None:
    assert set(LANGUAGES) == set(Locale.values)
    assert {case.partition("/")[0] for case in FACTS} == set(MailKind)
    for language in LANGUAGES.values():
        assert set(language.texts) == set(FACTS)
        assert len(language.months) == 12


@every_case
@every_language
def test_a_mail_says_all_its_facts_in_both_forms(case: str, code: str) -> None:
    text, html = both(case, code)
    unseen = {"currency", "decision"}
    for name, value in FACTS[case].items():
        if name not in unseen:
            assert written(name, value, code) in text, name
            assert written(name, value, code) in html.text, name
    assert not set("{}") & set(text + html.text)
    assert "None" not in text


@every_case
@every_language
def test_both_forms_have_the_same_links_and_nothing_else_to_load(case: str, code: str) -> None:
    text, html = both(case, code)
    link = FACTS[case].get("link")
    token = re.search(r"(/account/.*)", str(link)) if link and "token=" in str(link) else None
    expected = {*([str(link)] if link else []), *([f"adiuva:/{token[1]}"] if token else [])}

    assert set(html.links) == expected
    assert set(re.findall(r"\w+://\S+", text)) == expected
    assert html.loads == []
    assert not html.tags & {"img", "script", "iframe", "form", "link", "svg"}
    if link:
        assert html.links.count(str(link)) == 2  # the button, and the plain link below it


@every_language
def test_texts_have_the_same_facts_in_every_language(code: str) -> None:
    def names(language: Language, case: str) -> list[str]:
        text = language.texts[case]
        templates = [*text.paragraphs, *(template for _, template in text.rows), *text.after]
        return [name for template in templates for _, name, _, _ in Formatter().parse(template) if name]

    for case, text in LANGUAGES[code].texts.items():
        assert names(LANGUAGES[code], case) == names(LANGUAGES["en"], case)
        assert bool(text.button) == bool(LANGUAGES["en"].texts[case].button)
        assert len(text.after) == len(LANGUAGES["en"].texts[case].after)
        assert not set("{}") & set(text.subject + text.title)  # shown where others look, too


@every_case
@every_language
def test_html_is_accessible_and_knows_dark_rooms(case: str, code: str) -> None:
    content = write_content(MailKind(case.partition("/")[0]), facts=FACTS[case], locale=code)
    html = render_to_string("mail/letter.html", {"mail": content})

    assert f'<html lang="{code}"' in html
    assert '<meta name="color-scheme" content="light dark">' in html
    assert "prefers-color-scheme: dark" in html
    assert html.count("<h1") == 1
    assert html.count('role="presentation"') + len(re.findall(r'<table width="100%"', html)) == html.count("<table")
    assert html.count("<th") == html.count('scope="row"')


facts_of_anybody = st.text(st.characters(exclude_categories=["Cs"]), max_size=400)


@given(words=facts_of_anybody, code=st.sampled_from(list(LANGUAGES)), case=st.sampled_from(list(FACTS)))
def test_anybodys_words_stay_words(words: str, code: str, case: str) -> None:
    """No line, tag, link or header of their own."""
    hostile: dict[str, Fact] = {
        name: words if name not in {"link", "decision", "amount_cents", "currency"} else value
        for name, value in FACTS[case].items()
    }
    plain_text, plain = both(case, code)
    text, html = both(case, code, hostile)
    letter = write_letter(
        MailKind(case.partition("/")[0]),
        facts=hostile,
        locale=code,
        to="ada@example.com",
        mail_id=uuid.uuid4(),
        account_id=None,
    )

    assert html.tags <= plain.tags
    assert html.links == plain.links
    assert text.count("\n\n") <= plain_text.count("\n\n")
    assert letter.subject == LANGUAGES[code].texts[case].subject
    assert letter.message().as_bytes()


@pytest.mark.parametrize("name", ["organization", "user_agent", "name", "plugin"])
def test_what_a_stranger_is_called_is_no_link(name: str) -> None:
    case = {"organization": "invitation", "user_agent": "new_device", "name": "factor_added", "plugin": "take_down"}[
        name
    ]
    text, html = both(case, "en", FACTS[case] | {name: "Pay at https://evil.example/now\n\nor evil.example"})

    for found in (text, html.text):
        assert "https://evil" not in found
        assert "evil.example" not in found
        assert "evil.\N{WORD JOINER}example" in found


@pytest.mark.parametrize(
    "link", [None, "", "javascript:alert(1)", "https://", "https://a b", "https://a.example/\r\nBcc: x", 7]
)
def test_without_a_usable_link_there_is_no_button(link: Fact) -> None:
    text, html = both("receipt", "en", FACTS["receipt"] | {"link": link})

    assert html.links == []
    assert "View receipt" not in text


@pytest.mark.parametrize(
    "link",
    [
        "https://elsewhere.example/account/reset?token=x",
        "http://localhost:8000/account/reset",
        "http://localhost:8000/billing/done?token=x",
    ],
)
def test_only_a_page_of_ours_with_a_token_opens_in_the_app(link: str) -> None:
    assert write_content(MailKind.PASSWORD_RESET, facts={"link": link}, locale="en").app_link == ""


def test_what_is_optional_is_left_out() -> None:
    text, html = both("review_decision/rejected", "en", {**FACTS["review_decision/rejected"], "reason": ""})

    assert "Reason" not in text
    assert "Reason" not in html.text


def test_a_time_that_is_none_is_shown_as_it_is_and_another_zone_is_utc() -> None:
    assert "soon" in both("subscription_ending", "de", {"tier": "pro", "at": "soon"})[0]
    assert "28 November 2026, 22:45 UTC" in both("password_changed", "en", {"at": "2026-11-28T23:45:10+01:00"})[0]


def test_an_unknown_language_is_english() -> None:
    assert write_content(MailKind.ADDRESS_TAKEN, facts={}, locale="fr").language.code == "en"
