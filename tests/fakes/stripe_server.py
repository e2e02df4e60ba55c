"""A Stripe of our own on loopback: it speaks the API that we use, keeps state, and misbehaves on request.

What Stripe would refuse it refuses: a wrong key or version, unknown or missing parameters, ids it does not know,
another body under a used idempotency key. It runs in threads of its own, so other processes may use it::

    with LoopbackStripe() as stripe:
        stripe.sell("price_pro_monthly", cents=900)
        settings.STRIPE_API_BASE = stripe.base_url
        ...
        stripe.complete_checkout(session_id)
        stripe.deliver(webhook_url, secret)
"""

import json
import socket
import struct
import sys
import threading
from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from tests.fakes.stripe import checkout, connect, money, objects, payments, subscriptions
from tests.fakes.stripe.engine import Answer, Engine
from tests.fakes.stripe.errors import PROVIDER_TEXT, stored_failure
from tests.fakes.stripe.faults import Fault, Faults, Kind
from tests.fakes.stripe.signing import signature
from tests.fakes.stripe.world import API_VERSION, JsonObject, World

SECRET_KEY = "sk_test_" + "Loopback0" * 3
NEVER_SECONDS = 60.0  # far beyond every client's patience; a stopping server cuts it short


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """One request as it arrived, whatever became of it. ``headers`` have lower-case names."""

    method: str
    path: str
    form: str
    headers: Mapping[str, str] = field(repr=False)

    @property
    def idempotency_key(self) -> str | None:
        return self.headers.get("idempotency-key")

    @property
    def changes_state(self) -> bool:
        return self.method != "GET"


