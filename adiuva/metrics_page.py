"""`GET /metrics`, for Prometheus and whatever else speaks its formats; there only where ``METRICS_TOKEN`` is set."""

import hmac

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from adiuva.http import instruments
from adiuva.http.handler import problem_response
from adiuva.http.problems import InvalidToken, MethodNotAllowed, NotAuthenticated

OPEN_METRICS = "application/openmetrics-text"


def metrics_page(request: HttpRequest) -> HttpResponse:
    """Not rate limited: who has the token is the operator. Values that need the database are some seconds old."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer":
        return problem_response(NotAuthenticated("The metrics need their own token: Authorization: Bearer <token>."))
    if not hmac.compare_digest(token.strip().encode(), settings.METRICS_TOKEN.encode()):
        return problem_response(InvalidToken("This is not the token of the metrics."))
    if request.method not in {"GET", "HEAD"}:
        return problem_response(MethodNotAllowed(headers={"Allow": "GET, HEAD"}))
    body, content_type = exposition(request.headers.get("Accept", ""))
    return HttpResponse(body, content_type=content_type, headers={"Cache-Control": "no-store"})


def exposition(accept: str) -> tuple[bytes, str]:
    """Everything measured, in OpenMetrics where ``accept`` names it, else in Prometheus' own text; its content type."""
    from prometheus_client.exposition import choose_encoder

    # The library puts parameters of the header into its answer: it is told no more than which of the two.
    encode, content_type = choose_encoder(f"{OPEN_METRICS}; version=1.0.0" if OPEN_METRICS in accept else "")
    return encode(instruments.start()), content_type
