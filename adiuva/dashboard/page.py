"""The first page's own part of its context: what the apps have registered, as far as this person may see it."""

from datetime import UTC, datetime
from typing import Any

from django.http import HttpRequest

from adiuva.dashboard import registry
from adiuva.dashboard.figures import Card, Tile
from adiuva.dashboard.plots import draw


def show(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """What ``DASHBOARD_CALLBACK`` of unfold names."""
    now = datetime.now(UTC)
    items = registry.items_for(request.user, now)
    cards = [item for item in items if isinstance(item, Card)]
    return context | {
        "title": "At a glance",
        "now": now,
        "tiles": [item for item in items if isinstance(item, Tile)],
        "cards": [(card, draw(card), [one for one in card.series if one.tone]) for card in cards],
    }
