"""`make eval`: the golden set on ``LLM_MODEL`` (the offline model unless the environment names another).

Exits with 1 when no case could be answered, as with a wrong key; any other score is a figure, not a failure.
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

    started = time.monotonic()
    scores = asyncio.run(runner.evaluate(golden.cases()))
    router = "" if settings.LLM_ROUTER_MODEL == settings.LLM_MODEL else f" (router {settings.LLM_ROUTER_MODEL})"
    for line in report.lines(scores, f"{settings.LLM_MODEL}{router}"):
        print(line)  # noqa: T201 - what it is for
    print(f"\n{time.monotonic() - started:.0f} s")  # noqa: T201
    return (
        MISCONFIGURED if all(verdict.answer.problem for verdict in scores.failed) and not scores.overall.passed else 0
    )


if __name__ == "__main__":
    sys.exit(main())
