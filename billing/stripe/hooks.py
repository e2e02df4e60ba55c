"""Who else wants to hear of Stripe's events: apps above this one register, as they may import billing and it not them.

A handler runs in the webhook's transaction, once for each event: after the repetitions are sorted out, and with the
row of the event's user locked. What it raises rolls everything back and is a 500, so that Stripe delivers again. It
calls nobody.
"""

from collections.abc import Callable

from billing.stripe.objects import IncomingEvent

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
