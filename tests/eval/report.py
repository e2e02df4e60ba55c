"""The figures as a table, and the cases that failed."""

from collections.abc import Iterator

from tests.eval.scoring import Scores, Tally, Verdict

_HEAD = f"{'':<18}{'cases':>6}{'passed':>8}{'routing':>9}{'precision':>11}{'recall':>8}"


def lines(scores: Scores, model: str) -> Iterator[str]:
    yield f"{model}: {scores.overall.passed} of {scores.overall.cases} cases passed"
    yield ""
    yield _HEAD
    yield _row("all", scores.overall)
    for name, tally in (*scores.languages.items(), *scores.agents.items()):
        yield _row(name, tally)
    if scores.failed:
        yield ""
        yield "Failed:"
    for verdict in scores.failed:
        yield from _failure(verdict)


def _row(name: str, tally: Tally) -> str:
    shares = f"{tally.routing:>9.3f}{tally.precision:>11.3f}{tally.recall:>8.3f}"
    return f"{name:<18}{tally.cases:>6}{tally.pass_rate:>8.3f}{shares}"


def _failure(verdict: Verdict) -> Iterator[str]:
    yield f"- [{verdict.case.language}] {verdict.case.say!r}"
    if verdict.answer.problem:
        yield f"    ended with {verdict.answer.problem}"
    if not verdict.routed:
        yield f"    agents {', '.join(verdict.answer.agents) or 'none'} instead of {', '.join(verdict.case.agents)}"
    for expected in verdict.case.do:
        if expected.tool in verdict.missing:
            yield f"    wanted {expected.tool} {dict(expected.fields)}"
    if verdict.missing or verdict.wrong:
        made = [f"{action.name} {action.record_id or ''} {action.data}" for action in verdict.answer.actions]
        yield f"    made {'; '.join(made) or 'nothing'}"
    if not verdict.asked:
        yield f"    did not ask: {verdict.answer.response!r}"
