"""What every implementation of the port does: the local engine, and both adapters against their loopback servers."""

import math
import random
from uuid import UUID, uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from storage.vectors.port import MAX_DIMENSION, Point, VectorStore, normalise

EAST, NORTH, NORTH_EAST, WEST = [1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [1.0, 1.0, 0.0], [-1.0, 0.0, 0.0]


def ids_of(hits: list[tuple[UUID, float]]) -> list[UUID]:
    return [vector_id for vector_id, _ in hits]


def test_nothing_is_found_where_nothing_was_written(store: VectorStore) -> None:
    assert store.search(uuid4(), EAST, 10) == []


def test_the_nearest_come_first_with_their_cosine(store: VectorStore) -> None:
    user, east, north_east, north, west = (uuid4() for _ in range(5))
    points = [Point(west, WEST), Point(north, NORTH), Point(north_east, NORTH_EAST), Point(east, [5.0, 0.0, 0.0])]
    store.upsert(user, points)
    hits = store.search(user, [7.0, 0.0, 0.0], 10)
    assert ids_of(hits) == [east, north_east, north, west]
    assert [score for _, score in hits] == pytest.approx([1, math.sqrt(0.5), 0, -1], abs=1e-5)


def test_no_more_are_given_than_asked_for(store: VectorStore) -> None:
    user = uuid4()
    store.upsert(user, [Point(uuid4(), [1.0, n / 10, 0.0]) for n in range(9)])
    assert len(store.search(user, EAST, 4)) == 4
    assert len(store.search(user, EAST, 100)) == 9


def test_equal_scores_are_ordered_by_id(store: VectorStore) -> None:
    user = uuid4()
    keys = [uuid4() for _ in range(12)]
    store.upsert(user, [Point(key, [0.3 * (n + 1), 0.2 * (n + 1), 0.1 * (n + 1)]) for n, key in enumerate(keys)])
    hits = store.search(user, [0.3, 0.2, 0.1], 12)
    assert {score for _, score in hits} == {1.0}
    assert ids_of(hits) == sorted(keys)


def test_a_second_upsert_of_an_id_replaces_the_first(store: VectorStore) -> None:
    user, key = uuid4(), uuid4()
    store.upsert(user, [Point(key, EAST)])
    store.upsert(user, [Point(key, NORTH)])
    assert store.search(user, NORTH, 10) == [(key, 1.0)]


def test_what_was_deleted_is_not_found(store: VectorStore) -> None:
    user, gone, kept = uuid4(), uuid4(), uuid4()
    store.upsert(user, [Point(gone, EAST), Point(kept, EAST)])
    store.delete(user, [gone, uuid4()], dimension=3)
    assert ids_of(store.search(user, EAST, 10)) == [kept]


def test_deleting_what_never_was_is_no_error(store: VectorStore) -> None:
    store.delete(uuid4(), [uuid4()], dimension=3)
    store.upsert(uuid4(), [Point(uuid4(), EAST)])
    store.delete(uuid4(), [uuid4()], dimension=3)


def test_nothing_to_do_is_no_error(store: VectorStore) -> None:
    store.upsert(uuid4(), [])
    store.delete(uuid4(), [], dimension=3)


def test_users_do_not_meet_though_their_ids_are_the_same(store: VectorStore) -> None:
    ada, bob, key, bobs = uuid4(), uuid4(), uuid4(), uuid4()
    store.upsert(ada, [Point(key, EAST)])
    store.upsert(bob, [Point(key, NORTH), Point(bobs, EAST)])
    assert store.search(ada, EAST, 10) == [(key, 1.0)]
    assert store.search(bob, NORTH, 10) == [(key, 1.0), (bobs, 0.0)]
    store.delete(bob, [key, bobs], dimension=3)
    assert store.search(bob, NORTH, 10) == []
    assert store.search(ada, EAST, 10) == [(key, 1.0)]


def test_an_erasure_takes_every_dimension_of_one_user(store: VectorStore) -> None:
    ada, bob, key = uuid4(), uuid4(), uuid4()
    for user in (ada, bob):
        store.upsert(user, [Point(key, EAST)])
        store.upsert(user, [Point(uuid4(), [0.5] * 32)])
    store.erase(ada)
    store.erase(ada)
    assert store.search(ada, EAST, 10) == store.search(ada, [0.5] * 32, 10) == []
    assert key in ids_of(store.search(bob, EAST, 10))
    assert len(store.search(bob, [0.5] * 32, 10)) >= 1


def test_an_erasure_of_who_never_wrote_is_no_error(store: VectorStore) -> None:
    store.erase(uuid4())


def test_five_hundred_vectors_go_in_one_call(store: VectorStore) -> None:
    user = uuid4()
    noise = random.Random(1)  # noqa: S311 - any directions
    points = [Point(uuid4(), [noise.gauss(0, 1) for _ in range(32)]) for _ in range(500)]
    store.upsert(user, points)
    assert len(store.search(user, [1.0] * 32, 500)) == 500
    for point in points[:3]:
        assert store.search(user, point.vector, 1) == [(point.id, 1.0)]


@pytest.mark.parametrize("size", [1e300, 1e-300, 5e-324, 1e38])
def test_lengths_that_no_32_bit_float_holds_keep_their_direction(store: VectorStore, size: float) -> None:
    user, key = uuid4(), uuid4()
    store.upsert(user, [Point(key, [size, size, 0.0])])
    ((found, score),) = store.search(user, NORTH_EAST, 1)
    assert found == key
    assert score == pytest.approx(1.0, abs=1e-5)


def test_a_check_passes(store: VectorStore) -> None:
    store.check()


def test_it_says_how_long_a_vector_may_be(store: VectorStore, request: pytest.FixtureRequest) -> None:
    is_pinecone = request.node.callspec.params["store"] == "pinecone_index"
    assert store.largest_dimension() == (64 if is_pinecone else MAX_DIMENSION)


finite = st.floats(allow_nan=False, allow_infinity=False)
vectors = st.lists(finite, min_size=1, max_size=40).filter(any)


@given(vectors)
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.filter_too_much])
def test_every_vector_with_a_direction_has_length_one_afterwards(vector: list[float]) -> None:
    unit = normalise(vector)
    assert math.hypot(*unit) == pytest.approx(1)
    assert all(one * other >= 0 for one, other in zip(vector, unit, strict=True))
