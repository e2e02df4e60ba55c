"""The golden set on the offline model, in CI: what it gets right today stays right.

Measured on 22 November 2026 over 230 cases: routing 0.991, precision 1.000, recall 0.956; passed 0.957 (English 0.948,
German 0.940, Italian 0.985). The rules and most of the set were written by the same hands, so the figures say how much
has been kept, not how well strangers are understood: of the 30 cases "in a hurry", which came after the rules, 6 were
right at first.
"""

from typing import Any

import pytest

from tests.eval.golden import cases
from tests.eval.report import lines
from tests.eval.runner import evaluate

FLOORS = {"routing": 0.98, "precision": 0.99, "recall": 0.94, "pass_rate": 0.94}
FLOOR_OF_EACH_LANGUAGE = 0.92
FLOOR_OF_EACH_AGENT = 0.92


@pytest.mark.slow
async def test_the_offline_model_keeps_what_it_understands(settings: Any, capsys: pytest.CaptureFixture[str]) -> None:
    settings.LLM_MODEL = settings.LLM_ROUTER_MODEL = "offline/adiuva"
    settings.LLM_FALLBACK_MODEL = ""
    settings.LLM_TIMEOUT_SECONDS = 60.0

    scores = await evaluate(cases())

    text = "\n".join(lines(scores, settings.LLM_MODEL))
    with capsys.disabled():
        print(f"\n{text}")  # noqa: T201 - the figure belongs in CI's log
    figures = {name: getattr(scores.overall, name) for name in FLOORS}
    assert {name: value for name, value in figures.items() if value < FLOORS[name]} == {}, text
    assert min(tally.pass_rate for tally in scores.languages.values()) >= FLOOR_OF_EACH_LANGUAGE, text
    assert min(tally.pass_rate for tally in scores.agents.values()) >= FLOOR_OF_EACH_AGENT, text
    # A wrong action is worse than a question.
    assert scores.overall.wrong <= 1, text
