"""The figures as a table, and the sentences that failed."""

from collections.abc import Iterator

from tests.eval.building.scoring import DIMENSIONS, Scores, Tally, Verdict

_HEAD = f"{'':<18}{'cases':>6}{'passed':>8}" + "".join(f"{name:>11}" for name in DIMENSIONS)


def lines(scores: Scores, model: str) -> Iterator[str]:
    yield f"{model}: {scores.overall.passed} of {scores.overall.cases} batches built as they should be"
    yield ""
    yield _HEAD
    yield _row("all", scores.overall)
    for name, tally in scores.languages.items():
        yield _row(name, tally)
    if scores.failed:
        yield ""
        yield "Failed:"
    for verdict in scores.failed:
        yield from _failure(verdict)


def _row(name: str, tally: Tally) -> str:
    shares = (tally.share(dimension) for dimension in DIMENSIONS)
    return f"{name:<18}{tally.cases:>6}{tally.pass_rate:>8.3f}" + "".join(
        f"{'-':>11}" if share is None else f"{share:>11.3f}" for share in shares
    )


def _failure(verdict: Verdict) -> Iterator[str]:
    answer = verdict.answer
    yield f"- [{verdict.case.language}] {verdict.case.say!r}"
    if answer.problem:
        yield f"    ended with {answer.problem}"
        return
    wrong = [name for name, is_right in verdict.right.items() if not is_right]
    yield f"    wrong: {', '.join(wrong)}"
    yield f"    wanted {dict(verdict.case.expected)}"
    if answer.reason is not None:
        yield f"    refused: {answer.reason}"
    for question in answer.questions:
        yield f"    asked: {question}"
    if answer.spec is not None:
        spec = answer.spec.as_dict()
        yield f"    made {spec['trigger']} {spec['selection']} {spec['approval']} {spec['name']!r}"
        for step in spec["steps"]:
            yield f"      {step['type']} {step['tools']}: {step['instruction']}"
