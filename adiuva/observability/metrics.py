"""What is measured: every metric of the service, declared in one place (`docs/metrics.md` explains each).

Apps import what they count, and counting costs a microsecond whether or not ``METRICS_TOKEN`` lets anybody read it.
Never a label: a user, an address, a token, a path as it was sent, words of a conversation. A label that is not our own
code's to choose goes through ``bounded``, so that no request makes a series of its own.

Several processes of one server (``WEB_CONCURRENCY``) count into files of one folder, which ``adiuva.server.serve``
makes and names before any of them imports this, and whichever of them is asked answers for all.
"""

import os
from collections.abc import Collection
from functools import partial

import prometheus_client
from prometheus_client import CollectorRegistry
from prometheus_client.multiprocess import MultiProcessCollector

SHARED_FOLDER = "PROMETHEUS_MULTIPROC_DIR"  # the library's name; it has to be set before the library is imported
OTHER = "other"

REGISTRY = CollectorRegistry()
# A `…_created` series beside each other one says when it was made, which nobody asks for.
prometheus_client.disable_created_metrics()  # type: ignore[no-untyped-call]
_own: CollectorRegistry | None = REGISTRY
if SHARED_FOLDER in os.environ:
    MultiProcessCollector(REGISTRY)  # type: ignore[no-untyped-call]
    _own = None  # what this process counts is read from the files, as is what the others count
counter = partial(prometheus_client.Counter, registry=_own)
gauge = partial(prometheus_client.Gauge, registry=_own, multiprocess_mode="livesum")
histogram = partial(prometheus_client.Histogram, registry=_own)


def bound_label(value: str, known: Collection[str]) -> str:
    """``value`` as a label where it is one of ``known``, else ``other``."""
    return value if value in known else OTHER


METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
# First words of the types of Stripe's events that are handled.
EVENT_TYPES = frozenset(
    {
        *("account", "capability", "charge", "checkout", "customer", "invoice", "invoice_payment", "payment_intent"),
        *("price", "refund", "unread"),
    }
)

_REQUEST_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 120.0)
_TURN_SECONDS = (0.1, 0.25, 0.5, 1.0, 2.0, 3.0, 5.0, 8.0, 13.0, 20.0, 30.0, 60.0)

# --- requests --------------------------------------------------------------------------------------------------

HTTP_REQUESTS = counter(
    "adiuva_http_requests_total",
    "Requests answered, by method, route and class of status (none: the client left before an answer)",
    ("method", "route", "status"),
)
HTTP_SECONDS = histogram(
    "adiuva_http_request_duration_seconds",
    "From the head of a request to the end of its answer",
    ("method", "route"),
    buckets=_REQUEST_SECONDS,
)
HTTP_IN_FLIGHT = gauge("adiuva_http_requests_in_flight", "Requests that are being answered")
HTTP_RECEIVED = counter("adiuva_http_request_body_bytes_total", "Bytes of request bodies that were read", ("route",))
HTTP_SENT = counter("adiuva_http_response_body_bytes_total", "Bytes of response bodies that were sent", ("route",))
RATE_LIMIT = counter(
    "adiuva_rate_limit_decisions_total", "Requests and socket turns at the rate limiter", ("tier", "decision")
)
RATE_LIMIT_ALONE = counter(
    "adiuva_rate_limit_redis_failures_total", "Times the limiter asked Redis in vain and went on by itself"
)
LOGIN_ATTEMPTS = counter(
    "adiuva_login_guard_decisions_total",
    "Attempts to register or to log in at the guard (unguarded: its cache was away)",
    ("guard", "decision"),
)
LOGIN_FAILURES = counter("adiuva_login_failures_total", "Logins with a wrong password or an unknown address")

# --- conversations ---------------------------------------------------------------------------------------------

SOCKETS_OPEN = gauge("adiuva_websockets_open", "Open WebSockets", ("kind",))
HANDSHAKES = counter(
    "adiuva_websocket_handshakes_total", "WebSocket handshakes, by `accepted` or why not", ("outcome",)
)
TURNS_RUNNING = gauge("adiuva_chat_turns_running", "Turns and map items being answered, over REST and WebSockets")
TURNS = counter(
    "adiuva_chat_turns_total",
    "Turns that ended, by `done`, `cancelled` or the code of the problem",
    ("mode", "outcome"),
)
TURN_SECONDS = histogram("adiuva_chat_turn_duration_seconds", "Of whole turns", ("mode",), buckets=_TURN_SECONDS)
FIRST_TOKEN_SECONDS = histogram(
    "adiuva_chat_first_token_seconds", "From the start of a turn to its first words", buckets=_TURN_SECONDS
)
MAP_ITEMS = counter("adiuva_chat_map_items_total", "Items of map runs that ended", ("status",))
MODEL_CALLS = counter("adiuva_llm_calls_total", "Calls of language models, whatever became of them", ("role",))
MODEL_TOKENS = counter("adiuva_llm_tokens_total", "Tokens of language models", ("role", "direction"))
MODEL_FAILURES = counter(
    "adiuva_llm_failures_total", "Failed tries of language models; a turn may outlive some", ("role", "kind")
)
REDACTIONS = counter("adiuva_sanitizer_redactions_total", "Places that the sanitizer blanked", ("rule",))

# --- mail ------------------------------------------------------------------------------------------------------

MAILS_LIMITED = counter(
    "adiuva_mails_limited_total", "Mails that were dropped because their address or account had too many", ("kind",)
)

# --- sealed bytes ----------------------------------------------------------------------------------------------

UPLOADS = counter("adiuva_uploads_total", "Uploads that were kept", ("kind",))
UPLOAD_BYTES = counter("adiuva_upload_bytes_total", "Bytes of uploads that were kept", ("kind",))

# --- synchronisation -------------------------------------------------------------------------------------------

SYNC_HINTS = counter("adiuva_sync_hints_total", "Hints that sockets were sent, by their `type`", ("type",))
BROADCASTS_LOST = counter(
    "adiuva_broadcasts_lost_total", "Messages to open sockets that Redis did not take: their devices hear later"
)

# --- batches ---------------------------------------------------------------------------------------------------

BATCH_LEASES = counter("adiuva_batch_leases_total", "Slots that devices asked for, by what became of it", ("outcome",))
BATCH_RUNS = counter("adiuva_batch_runs_total", "Runs of batches that ended", ("outcome",))

# --- money -----------------------------------------------------------------------------------------------------

WEBHOOKS = counter("adiuva_stripe_webhooks_total", "Deliveries of Stripe's events", ("type", "outcome"))

# --- the process -----------------------------------------------------------------------------------------------

LOOP_LAG = gauge(
    "adiuva_event_loop_lag_seconds",
    "Longest that the event loop came too late within the last half minute, in the worst process",
    multiprocess_mode="livemax",
)
POOL = gauge("adiuva_database_pool_connections", "Connections of the pools to PostgreSQL, by what they do", ("state",))
POOL_MAX = gauge("adiuva_database_pool_max_connections", "How many connections the pools may open")
POOL_WAITING = gauge("adiuva_database_pool_waiting", "Threads that wait for a connection")
DRAINING = gauge("adiuva_draining", "1 while the server is stopping", multiprocess_mode="livemax")
WORKERS = gauge("adiuva_workers", "Serving processes")
BUILD = gauge(
    "adiuva_build_info", "Always 1; what runs is in the labels", ("version", "python"), multiprocess_mode="livemax"
)
SCRAPE_FAILURES = counter(
    "adiuva_scrape_failures_total", "Values that could not be read when they were asked for", ("metric",)
)
