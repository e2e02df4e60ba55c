"""The languages of mails and of the pages that mails lead to (docs/api.md § 3)."""

from django.db import models
from django.utils.translation.trans_real import parse_accept_lang_header


class Locale(models.TextChoices):
    ENGLISH = "en", "English"
    GERMAN = "de", "German"
    ITALIAN = "it", "Italian"


DEFAULT_LOCALE = Locale.ENGLISH


def preferred_locale(accept_language: str) -> Locale:
    """The first language of ours in an ``Accept-Language`` header (RFC 9110 § 12.5.4); English where there is none."""
    for tag, quality in parse_accept_lang_header(accept_language.lower()):
        language = tag.partition("-")[0]
        if quality > 0 and language in Locale.values:
            return Locale(language)
    return DEFAULT_LOCALE