class LoopbackStripe:
    """``seen`` are the requests in the order of arrival; ``world`` is what the account holds."""

    def __init__(self, *, secret_key: str = SECRET_KEY) -> None:
        self.world = World()
        self.seen: list[Seen] = []
        self.broken: list[BaseException] = []
        self._faults = Faults()
        self._engine = Engine(self.world, secret_key=secret_key)
        self._delivered = 0
        self._stopping = threading.Event()
        self._http: _Server | None = None
        self._thread: threading.Thread | None = None

    @property
    def base_url(self) -> str:
        return self.world.base_url

    def __enter__(self) -> Self:
        self._http = _Server(self)
        self.world.base_url = f"http://127.0.0.1:{self._http.server_address[1]}"
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.02,), name="loopback-stripe")
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        assert self._http is not None
        assert self._thread is not None
        self._stopping.set()
        self._http.shutdown()
        self._http.close_connections()
        self._http.server_close()
        self._thread.join()
        if self.broken:
            raise self.broken[0]

    # --- what the account sells, and what customers do

    def sell(
        self,
        price_id: str,
        *,
        cents: int,
        name: str = "A plan",
        interval: str | None = "month",
        lookup_key: str | None = None,
        currency: str = "eur",
    ) -> JsonObject:
        """A price under an id of our choice, with its product; ``interval=None`` is paid once."""
        with self._engine.lock:
            made = self.world.add("product", objects.product(self.world, {"name": name}))
            recurring = {"interval": interval} if interval else None
            given = {"id": price_id, "currency": currency, "product": made["id"], "unit_amount": cents}
            given["lookup_key"] = lookup_key
            return self.world.add("price", objects.price(self.world, given | {"recurring": recurring}))

    def complete_checkout(self, session_id: str) -> JsonObject:
        """The customer pays on Stripe's page. Raises ApiError for a session that is not open."""
        with self._engine.lock:
            return deepcopy(checkout.complete(self.world, session_id))

    def save_card(self, customer_id: str, *, manner: payments.Manner = "pays", is_default: bool = True) -> JsonObject:
        """A card on file that behaves like this when it is charged."""
        with self._engine.lock:
            return payments.save_card(self.world, customer_id, manner=manner, is_default=is_default)

    def pay(self, payment_intent_id: str) -> JsonObject:
        """The bank says yes at last."""
        with self._engine.lock:
            intent = self.world.get("payment_intent", payment_intent_id)
            return deepcopy(payments.pay(self.world, intent, card_id=intent["payment_method"]))

    def take_card_away(self, card_id: str) -> None:
        with self._engine.lock:
            payments.take_card_away(self.world, card_id)

    def renew(self, subscription_id: str, *, paid: bool = True) -> JsonObject:
        with self._engine.lock:
            return deepcopy(subscriptions.renew(self.world, subscription_id, paid=paid))

    def pay_invoice(self, invoice_id: str) -> JsonObject:
        """On its hosted page, or by a retry: the subscription is good again where it was the latest one."""
        with self._engine.lock:
            return deepcopy(subscriptions.pay_invoice(self.world, invoice_id))

    def schedule_end(self, subscription_id: str) -> JsonObject:
        """What the customer does in the portal, under flexible billing."""
        with self._engine.lock:
            return deepcopy(subscriptions.schedule_end(self.world, subscription_id))

    def change_price(self, subscription_id: str, price_id: str) -> JsonObject:
        """What the customer does in the portal: another plan, at once."""
        with self._engine.lock:
            return deepcopy(subscriptions.change_price(self.world, subscription_id, price_id))

    def change_quantity(self, subscription_id: str, quantity: int) -> JsonObject:
        """What the customer does in the portal: more seats, or fewer, at once."""
        with self._engine.lock:
            return deepcopy(subscriptions.change_quantity(self.world, subscription_id, quantity))

    def end(self, subscription_id: str) -> JsonObject:
        """A scheduled end has come, or Stripe has given up on a debt."""
        with self._engine.lock:
            return deepcopy(subscriptions.end(self.world, subscription_id))

    def refund(self, invoice_id: str, *, cents: int | None = None) -> JsonObject:
        """Of what paid the invoice; all that is left of it, unless told otherwise."""
        with self._engine.lock:
            return deepcopy(money.refund(self.world, money.intent_of(self.world, invoice_id), cents=cents))

    def fail_refund(self, refund_id: str) -> JsonObject:
        with self._engine.lock:
            return deepcopy(money.fail_refund(self.world, refund_id))

    def dispute(self, invoice_id: str, **options: Any) -> JsonObject:
        """Of what paid the invoice; see ``money.dispute``."""
        with self._engine.lock:
            return deepcopy(money.dispute(self.world, money.intent_of(self.world, invoice_id), **options))

    def close_dispute(self, dispute_id: str, *, status: str) -> JsonObject:
        with self._engine.lock:
            return deepcopy(money.close_dispute(self.world, dispute_id, status=status))

    def delete_customer(self, customer_id: str) -> None:
        """As an operator can in the dashboard."""
        with self._engine.lock:
            self.world.tables["customer"][customer_id] = {"id": customer_id, "object": "customer", "deleted": True}

    def take_payment(self, payment_intent_id: str, *, cents: int) -> JsonObject:
        with self._engine.lock:
            return deepcopy(connect.take_payment(self.world, payment_intent_id, cents=cents))

    def enable_payouts(self, account_id: str, *, payouts: bool = True) -> JsonObject:
        """What its owner does on Connect's pages; ``payouts=False`` is Stripe asking for more."""
        with self._engine.lock:
            return deepcopy(connect.enable(self.world, account_id, payouts=payouts))

    def restrict(self, account_id: str, *, disabled_reason: str, due: Sequence[str] = ()) -> JsonObject:
        """Stripe disables transfers and payouts until it is told ``due``."""
        with self._engine.lock:
            return deepcopy(connect.restrict(self.world, account_id, disabled_reason=disabled_reason, due=due))

    def deauthorize(self, account_id: str) -> JsonObject:
        """Its owner takes the platform's access away."""
        with self._engine.lock:
            return deepcopy(connect.deauthorize(self.world, account_id))

    def forget_keys(self) -> None:
        """No idempotency key was ever used."""
        self._engine.forget_keys()

    # --- what goes wrong

    def fail(self, kind: Kind, **options: Any) -> None:
        """See ``faults.Fault``: ``stripe.fail("status", path="/v1/customers", status=429)``."""
        self._faults.add(Fault(kind=kind, **options))

    def mend(self) -> None:
        """No fault waits any longer."""
        self._faults.clear()

    # --- webhooks

    def undelivered(self) -> list[JsonObject]:
        """The events since the last call, oldest first."""
        with self._engine.lock:
            events = deepcopy(self.world.events[self._delivered :])
            self._delivered = len(self.world.events)
            return events

    def deliver(self, url: str, secret: str) -> list[tuple[str, int]]:
        """Sends the undelivered events, signed, one after another; answers their types with our server's status."""
        return [(event["type"], post_event(event, url, secret)) for event in self.undelivered()]

    # --- HTTP

    def calls(self, method: str, path: str) -> list[Seen]:
        return [one for one in self.seen if (one.method, one.path) == (method, path)]

    def handle(self, handler: "_Handler", method: str) -> None:
        """One request, from the socket to the socket."""
        path, _, query = handler.path.partition("?")
        body = handler.rfile.read(int(handler.headers.get("Content-Length", "0"))).decode()
        form = "&".join(part for part in (query, body) if part)
        headers = {name.lower(): value for name, value in handler.headers.items()}
        self.seen.append(Seen(method=method, path=path, form=form, headers=headers))
        fault = self._faults.next_for(method, path)
        kind = fault.kind if fault else None
        if kind == "stall":
            self._stopping.wait(NEVER_SECONDS)
        elif kind == "reset":
            handler.reset()
        elif kind == "garbage":
            handler.send(Answer(status=200, body=b"<html>Bad gateway</html>", content_type="text/html"))
        elif fault and kind == "status":
            handler.send(_failure(fault.status))
        else:
            patience = fault.seconds if fault else 0.0
            answer = self._engine.answer(
                method=method,
                path=path,
                form=form,
                headers=headers,
                dwell=lambda: self._stopping.wait(patience),
                failure=stored_failure(fault.status) if fault and kind == "stored_status" else None,
            )
            if kind == "timeout_after_commit":
                self._stopping.wait(NEVER_SECONDS)
            elif kind == "reset_after_commit":
                handler.reset()
            else:
                handler.send(answer)


