"""Replies put together from the pieces that providers make of them."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.llm.assembly import MAX_NODES, ReplyAssembler, ReplyTooLongError
from agents.llm.port import Reply, Usage


def assemble(*pieces: dict[str, Any]) -> list[tuple[str, str, str]]:
    assembler = ReplyAssembler()
    for piece in pieces:
        assembler.add_call_pieces([piece])
    return [(call.id, call.name, call.arguments) for call in finish(assembler).calls]


def finish(assembler: ReplyAssembler) -> Reply:
    return assembler.finish("openai/x", Usage(), "stop")


MILK, BREAD = '{"title": "Milk"}', '{"title": "Bread"}'


@pytest.mark.parametrize("index", [{}, {"index": 0}, {"index": None}])
@pytest.mark.parametrize("names", [("create_task", "create_task"), ("create_task", "create_note")])
def test_whole_calls_under_one_index_and_without_ids_stay_apart(index: dict[str, Any], names: tuple[str, str]) -> None:
    pieces = ({"id": "", "name": name, "args": args} | index for name, args in zip(names, (MILK, BREAD), strict=True))
    assert assemble(*pieces) == [("", names[0], MILK), ("", names[1], BREAD)]


def test_a_new_name_begins_a_call_also_while_the_one_before_is_cut_short() -> None:
    pieces = ({"name": "create_task", "args": '{"tit', "index": 0}, {"name": "create_note", "args": BREAD, "index": 0})
    assert assemble(*pieces) == [("", "create_task", '{"tit'), ("", "create_note", BREAD)]


def test_a_new_id_alone_begins_no_call() -> None:
    pieces = [{"id": f"made_up_{number}", "args": MILK[number], "index": 0} for number in range(1, len(MILK))]
    begun = {"id": "a", "name": "create_task", "args": MILK[0], "index": 0}
    assert assemble(begun, *pieces) == [("a", "create_task", MILK)]


def test_a_name_repeated_in_each_piece_is_one_call() -> None:
    pieces = [{"id": "a", "name": "create_task", "args": part, "index": 0} for part in MILK]
    assert assemble(*pieces) == [("a", "create_task", MILK)]


def test_a_last_piece_with_name_and_id_but_nothing_else_begins_no_call() -> None:
    whole = {"id": "a", "name": "create_task", "args": MILK, "index": 0}
    assert assemble(whole, whole | {"args": ""}) == [("a", "create_task", MILK)]
    assert assemble(whole, whole) == [("a", "create_task", MILK)], "nor does the same call once more"


def test_long_arguments_under_a_repeated_name_are_read_once() -> None:
    text = json.dumps({"title": "x" * 400_000})
    pieces = [{"name": "create_task", "args": text[at : at + 4], "index": 0} for at in range(0, len(text), 4)]
    assert assemble(*pieces) == [("", "create_task", text)]


def test_interleaved_calls_keep_to_their_indexes() -> None:
    begun = [{"id": name, "name": name, "args": "", "index": index} for index, name in enumerate(("a", "b"))]
    pairs = zip(MILK, BREAD, strict=False)
    pieces = [{"args": part, "index": index} for pair in pairs for index, part in enumerate(pair)]
    rest = {"args": BREAD[len(MILK) :], "index": 1}
    assert assemble(*begun, *pieces, rest) == [("a", "a", MILK), ("b", "b", BREAD)]


def test_arguments_that_come_as_an_object_are_its_json() -> None:
    assert assemble({"name": "create_task", "args": {"title": "Milk"}}) == [("", "create_task", MILK)]


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=30), st.data())
def test_text_cut_anywhere_in_utf16_arrives_as_it_was(text: str, data: st.DataObject) -> None:
    """JSON writes an emoji as two escapes, between which some providers cut."""
    units = text.encode("utf-16-le", "surrogatepass")
    halves = [units[start : start + 2].decode("utf-16-le", "surrogatepass") for start in range(0, len(units), 2)]
    assembler = ReplyAssembler()
    shown = ""
    while halves:
        count = data.draw(st.integers(1, len(halves)))
        shown += assembler.add_text("".join(halves[:count]))
        shown.encode()
        halves = halves[count:]
    assert shown + assembler.end_text() == text
    assert finish(assembler).text == text


@pytest.mark.thorough
@given(st.lists(st.text(st.characters(categories=["Cs", "Lu"]), max_size=5), max_size=6))
def test_whatever_comes_can_be_sent_on(pieces: list[str]) -> None:
    assembler = ReplyAssembler()
    for piece in pieces:
        assembler.add_text(piece).encode()
        assembler.add_call_pieces([{"name": "x", "args": piece}])
    assembler.end_text().encode()
    reply = finish(assembler)
    json.dumps([reply.text, [call.arguments for call in reply.calls]], ensure_ascii=False).encode()


def test_thinking_is_put_together_up_to_its_signature() -> None:
    assembler = ReplyAssembler()
    for block in (
        {"type": "thinking", "thinking": "Let me ", "signature": None},
        {"type": "thinking", "thinking": "see.", "signature": None},
        {"type": "thinking", "thinking": "", "signature": "c2ln"},
        {"type": "redacted_thinking", "data": "eHg="},
        {"type": "thinking", "thinking": "Again.", "signature": "bmV3"},
    ):
        assembler.add_state({"thinking_blocks": [block]})
    assert finish(assembler).state["thinking_blocks"] == [
        {"type": "thinking", "thinking": "Let me see.", "signature": "c2ln"},
        {"type": "redacted_thinking", "data": "eHg="},
        {"type": "thinking", "thinking": "Again.", "signature": "bmV3"},
    ]


@pytest.mark.parametrize("field", ["reasoning_details", "thinking_blocks", "extra"])
def test_what_is_kept_as_it_is_is_bounded_by_what_it_takes_in_memory(field: str) -> None:
    """Each empty object is two characters, and 64 bytes."""
    many: list[Any] = [{} for _ in range(MAX_NODES // 2)]

    def add(assembler: ReplyAssembler) -> None:
        match field:
            case "reasoning_details":
                assembler.add_state({field: many})
            case "thinking_blocks":
                assembler.add_state({field: [{"type": "thinking", "thinking": "x", "more": many}]})
            case _:
                assembler.add_call_pieces([{"name": "create_task", "extra": {"more": many}}])

    assembler = ReplyAssembler()
    add(assembler)
    with pytest.raises(ReplyTooLongError):
        add(assembler)
