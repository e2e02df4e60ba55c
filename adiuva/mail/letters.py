"""From a kind and its facts to a message: plain text and HTML from the same texts (``adiuva.mail.texts``).

Facts may be anybody's words (a plugin's name, a user agent): each becomes one line without control characters, cut to a
length, and names do not turn into links where a mail program looks for some. HTML escapes them.
"""

import re
import textwrap
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.charset import QP, Charset
from email.utils import format_datetime, parseaddr
from string import Formatter
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.template.loader import render_to_string

from adiuva.locales import DEFAULT_LOCALE
from adiuva.mail.composers import Fact
from adiuva.mail.kinds import MailKind
from adiuva.mail.texts.de import GERMAN
from adiuva.mail.texts.en import ENGLISH
from adiuva.mail.texts.it import ITALIAN
from adiuva.mail.texts.shapes import Language, Text
from adiuva.money import format_money, write_amount
from adiuva.spelling import wire_address

LANGUAGES: Mapping[str, Language] = {language.code: language for language in (ENGLISH, GERMAN, ITALIAN)}
VARIANTS = {MailKind.REVIEW_DECISION: "decision"}  # the fact that decides between texts of one kind
# Chosen by people whom the reader need not know.
STRANGERS_WORDS = frozenset({"organization", "name", "user_agent", "plugin"})
LONG_FACTS = frozenset({"reason", "question"})  # what reviewers write
LONGEST = 4000  # characters of such a fact
LONGEST_NAME = 300
WIDTH = 72

