"""Questions of the offline model as Batch Builder, and what the answers to them change."""

from typing import Any

import pytest

from agents.llm import factory as models
from chat.sanitizer import protected_texts
from tests.chat.batch_builder.answers import build
from tests.support.accounts import Account
from tests.support.client import ApiClient

WEBSITE = "0b7cd3f4-0000-4000-8000-00000000000a"
CONTEXT = {
    "projects": [
        {"id": WEBSITE, "name": "Website", "status": "active"},
        {"id": "0b7cd3f4-0000-4000-8000-00000000000b", "name": "Garden", "status": "active"},
    ]
}


@pytest.fixture(autouse=True)
def _offline(settings: Any) -> None:
    models.preload()
    protected_texts.preload()
    settings.LLM_MODEL = settings.LLM_ROUTER_MODEL = "offline/adiuva"
    settings.LLM_FALLBACK_MODEL = ""


@pytest.mark.thorough
def test_a_day_that_was_asked_for_completes_the_batch(api: ApiClient, pro: Account) -> None:
    asked = build(api, pro, "every week summarise my notes").json
    assert asked["questions"] == ["On which day of the week shall it run?"]

    answered = build(api, pro, "on Friday", spec=asked["spec"]).json

    assert answered["questions"] == []
    assert answered["spec"]["trigger"]["rrule"] == "FREQ=WEEKLY;BYDAY=FR"
    assert {**answered["spec"], "trigger": None} == {**asked["spec"], "trigger": None}


@pytest.mark.thorough
def test_a_project_that_was_asked_for_completes_the_batch(api: ApiClient, pro: Account) -> None:
    asked = build(api, pro, "every Monday at 9 prioritise the tasks of the Zebra project", context=CONTEXT).json
    assert asked["questions"] == ["Which project do you mean by “Zebra”? There are “Website” and “Garden”."]

    answered = build(api, pro, "Website", spec=asked["spec"], context=CONTEXT).json

    assert answered["questions"] == []
    assert {"field": "project_id", "op": "eq", "value": WEBSITE} in answered["spec"]["selection"]["where"]
    assert answered["spec"]["trigger"] == asked["spec"]["trigger"]


@pytest.mark.parametrize(
    ("message", "words"),
    [
        ("Schicke jeden Freitag eine E-Mail an meinen Chef", "kann ein Ablauf nicht"),
        ("Ogni venerdì manda un'e-mail al mio capo", "non è possibile"),
    ],
)
def test_a_refusal_is_in_the_users_language(api: ApiClient, pro: Account, message: str, words: str) -> None:
    refused = build(api, pro, message)

    assert (refused.status, refused.code) == (422, "not_buildable")
    assert words in refused.json["reason"]
