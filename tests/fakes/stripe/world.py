"""What this Stripe account holds."""

import itertools
import secrets
import string
import time
from collections.abc import Callable, Iterable
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from tests.fakes.stripe.errors import ApiError, missing
from tests.fakes.stripe.forms import Form

JsonObject = dict[str, Any]

API_VERSION = "2026-05-27.dahlia"
ALPHABET = string.ascii_letters + string.digits
MONTH = 30 * 24 * 3600
MOST_AT_ONCE, USUALLY_AT_ONCE = 100, 10


class World:
    """Objects by kind and id, in the order they were made; ``events`` are those that happened, oldest first."""

    def __init__(self, *, base_url: str = "") -> None:
        self.base_url = base_url
        self.tables: dict[str, dict[str, JsonObject]] = {}
        self.events: list[JsonObject] = []
        self._clock_skew = 0
        self._invoice_numbers = itertools.count(1)

    def now(self) -> int:
        return int(time.time()) + self._clock_skew

    def advance(self, seconds: int) -> None:
        self._clock_skew += seconds

    def new_id(self, prefix: str, length: int = 24) -> str:
        return f"{prefix}_" + "".join(secrets.choice(ALPHABET) for _ in range(length))

    def next_invoice_number(self) -> int:
        return next(self._invoice_numbers)

    def add(self, kind: str, made: JsonObject) -> JsonObject:
        self.tables.setdefault(kind, {})[made["id"]] = made
        return made

    def all(self, kind: str) -> list[JsonObject]:
        return list(self.tables.get(kind, {}).values())

    def get(self, kind: str, object_id: str, *, param: str = "id", status: int = 404) -> JsonObject:
        """Raises ApiError: 404 for an id in the path; give ``status=400`` for one in a parameter."""
        try:
            return self.tables.get(kind, {})[object_id]
        except KeyError:
            raise missing(kind.replace("_", " "), object_id, param=param, status=status) from None

    def emit(self, kind: str, about: JsonObject, previous: JsonObject | None = None) -> None:
        data: JsonObject = {"object": deepcopy(about)}
        if previous is not None:
            data["previous_attributes"] = previous
        event = {
            "id": self.new_id("evt"),
            "object": "event",
            "api_version": API_VERSION,
            "created": self.now(),
            "data": data,
            "livemode": False,
            "pending_webhooks": 1,
            "request": {"id": self.new_id("req", 14), "idempotency_key": None},
            "type": kind,
        }
        self.add("event", event)
        self.events.append(event)

    def page(self, path: str, found: Iterable[JsonObject], params: Form) -> JsonObject:
        """A list as Stripe pages it: newest first, from after ``starting_after`` or up to ``ending_before``."""
        newest_first = list(found)[::-1]
        limit = params.get("limit", USUALLY_AT_ONCE)
        if not 1 <= limit <= MOST_AT_ONCE:
            raise ApiError(f"This value must be between 1 and {MOST_AT_ONCE}.", param="limit")
        ids = [one["id"] for one in newest_first]
        first = 0
        if "ending_before" in params:
            before = _position(ids, params["ending_before"], "ending_before")
            first = max(0, before - limit)
            return self._list(path, newest_first[first:before], has_more=first > 0)
        if "starting_after" in params:
            first = _position(ids, params["starting_after"], "starting_after") + 1
        return self._list(path, newest_first[first : first + limit], has_more=first + limit < len(ids))

    def _list(self, path: str, data: list[JsonObject], *, has_more: bool) -> JsonObject:
        return {"object": "list", "url": path, "has_more": has_more, "data": data}


def _position(ids: list[str], wanted: str, param: str) -> int:
    try:
        return ids.index(wanted)
    except ValueError:
        raise missing("object", wanted, param=param) from None


@dataclass(frozen=True, slots=True)
class Call:
    """One request to a route: ``ids`` are the parts of its path that vary, ``params`` are checked and typed."""

    world: World
    path: str
    ids: tuple[str, ...]
    params: Form


@dataclass(frozen=True, slots=True)
class Route:
    """``path`` with ``{}`` for each id; ``shape`` is the SDK's type of its parameters."""

    method: str
    path: str
    shape: type
    answer: Callable[[Call], JsonObject]
