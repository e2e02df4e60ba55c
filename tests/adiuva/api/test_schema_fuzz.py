"""schemathesis over the whole schema: requests that fit it and requests that do not, by nobody, the least and the most.

Each answer must be one that the schema documents (status, media type, body), and never a 5xx. The plain run of these
(marker ``slow``) is the same each time; ``SCHEMA_FUZZ_EXAMPLES=1000`` looks further, with another seed each time.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from billing.tiers import TIERS, Tier
from storage.blobs.factory import get_blob_store
from tests.support.accounts import make_account

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]


class Caller:
    """Somebody of ``tier``, and another one before their window of requests is full."""

    def __init__(self, tier: str) -> None:
        self._tier = tier
        self._left = 0
        self._headers: dict[str, str] = {}

    def headers(self) -> dict[str, str]:
        if not self._tier:
            return {}
        if not self._left:
            self._left = TIERS[Tier(self._tier)].requests_per_minute
            self._headers = {"Authorization": f"Bearer {make_account(tier=self._tier).access_token}"}
        self._left -= 1
        return self._headers


@pytest.fixture(autouse=True)
def _own_blobs(settings: Any, tmp_path: Path) -> Iterator[None]:
    settings.BLOB_DIR = tmp_path / "blobs"
    settings.STRIPE_WEBHOOK_SECRET = "whsec_0123456789abcdef"
    get_blob_store.cache_clear()
    yield
    get_blob_store.cache_clear()


@pytest.mark.parametrize("tier", ["", "free", "team"], ids=lambda tier: tier or "nobody")
def test_every_answer_is_as_documented(tier: str) -> None:
    from tests.adiuva.api.schema_fuzz import undocumented_answers

    failures = undocumented_answers(Caller(tier).headers)
    assert not failures, "\n\n".join(f"{label}\n{text}" for label, text in failures.items())
