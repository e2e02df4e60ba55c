"""What the dashboard, the admin's first page, shows: apps register their parts in ``AppConfig.ready()``."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol

from django.http import HttpRequest

from adiuva.dashboard.figures import Card, Item, Tile
from adiuva.dashboard.plots import draw

Build = Callable[[datetime], Iterable[Item]]


class Viewer(Protocol):
    def has_perms(self, permissions: Iterable[str]) -> bool: ...


@dataclass(frozen=True, slots=True)
class _Part:
    build: Build
    permissions: tuple[str, ...]
    order: int


_parts: dict[str, _Part] = {}


def register(name: str, build: Build, *, permissions: tuple[str, ...], order: int) -> None:
    """``build(now)`` gives tiles and cards for whoever has all ``permissions``: those that their lists ask for.

    Registering a name again replaces it; lower ``order`` comes first.
    """
    _parts[name] = _Part(build, permissions, order)


def items_for(viewer: Viewer, now: datetime) -> list[Item]:
    """Nothing is counted that ``viewer`` may not see."""
    parts = sorted(_parts.values(), key=lambda part: part.order)
    return [item for part in parts if viewer.has_perms(part.permissions) for item in part.build(now)]


def build_context(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """Unfold's ``DASHBOARD_CALLBACK``: ``context`` with the tiles and cards that this person may see."""
    now = datetime.now(UTC)
    items = items_for(request.user, now)
    cards = [item for item in items if isinstance(item, Card)]
    return context | {
        "title": "Dashboard",
        "now": now,
        "tiles": [item for item in items if isinstance(item, Tile)],
        "cards": [(card, draw(card), [one for one in card.series if one.tone]) for card in cards],
    }
