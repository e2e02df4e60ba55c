"""What an operator can get wrong about the vector store (what Pinecone needs: ``storage.checks``)."""

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Warning, register  # noqa: A004

from storage.vector_store import uses_local_engine


@register
def local_engine_serves_one_process(**_: Any) -> list[CheckMessage]:
    if settings.SERVE_PROCESSES == 1 or not uses_local_engine():
        return []
    return [
        Warning(
            "WEB_CONCURRENCY is more than 1, but vectors are in Qdrant's local engine, which serves one process: the "
            "others answer 503 for vectors, and account erasures wait.",
            hint="Set QDRANT_URL or PINECONE_API_KEY, or WEB_CONCURRENCY=1.",
            id="storage.W004",
        )
    ]
