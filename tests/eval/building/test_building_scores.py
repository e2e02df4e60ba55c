"""The sentences for the Batch Builder on the offline model, in CI: what it builds today it keeps building.

Measured on 29 November 2026 over 107 sentences. The rules and the sentences were written by the same hands, so the
figures say how much has been kept, not how well strangers are understood.
"""

from typing import Any

import pytest

from tests.eval.building.golden import cases
from tests.eval.building.report import lines
from tests.eval.building.runner import evaluate

FLOORS = {"english": 0.98, "german": 0.95, "italian": 0.95}


@pytest.mark.slow
async def test_the_offline_model_keeps_what_it_builds(settings: Any, capsys: pytest.CaptureFixture[str]) -> None:
    settings.LLM_MODEL = settings.LLM_ROUTER_MODEL = "offline/adiuva"
    settings.LLM_FALLBACK_MODEL = ""
    settings.LLM_TIMEOUT_SECONDS = 60.0

    scores = await evaluate([case for case in cases() if case.language in FLOORS])

    text = "\n".join(lines(scores, settings.LLM_MODEL))
    with capsys.disabled():
        print(f"\n{text}")  # noqa: T201 - the figure belongs in CI's log
    rates = {language: tally.pass_rate for language, tally in scores.languages.items()}
    assert {language: rate for language, rate in rates.items() if rate < FLOORS[language]} == {}, text
