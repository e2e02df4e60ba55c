"""dj-stripe is a mirror here and never speaks to Stripe: ``billing.stripe.port`` does, with a client of its own."""

from typing import Any, NoReturn

import stripe


class CallsNobodyError(RuntimeError):
    """Code of dj-stripe tried to call Stripe with the SDK's module-wide client."""


class _Silence(stripe.HTTPClient):
    name = "silence"

    def request(self, *_args: Any, **_options: Any) -> NoReturn:
        raise CallsNobodyError("dj-stripe does not call Stripe here; use manage.py sync_stripe")

    request_stream = request

    def close(self) -> None:
        """Nothing is open."""


def keep() -> None:
    """From here on, for the whole process: its admin actions and commands end in an error before they reach Stripe.

    They would otherwise also write the API key into a table of dj-stripe's own.
    """
    stripe.default_http_client = _Silence()
