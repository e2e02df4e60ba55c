"""``marketplace.search`` on PostgreSQL. Words are kept as they are written, for beginnings, and as English has them, so
that "notification" finds "notifications" and the other way round.

The index ``plugins_full_text`` (migration 0004) is of this very expression: where one changes, the other must.
"""

from collections.abc import Sequence

from django.contrib.postgres.search import SearchQuery, SearchVector

from marketplace.querysets import PluginQuerySet

FIELDS = ("name", "slug", "category", "description")


def full_text(plugins: PluginQuerySet, words: Sequence[str]) -> PluginQuerySet:
    """``words`` are letters and digits only."""
    beginnings = " & ".join(f"'{word}':*" for word in words)
    written = SearchQuery(beginnings, search_type="raw", config="simple")
    in_english = SearchQuery(" ".join(words), search_type="plain", config="english")
    vector = SearchVector(*FIELDS, config="simple") + SearchVector(*FIELDS, config="english")
    return plugins.annotate(words=vector).filter(words=written | in_english)
