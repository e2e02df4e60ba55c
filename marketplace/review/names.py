"""Names that could be taken for a service that everybody knows, for Adiuva's own work, or for another plugin.

A flag refuses nothing: it tells the reviewer what to look at. Names that are the same, or look the same, are the
validators' matter (``marketplace.submissions.validators.homoglyphs``); here is what comes near.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from django.db.models import Q

from marketplace.models import Plugin, PluginVersion
from marketplace.models.catalog import FORMER_AUTHOR
from marketplace.submissions.validators import homoglyphs

# Words that are no brand of anybody's in another plugin's name, as "box" and "teams" are, stay out.
SERVICES: Final = (
    "Airtable", "Amazon", "Anthropic", "Apple", "Asana", "Atlassian", "Basecamp", "Bitbucket", "ChatGPT", "Claude",
    "ClickUp", "Confluence", "Discord", "DocuSign", "Dropbox", "Evernote", "Facebook", "Figma", "Fastmail", "Firefox",
    "Gemini", "GitHub", "GitLab", "Gmail", "Google", "HubSpot", "iCloud", "Instagram", "Intercom", "Jira", "LinkedIn",
    "Mailchimp", "Microsoft", "Miro", "Mistral", "Mozilla", "Netflix", "Nextcloud", "Notion", "Obsidian", "OneDrive",
    "OpenAI", "OpenRouter", "Outlook", "PayPal", "Pinecone", "Proton", "Qdrant", "Raycast", "Reddit", "Salesforce",
    "Shopify", "Slack", "Spotify", "Stripe", "Telegram", "Todoist", "Trello", "TikTok", "Twitter", "WhatsApp",
    "WordPress", "YouTube", "Zapier", "Zendesk", "Zoom",
)  # fmt: skip
OURS: Final = "Adiuva"
# In the languages that Adiuva speaks.
CLAIMS: Final = frozenset(
    {
        "official", "officially", "verified", "certified", "authorized", "authorised", "authentic", "genuine",
        "endorsed", "trusted", "offiziell", "offizielle", "offizieller", "offizielles", "verifiziert", "zertifiziert",
        "geprüft", "ufficiale", "verificato", "verificata", "certificato", "certificata", "autorizzato", "autorizzata",
    }
)  # fmt: skip
MOST_INSTALLED: Final = 300  # plugins that a name is compared with, beside Adiuva's own
MOST_FLAGS: Final = 6
_FROM_PART: Final = 6  # letters of a name that is also looked for inside a word: "Slack" is part of "slacker"
_FROM_ONE_TYPO, _FROM_TWO_TYPOS, _MOST_SLIPS = 6, 9, 2
# "GitHub-Sync", "gitHubSync" and "git hub sync" are the same words.
_PIECES = re.compile(r"[^\W_]+")
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")


# A name is compared with some hundreds, and those are the same ones the next time.
plain = lru_cache(maxsize=4096)(homoglyphs.plain)
skeleton = lru_cache(maxsize=4096)(homoglyphs.skeleton)


@dataclass(frozen=True, slots=True)
class Known:
    """Something that has a name already; ``slug`` where it is a plugin."""

    name: str
    slug: str = ""


@dataclass(frozen=True, slots=True)
class NameFlag:
    """``reason`` is a sentence for reviewers; ``slug`` of the plugin that the name resembles, if it is one."""

    reason: str
    slug: str = ""


def flags_of(version: PluginVersion) -> list[NameFlag]:
    """Of the name in a version's manifest and of its plugin's id."""
    manifest = version.manifest if isinstance(version.manifest, dict) else {}
    names = [str(manifest.get("name") or ""), version.plugin_id]
    return flag_names(names, others=_others(version.plugin))[:MOST_FLAGS]


def flag_names(names: Iterable[str], *, others: Iterable[Known] = ()) -> list[NameFlag]:
    """What is suspicious about a plugin called so, each once: claims, Adiuva, services, then ``others``.

    A plugin that is near a service's own name, as the seed "GitHub Sync" is, is compared like any other.
    """
    given, known = [name for name in names if plain(name)], list(others)
    found: dict[str, NameFlag] = {}
    for name in given:
        for flag in (*_claims(name), *_like_services(name), *_like_plugins(name, known)):
            found.setdefault(flag.slug or flag.reason, flag)
    return list(found.values())


def _others(plugin: Plugin) -> list[Known]:
    """Live plugins of others: those that most people have, and all of Adiuva's own."""
    live = Plugin.objects.live().exclude(pk=plugin.pk)
    if plugin.author_id is not None:
        live = live.filter(~Q(author=plugin.author_id) | Q(author__isnull=True))
    ours = live.filter(author__isnull=True).exclude(author_name=FORMER_AUTHOR)
    most = live.order_by("-install_count", "slug")[:MOST_INSTALLED]
    rows = {*ours.values_list("slug", "name"), *most.values_list("slug", "name")}
    return [Known(name=name, slug=slug) for slug, name in sorted(rows)]


