"""What is measured: every metric of the service, declared in one place (`docs/metrics.md` explains each).

Apps import what they count. Never a label: a user, an address, a token, a path as it was sent, words of a conversation.
"""

from adiuva.observability.instruments import Counter, Gauge, Histogram

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
# First words of the types of Stripe's events that are handled.
EVENT_TYPES = frozenset({"account", "charge", "checkout", "customer", "invoice", "payment_intent", "refund", "unread"})

_REQUEST_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 120.0)
_TURN_SECONDS = (0.1, 0.25, 0.5, 1.0, 2.0, 3.0, 5.0, 8.0, 13.0, 20.0, 30.0, 60.0)

# --- requests --------------------------------------------------------------------------------------------------

HTTP_REQUESTS = Counter(
    "adiuva_http_requests_total",
    "Requests answered, by method, route and class of status (none: the client left before an answer)",
    method=METHODS,
    route=None,
    status=None,
)
HTTP_SECONDS = Histogram(
    "adiuva_http_request_duration_seconds",
    "From the head of a request to the end of its answer",
    buckets=_REQUEST_SECONDS,
    method=METHODS,
    route=None,
)
HTTP_IN_FLIGHT = Gauge("adiuva_http_requests_in_flight", "Requests that are being answered")
HTTP_RECEIVED = Counter("adiuva_http_request_body_bytes_total", "Bytes of request bodies that were read", route=None)
HTTP_SENT = Counter("adiuva_http_response_body_bytes_total", "Bytes of response bodies that were sent", route=None)
RATE_LIMIT = Counter(
    "adiuva_rate_limit_decisions_total", "Requests and socket turns at the rate limiter", tier=None, decision=None
)
RATE_LIMIT_ALONE = Counter(
    "adiuva_rate_limit_redis_failures_total", "Times the limiter asked Redis in vain and went on by itself"
)
LOGIN_GUARD = Counter(
    "adiuva_login_guard_decisions_total",
    "Attempts to register or to log in at the guard (unguarded: its cache was away)",
    guard=None,
    decision=None,
)
LOGIN_FAILURES = Counter("adiuva_login_failures_total", "Logins with a wrong password or an unknown address")

# --- conversations ---------------------------------------------------------------------------------------------

SOCKETS_OPEN = Gauge("adiuva_websockets_open", "Open WebSockets")
HANDSHAKES = Counter(
    "adiuva_websocket_handshakes_total", "WebSocket handshakes, by `accepted` or why not", outcome=None
)
TURNS_RUNNING = Gauge("adiuva_chat_turns_running", "Turns being answered, over REST and WebSockets")
TURNS = Counter(
    "adiuva_chat_turns_total",
    "Turns that ended, by `done`, `cancelled` or the code of the problem",
    mode=None,
    outcome=None,
)
TURN_SECONDS = Histogram("adiuva_chat_turn_duration_seconds", "Of whole turns", buckets=_TURN_SECONDS, mode=None)
FIRST_TOKEN_SECONDS = Histogram(
    "adiuva_chat_first_token_seconds", "From the start of a turn to its first words", buckets=_TURN_SECONDS
)
MODEL_CALLS = Counter("adiuva_llm_calls_total", "Calls of language models, whatever became of them", role=None)
MODEL_TOKENS = Counter("adiuva_llm_tokens_total", "Tokens of language models", role=None, direction=None)
MODEL_FAILURES = Counter(
    "adiuva_llm_failures_total", "Failed tries of language models; a turn may outlive some", role=None, kind=None
)
REDACTIONS = Counter("adiuva_sanitizer_redactions_total", "Places that the sanitizer blanked", rule=None)

# --- sealed bytes ----------------------------------------------------------------------------------------------

UPLOADS = Counter("adiuva_uploads_total", "Uploads that were kept", kind=None)
UPLOAD_BYTES = Counter("adiuva_upload_bytes_total", "Bytes of uploads that were kept", kind=None)

# --- money -----------------------------------------------------------------------------------------------------

WEBHOOKS = Counter("adiuva_stripe_webhooks_total", "Deliveries of Stripe's events", type=EVENT_TYPES, outcome=None)

# --- the process -----------------------------------------------------------------------------------------------

LOOP_LAG = Gauge(
    "adiuva_event_loop_lag_seconds",
    "Longest that the event loop came too late within the last half minute, in the worst process",
    across="livemax",
)
POOL = Gauge("adiuva_database_pool_connections", "Connections of the pools to PostgreSQL, by what they do", state=None)
POOL_MAX = Gauge("adiuva_database_pool_max_connections", "How many connections the pools may open")
POOL_WAITING = Gauge("adiuva_database_pool_waiting", "Threads that wait for a connection")
DRAINING = Gauge("adiuva_draining", "1 while the server is stopping", across="livemax")
WORKERS = Gauge("adiuva_workers", "Serving processes")
BUILD = Gauge("adiuva_build_info", "Always 1; what runs is in the labels", across="livemax", version=None, python=None)
SCRAPE_FAILURES = Counter(
    "adiuva_scrape_failures_total", "Values that could not be read when they were asked for", metric=None
)
