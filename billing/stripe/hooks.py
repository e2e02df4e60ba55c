"""What apps above this one register, as they may import billing and it not them: handlers of Stripe's events, and how
to find what they sell.

A handler runs in the webhook's transaction, once for each event: after the repetitions are sorted out, and with the
row of the event's user locked. What it raises rolls everything back and is a 500, so that Stripe delivers again. It
calls nobody, and reads the event by ``billing.stripe.events``.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from billing.stripe.events import IncomingEvent
from billing.stripe.port import Sale

Handler = Callable[[IncomingEvent], None]
_handlers: dict[str, list[Handler]] = {}


def register(event_type: str, handler: Handler) -> None:
    """Handlers of one type run in the order of their registration; a second time is no second run."""
    handlers = _handlers.setdefault(event_type, [])
    if handler not in handlers:
        handlers.append(handler)


def run(event: IncomingEvent) -> None:
    for handler in _handlers.get(event.type, ()):
        handler(event)


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """What the stub's page of ``session_id`` sells, to whom. ``closed``: nothing can be bought on it any more."""

    session_id: str
    user_id: str
    email: str
    sale: Sale
    status: Literal["open", "complete", "closed"]
    expires_at: datetime


FindOffer = Callable[[str], Offer | None]
_offer_finders: list[FindOffer] = []


def register_offers(find: FindOffer) -> None:
    """``find(session_id)`` answers None for a session that it does not know. Stripe itself knows what its pages sell:
    only the stub asks.
    """
    if find not in _offer_finders:
        _offer_finders.append(find)


def find_offer(session_id: str) -> Offer | None:
    return next((offer for find in _offer_finders if (offer := find(session_id)) is not None), None)
