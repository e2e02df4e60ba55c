"""Pages of our own outside ``/api/``: the one design they share (``pages/base.html``, light and dark), what they may
load, and whether a button that was pressed is one of ours.
"""

from typing import Any, Final

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

CONTENT_SECURITY_POLICY: Final = (
    "default-src 'none'; style-src 'self'; img-src data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
_OUR_OWN: Final = {"same-origin", "none"}  # values of Sec-Fetch-Site


def page(
    request: HttpRequest,
    template: str,
    context: dict[str, Any],
    *,
    status: int = 200,
    policy: str = CONTENT_SECURITY_POLICY,
) -> HttpResponse:
    """``context`` has the ``title``, and a ``language`` where that is not English."""
    response = render(request, template, context, status=status)
    response.headers["Content-Security-Policy"] = policy
    return response


def message(
    request: HttpRequest, title: str, text: str, *, is_good: bool = False, status: int = 200, **context: Any
) -> HttpResponse:
    """``context``: ``language``; ``link`` with ``link_text``, where there is a way on."""
    return page(
        request, "pages/message.html", {"title": title, "text": text, "is_good": is_good, **context}, status=status
    )


def is_from_here(request: HttpRequest, *, sends_referrer: bool = True) -> bool:
    """Fetch metadata and Origin where the browser sends them; only an unguessable address otherwise.

    ``sends_referrer``: False for a page with the Referrer-Policy ``no-referrer``, whose forms have the Origin ``null``
    (Fetch § 3.2), as those of nobody have.
    """
    origin = request.headers.get("Origin")
    ours = {
        None,
        settings.PUBLIC_URL,
        f"{request.scheme}://{request.get_host()}",
        *([] if sends_referrer else ["null"]),
    }
    return request.headers.get("Sec-Fetch-Site", "none") in _OUR_OWN and origin in ours
