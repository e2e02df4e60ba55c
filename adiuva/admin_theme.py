"""What every page of the admin is told on top of unfold's own."""

from typing import Any

from django.http import HttpRequest


def context(request: HttpRequest) -> dict[str, Any]:  # noqa: ARG001 - unfold's signature
    """No colours in the page itself: the content policy refuses a style there. They are in ``adiuva/theme.css``."""
    return {"colors": None}
