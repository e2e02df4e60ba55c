"""What a language has to say: a text for each case, and what all of them share.

Texts are plain; ``{fact}`` stands for a fact as it is written in that language. A sentence or row with a fact that a
mail does not have is left out, so a text says the same with and without what is optional.
"""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """``subject`` and ``title`` hold no facts: lists of mails and locked screens show them. ``after`` is below the
    button: how long its link holds, and what to do if it was not you.
    """

    subject: str
    title: str
    paragraphs: tuple[str, ...]
    rows: tuple[tuple[str, str], ...] = ()
    button: str = ""
    after: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Language:
    """``texts``: by kind, or ``kind/variant`` where a fact decides. ``words``: for facts that are names of ours.

    ``moment`` writes a time from ``{day}``, ``{month}``, ``{year}`` and ``{clock}``. Times are UTC and say so.
    """

    code: str
    greeting: str
    link_below: str
    app_link: str
    footer: str
    never: str
    months: tuple[str, ...]
    moment: str
    decimal: str
    thousands: str
    is_currency_first: bool
    words: Mapping[str, str]
    texts: Mapping[str, Text]
