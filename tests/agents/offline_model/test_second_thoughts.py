"""What is taken back in the next sentence is not done; what is only added to it is."""

import pytest

from tests.agents.offline_model.conversation import put


@pytest.mark.parametrize(
    "text",
    [
        "Delete Pay rent. No wait, don't.",
        "Delete Pay rent. Never mind!",
        "Delete Pay rent. No, don't delete Pay rent.",
        "Delete the note Pasta. Just kidding.",
        "Delete all done tasks. Oh no, wait.",
        "archive the Website project. Actually no.",
        "Create a task to call Eva. On second thought, no.",
        "Mark Pay rent as done. I changed my mind.",
        "Lösche Pay rent. Nein, doch nicht.",
        "Lösche Pay rent. War nur Spaß!",
        "Elimina Pay rent. No, aspetta.",
        "Elimina Pay rent. Come non detto.",
    ],
)
def test_what_is_taken_back_is_not_done(text: str) -> None:
    calls = put(text)
    assert calls.deeds == {}
    assert calls.text in (
        "All right, I leave that as it is.",
        "Gut, dann lasse ich das, wie es ist.",
        "Va bene, lascio tutto com’è.",
    )


@pytest.mark.parametrize(
    ("text", "deeds"),
    [
        ("Delete Pay rent. No wait, delete Buy milk.", {"delete_task": {"Buy milk"}}),
        ("Delete Pay rent. I don't need it anymore.", {"delete_task": {"Pay rent"}}),
        ("Delete Pay rent. Thanks!", {"delete_task": {"Pay rent"}}),
        ("Delete Pay rent. Wait, don't let me forget to swim.", {"delete_task": {"Pay rent"}}),
        ("No, delete Pay rent.", {"delete_task": {"Pay rent"}}),
    ],
)
def test_what_is_still_wanted_is_done(text: str, deeds: dict[str, set[str]]) -> None:
    assert put(text).deeds == deeds
