"""The catalog's ``q``: PostgreSQL's full text where there is PostgreSQL, else plain words."""

import re
from collections.abc import Sequence
from typing import Any, Final

from django.contrib.postgres.search import SearchQuery, SearchVector
from django.db import connection
from django.db.models import Q

from adiuva.api.errors import ValidationFailed
from marketplace.models.catalog import PluginQuerySet

MAX_CHARACTERS: Final = 200
MAX_WORDS: Final = 10
FIELDS: Final = ("name", "slug", "category", "description")
_WORD = re.compile(r"[^\W_]+")


def matching(plugins: PluginQuerySet, text: str) -> PluginQuerySet:
    """Those that have every word of ``text``, or a word that begins with it; of English words any form.

    Without PostgreSQL: every word, anywhere in one of the fields. A text without words finds nothing.

    Raises:
        ValidationFailed: it is too long.
    """
    if len(text) > MAX_CHARACTERS:
        raise ValidationFailed({"q": [f"Must be at most {MAX_CHARACTERS} characters."]})
    words = _WORD.findall(text)[:MAX_WORDS]
    if not words:
        return plugins.none()
    if connection.vendor == "postgresql":
        return full_text(plugins, words)
    found: Any = plugins
    for word in words:
        anywhere = Q()
        for field in FIELDS:
            anywhere |= Q(**{f"{field}__icontains": word})
        found = found.filter(anywhere)
    return found  # type: ignore[no-any-return]


def full_text(plugins: PluginQuerySet, words: Sequence[str]) -> PluginQuerySet:
    """``words`` are letters and digits only."""
    beginnings = " & ".join(f"'{word}':*" for word in words)
    written = SearchQuery(beginnings, search_type="raw", config="simple")
    in_english = SearchQuery(" ".join(words), search_type="plain", config="english")
    vector = SearchVector(*FIELDS, config="simple") + SearchVector(*FIELDS, config="english")
    return plugins.annotate(words=vector).filter(words=written | in_english)
