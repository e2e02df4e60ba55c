"""`make eval`: the golden set and the sentences for the Batch Builder, on ``LLM_MODEL``.

That is the offline model unless the environment names another. Exits with 1 when no case could be answered, as with a
wrong key; any other score is a figure, not a failure.
"""

import asyncio
import os
import sys
import tempfile
import time

MISCONFIGURED = 1


def main() -> int:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "adiuva.settings")
    with tempfile.TemporaryDirectory() as folder:
        os.environ["DATA_DIR"] = folder
        return _run()


def _run() -> int:
    import django

    django.setup()
    from django.conf import settings

    from tests.eval import golden, report, runner
    from tests.eval.building import golden as sentences
    from tests.eval.building import report as building_report
    from tests.eval.building import runner as building

    started = time.monotonic()
    scores = asyncio.run(runner.evaluate(golden.cases()))
    router = "" if settings.LLM_ROUTER_MODEL == settings.LLM_MODEL else f" (router {settings.LLM_ROUTER_MODEL})"
    for line in report.lines(scores, f"{settings.LLM_MODEL}{router}"):
        print(line)  # noqa: T201 - what it is for
    built = asyncio.run(building.evaluate(sentences.cases()))
    print()  # noqa: T201
    for line in building_report.lines(built, settings.LLM_MODEL):
        print(line)  # noqa: T201
    print(f"\n{time.monotonic() - started:.0f} s")  # noqa: T201
    return (
        MISCONFIGURED if all(verdict.answer.problem for verdict in scores.failed) and not scores.overall.passed else 0
    )


if __name__ == "__main__":
    sys.exit(main())