def _claims(name: str) -> Iterator[NameFlag]:
    for word in _PIECES.findall(name):
        if word.casefold() in CLAIMS:
            yield NameFlag(f"“{word.casefold()}” claims an approval that only Adiuva could give.")


def _like_services(name: str) -> Iterator[NameFlag]:
    for service in (OURS, *SERVICES):
        how = likeness(name, service)
        if how:
            who = "Adiuva’s own name" if service == OURS else f"the service “{service}”"
            yield NameFlag(f"{how} {who}.")


def _like_plugins(name: str, others: Iterable[Known]) -> Iterator[NameFlag]:
    """Whose name is one word only is compared as a whole: many plugins have "Notes" in their name."""
    for other in others:
        how = likeness(name, other.name, within=len(words_of(other.name)) > 1)
        if how:
            yield NameFlag(f"{how} the plugin “{other.name}”.", slug=other.slug)


def likeness(name: str, known: str, *, within: bool = True) -> str:
    """How ``name`` resembles ``known``, as the beginning of a sentence; empty where it does not. ``within``: parts of
    the name count, too.
    """
    if not skeleton(known):
        return ""
    if plain(name) == plain(known):
        return "Is the name of"
    if skeleton(name) == skeleton(known):
        return "Looks like"
    if _is_near(skeleton(name), skeleton(known)):
        return "Is close to"
    return _likeness_of_a_part(name, known) if within else ""


def _likeness_of_a_part(name: str, known: str) -> str:
    target = skeleton(known)
    words, runs = _parts_of(name)
    if target in runs:
        return "Contains" if plain(known) in plain(name) else "Contains a lookalike of"
    if any(_is_near(run, target) for run in runs if abs(len(run) - len(target)) <= _MOST_SLIPS):
        return "Contains something close to"
    if len(target) < _FROM_PART:
        return ""
    return "Contains" if any(word.startswith(target) or word.endswith(target) for word in words) else ""


@lru_cache(maxsize=64)
def _parts_of(name: str) -> tuple[list[str], frozenset[str]]:
    """What the words of a name look like, and neighbouring words written together: all but the whole name."""
    words = [skeleton(word) for word in words_of(name)]
    ends = range(len(words) + 1)
    runs = {"".join(words[first:last]) for last in ends for first in ends[:last] if last - first < len(words)}
    return words, frozenset(runs - {""})


def words_of(name: str) -> list[str]:
    """``"GitHub-sync v2"`` is ``["Git", "Hub", "sync", "v2"]``."""
    return [word for piece in _PIECES.findall(name) for word in _CAMEL.split(piece) if word]


def _is_near(given: str, known: str) -> bool:
    """The same in the plural, or but for a slip: one letter from six on, two from nine on."""
    if given == known + "s" or known == given + "s":
        return True
    slips = 2 if len(known) >= _FROM_TWO_TYPOS else 1 if len(known) >= _FROM_ONE_TYPO else 0
    return slips > 0 and distance(given, known, at_most=slips) <= slips


def distance(one: str, other: str, *, at_most: int) -> int:
    """How many letters were forgotten, added, mistaken or swapped with their neighbour (Damerau–Levenshtein, no letter
    twice), where that is at most ``at_most``; otherwise some number above that.
    """
    # A slip adds or removes a letter, or puts one in the place of another; most pairs are told apart by this alone.
    if abs(len(one) - len(other)) > at_most or len(set(one) ^ set(other)) > 2 * at_most:
        return at_most + 1
    before: list[int] = []
    above: list[int] = []
    row = list(range(len(other) + 1))
    for i, letter in enumerate(one, start=1):
        before, above, row = above, row, [i]
        for j, wanted in enumerate(other, start=1):
            least = min(above[j] + 1, row[j - 1] + 1, above[j - 1] + (letter != wanted))
            if i > 1 and j > 1 and letter == other[j - 2] and wanted == one[i - 2]:
                least = min(least, before[j - 2] + 1)
            row.append(least)
        if min(row) > at_most:
            return at_most + 1
    return row[-1]