def post_event(event: JsonObject, url: str, secret: str) -> int:
    """The status that the webhook at ``url`` answers with."""
    body = json.dumps(event, indent=2).encode()
    headers = {"Content-Type": "application/json; charset=utf-8", "Stripe-Signature": signature(body, secret)}
    try:
        with urlopen(Request(url, data=body, headers=headers, method="POST"), timeout=30) as answer:  # noqa: S310 - ours
            return int(answer.status)
    except HTTPError as error:
        with error:
            return error.code


def _failure(status: int) -> Answer:
    kind = "rate_limit_error" if status == 429 else "api_error"
    return Answer(status=status, body=json.dumps({"error": {"message": PROVIDER_TEXT, "type": kind}}).encode())


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 64

    def __init__(self, stripe: LoopbackStripe) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.stripe = stripe
        self._connections: set[socket.socket] = set()
        self._lock = threading.Lock()

    def get_request(self) -> tuple[socket.socket, Any]:
        connection, address = super().get_request()
        with self._lock:
            self._connections.add(connection)
        return connection, address

    def shutdown_request(self, request: Any) -> None:
        with self._lock:
            self._connections.discard(request)
        super().shutdown_request(request)

    def close_connections(self) -> None:
        with self._lock:
            connections = list(self._connections)
        for connection in connections:
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue  # its thread was quicker

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that goes away is a test's business; anything else is a fault of this double."""
        error = sys.exc_info()[1]
        if error is not None and not isinstance(error, OSError):
            self.stripe.broken.append(error)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server

    def do_GET(self) -> None:
        self.server.stripe.handle(self, "GET")

    def do_POST(self) -> None:
        self.server.stripe.handle(self, "POST")

    def do_DELETE(self) -> None:
        self.server.stripe.handle(self, "DELETE")

    def send(self, answer: Answer) -> None:
        self.send_response(answer.status)
        headers = {
            "Content-Type": answer.content_type,
            "Content-Length": str(len(answer.body)),
            "Request-Id": self.server.stripe.world.new_id("req", 14),
            "Stripe-Version": API_VERSION,
            **answer.headers,
        }
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(answer.body)

    def reset(self) -> None:
        """RST instead of FIN: closing with SO_LINGER 0 throws away what was not sent."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close_connection = True
        self.connection.close()

    def log_message(self, *_: Any) -> None:
        """``seen`` is the log."""
