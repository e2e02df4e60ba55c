"""Conditional requests: RFC 9110 § 13, evaluated in the order of § 13.2.2.

Django's own ``parse_etags`` splits at every comma, also at one inside a tag, and its comparisons strip ``W`` and ``/``
from a tag's end as well. Its dates are right.

A date of HTTP has whole seconds, so it is a weak validator unless no two states of a resource share a second
(§ 8.8.2.2). Here none do: who writes a state gives it a date with ``next_date``, later than that of the state before,
also where both were written in one second, where the clock went back, or where another server's is behind. Until that
second has come ``Last-Modified`` tells the present one, which is an earlier state's if any: it leads to a 200 rather
than a 304, a 412 rather than a lost update, the whole rather than a range.
"""

import re
from calendar import timegm
from datetime import datetime, timedelta

from django.utils.http import http_date, parse_http_date
from rest_framework.request import Request

from adiuva.api.errors import PreconditionFailed

_ENTITY_TAG = re.compile(r'(?:W/)?"[\x21\x23-\x7e\x80-\xff]*"')  # § 8.8.3
_SEPARATOR = re.compile(r"[ \t]*(?:,[ \t]*)+")  # § 5.6.1.2: empty list elements count for nothing
_SAFE_METHODS = ("GET", "HEAD")
_SECOND = timedelta(seconds=1)
ANY = "*"


def entity_tags(header: str) -> tuple[str, ...]:
    """``W/"a", "b"`` as ``('W/"a"', '"b"')``, and ``*`` as ``("*",)``. A malformed list names nothing at all: what it
    means is anybody's guess, and to act on half of it would be to guess.
    """
    text = header.strip(" \t,")
    if text == ANY:
        return (ANY,)
    tags = []
    position = 0
    while position < len(text):
        tag = _ENTITY_TAG.match(text, position)
        if tag is None:
            return ()
        tags.append(tag.group())
        position = tag.end()
        separator = _SEPARATOR.match(text, position)
        if separator is None:
            break
        position = separator.end()
    return tuple(tags) if position == len(text) else ()


def next_date(*, now: datetime, before: datetime | None) -> datetime:
    """The date, in whole seconds, of a state that is written at ``now`` in place of one whose date was ``before`` (None
    where there never was one): a second that is this state's alone.
    """
    date = now.replace(microsecond=0)
    return date if before is None else max(date, before.replace(microsecond=0) + _SECOND)


def undated(moment: datetime) -> datetime:
    """The date of a state of which only the moment it was written is known: another one may share that second, so the
    next one is its own.
    """
    return next_date(now=moment, before=moment)


def last_modified_header(date: datetime, *, now: datetime) -> str:
    """§ 8.8.2.1: never later than now, whatever the state's own date is."""
    return http_date(_seconds(min(date, now)))


def require_match(request: Request, etag: str | None, *, last_modified: datetime | None = None) -> None:
    """What a client asks of the state it knows, before the method is performed. ``etag`` is that of the state there is,
    None where there is nothing yet: then any ``If-Match`` fails.

    ``If-Match`` must name ``*`` or, strongly, this tag (§ 13.1.1). Without it ``If-Unmodified-Since`` is looked at
    where the resource has a date (§ 13.1.4). ``If-None-Match`` on a method that changes something must not name it
    (§ 13.1.2).

    Raises:
        PreconditionFailed: otherwise; it carries the current tag.
    """
    if_match = request.headers.get("If-Match")
    if if_match is not None:
        if etag is None or not is_matched(if_match, etag):
            raise PreconditionFailed(etag=etag)
    elif last_modified is not None:
        date = _http_date(request.headers.get("If-Unmodified-Since"))
        if date is not None and _seconds(last_modified) > date:
            raise PreconditionFailed(etag=etag)
    if_none_match = request.headers.get("If-None-Match") if request.method not in _SAFE_METHODS else None
    if if_none_match is not None and etag is not None and _is_named(if_none_match, etag):
        raise PreconditionFailed(etag=etag)


def is_not_modified(request: Request, *, etag: str, last_modified: datetime | None) -> bool:
    """Whether a GET or HEAD may be answered with 304.

    ``If-None-Match`` compares weakly, and where it is there ``If-Modified-Since`` is not looked at (§ 13.1.3). A date
    that is none is ignored, as any is where the resource has none.
    """
    if request.method not in _SAFE_METHODS:
        return False
    if_none_match = request.headers.get("If-None-Match")
    if if_none_match is not None:
        return _is_named(if_none_match, etag)
    date = _http_date(request.headers.get("If-Modified-Since"))
    return date is not None and last_modified is not None and _seconds(last_modified) <= date


def range_is_current(request: Request, *, etag: str, last_modified: datetime | None) -> bool:
    """§ 13.1.5: without ``If-Range`` yes; else it must be this tag, strongly, or exactly this date.

    Otherwise ``Range`` is to be ignored: what the client has so far belongs to another representation.
    """
    if_range = request.headers.get("If-Range")
    if if_range is None:
        return True
    value = if_range.strip(" \t")
    if _ENTITY_TAG.fullmatch(value):
        return _are_strongly_equal(value, etag)
    return last_modified is not None and _http_date(value) == _seconds(last_modified)


def is_matched(if_match: str, etag: str) -> bool:
    """Whether ``If-Match`` names the state of this tag; it names none where there is nothing."""
    tags = entity_tags(if_match)
    return tags == (ANY,) or any(_are_strongly_equal(tag, etag) for tag in tags)


def _is_named(if_none_match: str, etag: str) -> bool:
    tags = entity_tags(if_none_match)
    return tags == (ANY,) or etag.removeprefix("W/") in {tag.removeprefix("W/") for tag in tags}


def _are_strongly_equal(one: str, other: str) -> bool:
    """§ 8.8.3.2: identical, and neither of them weak."""
    return one == other and not one.startswith("W/")


def _http_date(header: str | None) -> int | None:
    """Seconds since 1970; None for no date, and for what is not one (§ 13.1.3: to be ignored)."""
    if header is None:
        return None
    try:
        return parse_http_date(header)
    except ValueError:
        return None


def _seconds(moment: datetime) -> int:
    return timegm(moment.utctimetuple())  # in whole numbers: a float would round the last microsecond of a second up
