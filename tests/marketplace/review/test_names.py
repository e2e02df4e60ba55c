"""Which names are flagged, and which are not; the same table read from both sides."""

import string
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accounts.models import User
from marketplace.models import Plugin
from marketplace.review.names import CLAIMS, OURS, SERVICES, Known, distance, flag_names, flags_of
from tests.marketplace.review.submissions import publish, submit

OTHERS = [Known("GitHub Sync", "github-sync"), Known("Time Tracker", "time-tracker"), Known("Notes", "notes")]
CYRILLIC_I, ZERO_WIDTH = "\u0456", "\u200b"


def told(*names: str) -> str:
    return "\n".join(flag.reason for flag in flag_names(names, others=OTHERS))


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("GitHub Sync Pro", "Contains the plugin “GitHub Sync”."),
        ("GitHub Issues", "Contains the service “GitHub”."),
        ("git-hub issues", "Contains the service “GitHub”."),
        ("myGithub", "Contains the service “GitHub”."),
        (f"Git{ZERO_WIDTH}Hub tools", "Contains the service “GitHub”."),
        (f"G{CYRILLIC_I}tHub tools", "Contains a lookalike of the service “GitHub”."),
        ("GitHubs", "Is close to the service “GitHub”."),
        ("Githob tools", "Contains something close to the service “GitHub”."),
        ("Sl4ck", "Looks like the service “Slack”."),
        ("Slack", "Is the name of the service “Slack”."),
        ("ChatGTP notes", "Contains something close to the service “ChatGPT”."),
        ("Word Count (Official)", "“official” claims an approval that only Adiuva could give."),
        ("VERIFIED Notes", "“verified” claims"),
        ("Geprüfte Notizen, geprüft", "“geprüft” claims"),
        ("Adiuva Calendar", "Contains Adiuva’s own name."),
        ("Adiva", "Is close to Adiuva’s own name."),
        ("Time-Trackers", "Is close to the plugin “Time Tracker”."),
        ("Tirne Tracker", "Looks like the plugin “Time Tracker”."),
        ("Tyme Trucker", "Is close to the plugin “Time Tracker”."),
        ("Notes", "Is the name of the plugin “Notes”."),
    ],
)
def test_what_could_be_taken_for_another_is_flagged(name: str, reason: str) -> None:
    assert reason in told(name)


@pytest.mark.parametrize(
    "name",
    [
        "Tidy", "Meeting notes", "Slacker", "Focus Timer", "Action list", "Habit Tracker", "Applied time", "Claudia",
        "Officer duties", "Time", "Tracker", "Mirror", "Zoologist", "Weather", "Unverifiable claims", "", "…",
    ],
)  # fmt: skip
def test_an_ordinary_name_is_not(name: str) -> None:
    assert told(name) == ""


def test_a_plugins_id_is_a_name_too_and_each_thing_is_told_once() -> None:
    [flag] = flag_names(["Stars", "github-stars"])
    assert flag.reason == "Contains the service “GitHub”."
    assert told("GitHub Stars", "github-stars").count("GitHub") == 1


words = st.text(string.ascii_lowercase, min_size=1, max_size=12)


@given(brand=st.sampled_from([OURS, *SERVICES]), before=words, after=words)
def test_every_known_name_is_found_among_other_words(brand: str, before: str, after: str) -> None:
    assert brand in told(f"{before} {brand} {after}").replace("Adiuva’s", OURS)


@given(claim=st.sampled_from(sorted(CLAIMS)), rest=words)
def test_every_claim_is_found_in_any_case(claim: str, rest: str) -> None:
    assert "claims an approval" in told(f"{rest} ({claim.upper()})")


@given(st.text(max_size=80))
def test_no_name_is_too_strange(name: str) -> None:
    assert all(flag.reason.endswith(".") for flag in flag_names([name], others=OTHERS))


@given(one=words, other=words)
def test_a_distance_is_the_same_from_both_sides_and_bounded(one: str, other: str) -> None:
    exact = distance(one, other, at_most=20)
    assert exact == distance(other, one, at_most=20) <= max(len(one), len(other))
    assert (exact == 0) == (one == other)
    assert min(distance(one, other, at_most=2), 3) == min(exact, 3)


@pytest.mark.django_db
def test_a_submission_is_compared_with_what_is_live_and_not_its_authors(
    reviewer: User, author: User, make_user: Any
) -> None:
    publish(reviewer, "focus-timer", author=make_user().user)
    publish(reviewer, "habit-garden", author=author)
    hidden = publish(reviewer, "word-garden", author=make_user().user)
    Plugin.objects.filter(pk=hidden.pk).update(status="withdrawn")
    version = submit("helper", author=author, name="Focus Timers, Habit Gardens and a Word Garden")
    assert [flag.slug for flag in flags_of(version)] == ["focus-timer"]
