"""Ids and names that could be taken for those of somebody else's plugin (Unicode TR 39 § 4: skeletons)."""

import unicodedata
from collections.abc import Callable, Iterator
from typing import Any, Final

from django.db.models import Q

from adiuva.homoglyphs import HOMOGLYPHS
from marketplace.models import Plugin
from marketplace.submissions.validators.base import InconclusiveError, Outcome, Submission, judge

# "1" stands for both i and l, therefore l is i as well. Two letters that look like one: rn, vv.
_LEET: Final = str.maketrans("01345l", "oieasi")
_PAIRS: Final = (("rn", "m"), ("vv", "w"))


def plain(text: str) -> str:
    """Letters and digits of a text in small, without accents: what is the same name, written another way."""
    decomposed = unicodedata.normalize("NFD", text.casefold())
    return "".join(sign for sign in decomposed if sign.isalnum())


def skeleton(text: str) -> str:
    """What a text looks like: two texts with one skeleton can be taken for each other."""
    seen = "".join(HOMOGLYPHS.get(sign, sign) for sign in unicodedata.normalize("NFKC", text))
    letters = "".join(HOMOGLYPHS.get(sign, sign) for sign in plain(seen)).translate(_LEET)
    for pair, letter in _PAIRS:
        letters = letters.replace(pair, letter)
    return letters


def lookalike_id(submission: Submission) -> Outcome:
    slug = _text(submission, "id")
    mine = skeleton(slug)
    return judge(
        (other.slug for other in _others(submission) if other.slug != slug and mine and skeleton(other.slug) == mine),
        ok="The id is like no other plugin's.",
        wrong="The id could be taken for that of another plugin.",
    )


def lookalike_name(submission: Submission) -> Outcome:
    """A name that is written otherwise and looks the same; the same name is ``name_taken``'s."""
    name = _text(submission, "name")
    written, seen = plain(name), skeleton(name)
    return _compare_names(
        submission,
        lambda other: plain(other) != written and skeleton(other) == seen,
        ok="The name looks like no other plugin's.",
        wrong="The name looks like that of another plugin.",
    )


def name_taken(submission: Submission) -> Outcome:
    written = plain(_text(submission, "name"))
    return _compare_names(
        submission,
        lambda other: bool(written) and plain(other) == written,
        ok="No other plugin has this name.",
        wrong="Another plugin has this name.",
    )


def _compare_names(submission: Submission, is_alike: Callable[[str], bool], *, ok: str, wrong: str) -> Outcome:
    alike = (f"{other.slug}: {other.name}" for other in _others(submission) if is_alike(other.name))
    return judge(alike, ok=ok, wrong=wrong)


def _text(submission: Submission, field: str) -> str:
    value: Any = submission.manifest.get(field)
    if not isinstance(value, str):
        raise InconclusiveError
    return value


def _others(submission: Submission) -> Iterator[Plugin]:
    """Everybody else's that was ever published: a pending one must not keep others out."""
    others = Plugin.objects.filter(published_at__isnull=False)
    others = others.filter(~Q(author=submission.author_id) | Q(author__isnull=True))
    yield from others.only("slug", "name").order_by("slug").iterator()