# Seven bits, which every server takes, and readable as it is.
_QUOTED_PRINTABLE = Charset("utf-8")
_QUOTED_PRINTABLE.body_encoding = QP
_UNSEEN = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
_LINK_DOT = re.compile(r"(?<=\w)\.(?=[^\W\d])")
_PAGE = re.compile(r"/account/[a-z-]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """A mail in words, before it is laid out. ``app_link`` opens the same page in the app."""

    language: Language
    subject: str
    title: str
    paragraphs: list[str]
    rows: list[tuple[str, str]]
    button: str
    link: str
    app_link: str
    after: list[str]
    footer: str


class Letter(EmailMultiAlternatives):
    """``mail_id`` and ``account_id``: by which a development server's files are found again."""

    def __init__(self, *, mail_id: UUID, account_id: UUID | None, **fields: Any) -> None:
        super().__init__(**fields)
        self.mail_id = mail_id
        self.account_id = account_id


def write_letter(
    kind: MailKind,
    *,
    facts: Mapping[str, Fact],
    locale: str,
    to: str,
    mail_id: UUID,
    account_id: UUID | None,
) -> Letter:
    """Every try has the same Message-ID, by which a mailbox knows two of one. Says of itself that no person wrote it
    (RFC 3834), so that no absence notice comes back.
    """
    content = write_content(kind, facts=facts, locale=locale)
    sender = wire_address(parseaddr(settings.DEFAULT_FROM_EMAIL)[1])
    letter = Letter(
        mail_id=mail_id,
        account_id=account_id,
        subject=content.subject,
        body=lay_out_text(content),
        from_email=settings.DEFAULT_FROM_EMAIL,
        to=[to],
        headers={
            "Message-ID": f"<{mail_id}@{sender.rpartition('@')[2]}>",
            "Date": format_datetime(datetime.now(UTC)),
            "Auto-Submitted": "auto-generated",
            "Content-Language": content.language.code,
        },
    )
    letter.encoding = _QUOTED_PRINTABLE
    letter.attach_alternative(render_to_string("mail/letter.html", {"mail": content}), "text/html")
    return letter


def write_content(kind: MailKind, *, facts: Mapping[str, Fact], locale: str) -> Content:
    """``locale`` of no language of ours is English."""
    language = LANGUAGES.get(locale, LANGUAGES[DEFAULT_LOCALE])
    text = _text_of(kind, facts, language)
    link = _usable(facts.get("link"))
    words = _write_facts(facts, language)
    has_button = bool(text.button and link)
    return Content(
        language=language,
        subject=text.subject,
        title=text.title,
        paragraphs=_filled(text.paragraphs, words),
        rows=[(label, value) for label, template in text.rows if (value := _fill(template, words)) is not None],
        button=text.button if has_button else "",
        link=link if has_button else "",
        app_link=_app_link(link) if has_button else "",
        after=_filled(text.after, words),
        footer=language.footer.format(host=urlsplit(settings.PUBLIC_URL).netloc),
    )


def lay_out_text(content: Content) -> str:
    language = content.language
    blocks = [language.greeting, *map(_wrap, content.paragraphs)]
    if content.rows:
        blocks.append("\n".join(f"{label}: {value}" for label, value in content.rows))
    if content.link:
        blocks.append(f"{content.button}:\n{content.link}")
    if content.app_link:
        blocks.append(f"{language.app_link}\n{content.app_link}")
    blocks += map(_wrap, content.after)
    blocks.append("-- \n" + _wrap(content.footer) + "\n" + _wrap(language.never))  # RFC 3676 § 4.3
    return "\n\n".join([content.title, *blocks]) + "\n"


def _text_of(kind: MailKind, facts: Mapping[str, Fact], language: Language) -> Text:
    deciding = VARIANTS.get(kind)
    return language.texts[f"{kind.value}/{facts.get(deciding)}" if deciding else kind.value]


def _filled(templates: tuple[str, ...], words: Mapping[str, str]) -> list[str]:
    return [filled for template in templates if (filled := _fill(template, words)) is not None]


def _fill(template: str, words: Mapping[str, str]) -> str | None:
    """None where a fact is missing."""
    names = [name for _, name, _, _ in Formatter().parse(template) if name]
    return template.format_map(words) if all(words.get(name) for name in names) else None


def _write_facts(facts: Mapping[str, Fact], language: Language) -> dict[str, str]:
    words = {name: _one_line(name, str(value)) for name, value in facts.items() if value is not None}
    if "at" in words:
        words["at"] = write_moment(words["at"], language)
    if "factor" in words:
        words["factor"] = language.words.get(words["factor"], words["factor"])
    if "tier" in words:
        words["tier"] = words["tier"].capitalize()
    amount, currency = facts.get("amount_cents"), facts.get("currency")
    if isinstance(amount, int) and isinstance(currency, str):
        words["amount"] = _write_money(amount, currency, language)
    return words


def _one_line(name: str, text: str) -> str:
    seen = "".join(" " if character.isspace() else character for character in unicodedata.normalize("NFC", text))
    line = " ".join("".join(c for c in seen if unicodedata.category(c) not in _UNSEEN).split())
    limit = LONGEST if name in LONG_FACTS else LONGEST_NAME
    line = line if len(line) <= limit else line[: limit - 1] + "…"
    if name not in STRANGERS_WORDS:
        return line
    # A word joiner: nobody sees it, and no mail program takes what it parts for a host.
    return _LINK_DOT.sub(".\N{WORD JOINER}", line).replace("://", ":\N{WORD JOINER}//")


def write_moment(text: str, language: Language) -> str:
    """``28. November 2026, 23:45 Uhr (UTC)`` of a time in ISO 8601; a text that is none stays as it is."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return text
    moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    month = language.months[moment.month - 1]
    return language.moment.format(day=moment.day, month=month, year=moment.year, clock=f"{moment:%H:%M}")


def _write_money(amount: int, currency: str, language: Language) -> str:
    if language.is_currency_first:
        return format_money(amount, currency)
    return write_amount(amount, currency, decimal=language.decimal, thousands=language.thousands)


def _usable(link: Fact) -> str:
    """A link that a browser opens, or nothing."""
    if not isinstance(link, str) or not link.isprintable() or " " in link:
        return ""
    parts = urlsplit(link)
    return link if parts.scheme in {"https", "http"} and parts.netloc else ""


def _app_link(link: str) -> str:
    """``adiuva://account/reset?token=…`` of one of our own pages with a token."""
    parts, ours = urlsplit(link), urlsplit(settings.PUBLIC_URL)
    path = parts.path.removeprefix(ours.path)
    if parts[:2] != ours[:2] or not _PAGE.fullmatch(path) or "token" not in parse_qs(parts.query):
        return ""
    return f"adiuva:/{path}?{parts.query}"


def _wrap(paragraph: str) -> str:
    return textwrap.fill(paragraph, WIDTH, break_long_words=False, break_on_hyphens=False)
