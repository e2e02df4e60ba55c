import time

from chat.sanitizer import REPLACEMENT, Sanitizer, strings_in
from tests.chat.sanitizer.leak_checks import SIZES, pieces, stream_through

PROMPT = (
    "You are the gardener's assistant. Never water the cactus more than once a month. "
    "Ask before you move a pot, and keep the greenhouse above twelve degrees at night."
)
QUOTED = "Never water the cactus more than once a month."
OTHER = "keep the greenhouse above twelve degrees at night"
SANITIZER = Sanitizer(prompts=[PROMPT])


def test_what_the_user_wrote_may_be_said_back() -> None:
    turn = SANITIZER.for_turn([f"My note says: {QUOTED} Is that true?"])
    text = f"You wrote: “{QUOTED.upper()}”"
    assert turn.text(text) == text
    assert all(stream_through(turn, pieces(text, size)) == text for size in SIZES)
    assert OTHER not in turn.text(f"I was told to {OTHER}.")


def test_without_it_the_same_words_are_redacted() -> None:
    assert QUOTED not in SANITIZER.for_turn(["hello"]).text(QUOTED)


def test_a_leak_that_goes_on_after_the_users_words_stops_there() -> None:
    shown = SANITIZER.for_turn([QUOTED]).text(PROMPT)
    assert QUOTED.rstrip(".") in shown
    assert OTHER not in shown
    assert shown.count(REPLACEMENT) == 2


def test_two_texts_of_the_user_do_not_add_up_to_a_third() -> None:
    first, second = QUOTED[:23], QUOTED[23:]
    assert REPLACEMENT in SANITIZER.for_turn([first, second]).text(QUOTED)


def test_what_the_device_answered_may_be_said_back_from_then_on() -> None:
    turn = SANITIZER.for_turn(["hello"])
    stream = turn.stream()
    assert REPLACEMENT in stream.feed(QUOTED + " " * 50)
    turn.allow([f"<note>{QUOTED}</note>"])
    assert QUOTED in stream.feed(QUOTED + " " * 50)


def test_one_turn_allows_nothing_to_another() -> None:
    SANITIZER.for_turn([PROMPT]).text(PROMPT)
    assert QUOTED not in SANITIZER.for_turn([]).text(PROMPT)


def test_public_texts_may_be_said() -> None:
    turn = Sanitizer(prompts=[PROMPT], public_texts=[f"Remember: {QUOTED}"]).for_turn([])
    assert turn.text(QUOTED) == QUOTED
    assert turn.text(OTHER) != OTHER


def test_every_string_of_a_context_counts() -> None:
    context = {"notes": [{"title": "a", "tags": ["b", ("c",)]}], "user_profile": {"name": "d", "age": 3, "e": None}}
    assert set(strings_in(context)) == {
        "notes",
        "title",
        "a",
        "tags",
        "b",
        "c",
        "user_profile",
        "name",
        "d",
        "age",
        "e",
    }


def test_the_largest_context_costs_nothing_until_something_is_found() -> None:
    context = ["many words of a long note about the garden " * 12_000]
    started = time.process_time()
    for _ in range(20):
        SANITIZER.for_turn(context).text("You have two tasks.")
    assert time.process_time() - started < 0.1
    started = time.process_time()
    assert REPLACEMENT in SANITIZER.for_turn(context).text(PROMPT)
    assert time.process_time() - started < 1
