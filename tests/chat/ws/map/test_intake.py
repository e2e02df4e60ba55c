"""What a map run asks for, whatever the client does with it."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adiuva.api.errors import ValidationFailed
from chat.ws.map.frames import MAX_NEED, ItemsFrame, MapItem
from chat.ws.map.intake import Intake


def items(first: int, count: int) -> ItemsFrame:
    return ItemsFrame(tuple(MapItem(f"key-{number}", {}) for number in range(first, first + count)))


@given(
    total=st.integers(1, 120),
    limits=st.lists(st.integers(1, 8), min_size=1),
    shares=st.lists(st.floats(0.01, 1), min_size=1),
)
async def test_it_asks_for_each_item_once_and_never_for_many(
    total: int, limits: list[int], shares: list[float]
) -> None:
    """A client that sends some of what it is asked for at a time, and a tier that changes."""
    intake = Intake()
    intake.open(total)
    running = taken = sent = rounds = 0
    while not intake.is_over():
        at_once, share = limits[rounds % len(limits)], shares[rounds % len(shares)]
        rounds += 1
        assert rounds < 2_000, "it has stopped"
        count = intake.count_needed(at_once=at_once, running=running)
        intake.ask(count)
        assert intake.outstanding <= MAX_NEED
        assert sent + intake.outstanding <= total
        assert running + intake.outstanding <= max(2 * max(limits), MAX_NEED)
        arriving = max(1, int(intake.outstanding * share)) if intake.outstanding else 0
        if arriving:
            intake.put(items(sent, arriving))
            sent += arriving
        running = 0 if running >= at_once else running
        while intake.is_waiting and running < at_once:
            intake.pop()
            running += 1
            taken += 1

    assert intake.problem is None
    assert taken == sent == total


@given(asked=st.integers(1, 20), extra=st.integers(1, 5))
async def test_more_than_was_asked_for_is_a_problem(asked: int, extra: int) -> None:
    intake = Intake()
    intake.open(100)
    intake.ask(asked)

    intake.put(items(0, asked + extra))

    assert isinstance(intake.problem, ValidationFailed)
    assert not intake.is_waiting


async def test_what_is_put_back_is_the_next() -> None:
    intake = Intake()
    intake.open(3)
    intake.ask(3)
    intake.put(items(0, 3))
    first = intake.pop()

    intake.put_back(first)

    assert [intake.pop().key for _ in range(3)] == ["key-0", "key-1", "key-2"]


@pytest.mark.parametrize("comes", ["before", "after"])
async def test_nothing_is_begun_after_its_end(comes: str) -> None:
    intake = Intake()
    intake.open(10)
    intake.ask(4)
    if comes == "before":
        intake.put(items(0, 4))
    intake.close()
    if comes == "after":
        intake.put(items(0, 4))

    assert intake.is_over()
    assert not intake.is_waiting
    assert intake.count_needed(at_once=8, running=0) == 0
    assert intake.problem is None


async def test_whoever_waits_is_woken() -> None:
    intake = Intake()
    intake.open(1)
    intake.ask(1)

    intake.put(items(0, 1))

    async with asyncio.timeout(1):
        await intake.wake.wait()
