"""A mail and the page that it leads to speak to one reader: formally, where a language tells the difference."""

import re
from dataclasses import asdict

import pytest

from accounts.factors.passkeys.texts import BY_LOCALE as PASSKEYS
from accounts.recovery.texts import TEXTS as LINKS
from adiuva.locales import Locale
from adiuva.mail.texts.de import GERMAN
from adiuva.mail.texts.it import ITALIAN

MAILS = {Locale.GERMAN: GERMAN, Locale.ITALIAN: ITALIAN}
FAMILIAR = {
    Locale.GERMAN: r"du|dich|dir|dein\w*|bist|hast|kannst|öffne|wähle|melde|warte|kehre|setze",
    Locale.ITALIAN: r"tu|ti|te|tuo|tua|tuoi|tue|hai|sei|puoi|apri|scegli\w*|riprova|aspetta|torna|controlla|ricomincia",
}


@pytest.mark.parametrize("locale", FAMILIAR)
def test_pages_and_mails_address_their_reader_alike(locale: Locale) -> None:
    passkeys = asdict(PASSKEYS[locale])
    sentences = [
        *(text for name, text in LINKS[locale].items() if name != "open_app" and not name.endswith("_button")),
        *passkeys.pop("errors").values(),
        *(text for name, text in passkeys.items() if not name.endswith("_button") and name != "back_to_app"),
        *(
            part
            for text in MAILS[locale].texts.values()
            for part in (text.subject, text.title, *text.paragraphs, *text.after)
        ),
    ]
    familiar = [one for one in sentences if re.search(rf"(?i)\b({FAMILIAR[locale]})\b", one)]
    assert familiar == []
