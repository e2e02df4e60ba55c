"""Whatever two users do, with the store failing now and then: rows, counters and what is found agree with a model."""

import contextlib
from collections.abc import Callable
from dataclasses import dataclass, field
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from adiuva.api.errors import Problem, QuotaExceeded, UpstreamError, ValidationFailed
from storage.checksums import checksum_of
from storage.models import StorageUsage, StoredVector
from storage.vectors.search import NewVector, delete_vectors, erase_vectors, search_vectors, upsert_vectors
from tests.fakes.http_store import HttpStore
from tests.support.accounts import Account, make_account

LIMIT = 40
IDS = [UUID(int=n) for n in range(5)]  # both users have the same

blobs = st.binary(min_size=1, max_size=12)
floats = st.lists(st.integers(-3, 3).map(float), min_size=2, max_size=3).filter(any)
upserts = st.tuples(st.just("upsert"), st.dictionaries(st.sampled_from(IDS), st.tuples(blobs, floats), max_size=4))
deletions = st.tuples(st.just("delete"), st.lists(st.sampled_from(IDS), max_size=4))
erasures = st.tuples(st.just("erase"), st.none())
operations = st.lists(
    st.tuples(
        st.integers(0, 1), st.one_of(upserts, upserts, deletions, erasures), st.sampled_from([False] * 4 + [True])
    ),
    max_size=14,
)


@dataclass
class Model:
    """What one user has: blob and vector by id. ``unsure``: a failed call may have changed where these are found."""

    account: Account
    stored: dict[UUID, tuple[bytes, list[float]]] = field(default_factory=dict)
    unsure: set[UUID] = field(default_factory=set)

    @property
    def user_id(self) -> UUID:
        return self.account.user.id

    @property
    def dimension(self) -> int | None:
        return next((len(vector) for _, vector in self.stored.values()), None)

    def size(self) -> int:
        return sum(len(blob) for blob, _ in self.stored.values())

    def refusal_of(self, items: dict[UUID, tuple[bytes, list[float]]]) -> type[Problem] | None:
        dimensions = {len(vector) for _, vector in items.values()}
        if items and len(dimensions | ({self.dimension} - {None})) > 1:
            return ValidationFailed
        replaced = sum(len(self.stored[key][0]) for key in items if key in self.stored)
        added = sum(len(blob) for blob, _ in items.values())
        grows = added > replaced and self.size() - replaced + added > LIMIT
        return QuotaExceeded if grows else None

    def upsert(self, items: dict[UUID, tuple[bytes, list[float]]]) -> None:
        new = [
            NewVector(id=key, blob=blob, checksum=checksum_of(blob), vector=vector, field=f"vectors.{number}")
            for number, (key, (blob, vector)) in enumerate(items.items())
        ]
        self.expecting(self.refusal_of(items), lambda: upsert_vectors(user_id=self.user_id, vectors=new), set(items))
        self.stored |= items
        self.unsure -= set(items)

    def delete(self, ids: list[UUID]) -> None:
        known = set(ids) & set(self.stored)
        deleted = self.expecting(None, lambda: delete_vectors(user_id=self.user_id, ids=ids), known)
        assert deleted == len(known)
        self.stored = {key: value for key, value in self.stored.items() if key not in known}

    def erase(self, _: None) -> None:
        self.expecting(None, lambda: erase_vectors(self.user_id), set(self.stored))
        self.stored.clear()

    def expecting(self, refusal: type[Problem] | None, work: Callable[[], object], touched: set[UUID]) -> object:
        """What ``work`` returns; raises the expected refusal itself, and notes what a failure leaves open."""
        try:
            result = work()
        except UpstreamError:
            self.unsure |= touched
            raise
        assert refusal is None
        return result

    def check(self) -> None:
        rows = StoredVector.objects.for_user(self.user_id)
        assert {row.id: bytes(row.blob) for row in rows} == {key: blob for key, (blob, _) in self.stored.items()}
        usage = StorageUsage.objects.get(user_id=self.user_id)
        assert (usage.storage_bytes, usage.vector_dimension) == (self.size(), self.dimension)
        for key, (blob, vector) in self.stored.items():
            hits = {hit.id: hit for hit in search_vectors(user_id=self.user_id, vector=vector, top_k=100, field="v")}
            assert hits.keys() | self.unsure >= self.stored.keys() >= hits.keys()
            if key not in self.unsure:
                assert hits[key].blob == blob
                assert hits[key].score == pytest.approx(1, abs=1e-5)


@pytest.mark.thorough
@pytest.mark.django_db(transaction=True)
@given(operations)
@settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
def test_rows_counters_and_what_is_found_agree(
    remote: HttpStore, work: list[tuple[int, tuple[str, object], bool]]
) -> None:
    users = [Model(make_account(tier="pro")) for _ in range(2)]
    for user in users:
        StorageUsage.objects.create(user_id=user.user_id, storage_limit_bytes=LIMIT)
    for number, (name, argument), fails in work:
        remote.fail("reset" if fails else None)
        refusal = users[number].refusal_of(argument) if isinstance(argument, dict) else None
        with contextlib.suppress(*([refusal] if refusal else []), *([UpstreamError] if fails else [])):
            getattr(users[number], name)(argument)
        remote.fail(None)
        for user in users:
            user.check()
