"""Every REST route there is, as paths that a request can be sent to."""

import re
from collections.abc import Iterable, Iterator

from django.urls import URLPattern, URLResolver

from adiuva import urls

UUID = "00000000-0000-4000-8000-000000000000"
WORDS = {"template_id": "tpl_task_agent_default", "pk": UUID}  # a view may say 404 before 405
WORD = "word"


def routes(patterns: Iterable[URLPattern | URLResolver] = urls.api, prefix: str = "") -> Iterator[str]:
    """Paths below `/api/v1/`, with a UUID (or a word) where the route takes one."""
    for pattern in patterns:
        path = prefix + re.sub(r"<uuid:\w+>", UUID, str(pattern.pattern))
        if isinstance(pattern, URLResolver):
            yield from routes(pattern.url_patterns, path)
        else:
            yield re.sub(r"<(?:\w+:)?(\w+)>", lambda match: WORDS.get(match[1], WORD), path)
