"""What is promised about costs: what a start imports, and what it takes."""

import re
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.server import PROJECT_DIR, clean_environment

pytestmark = pytest.mark.thorough

HEAVY = {"litellm", "openai", "langchain", "langchain_core", "boto3", "botocore", "qdrant_client"}
# 1.65, busy or not, nearly all of it our own 550 modules; seconds would measure the machine.
MOST_TIMES_THE_FRAMEWORKS = 2.2
ROUNDS = 6
ALSO_NOT = {"pinecone", "daphne", "twisted", "numpy", "pandas", "tiktoken", "aiohttp", "webauthn"}
OF_A_SIGN_ON = {"jwt.algorithms", "cryptography.x509", "dns", "pyotp"}


def cpu_of_children() -> float:
    spent = resource.getrusage(resource.RUSAGE_CHILDREN)
    return spent.ru_utime + spent.ru_stime


def run(*arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """What Python compiles is kept, as in an image: to compile our modules each time is another third of a check."""
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=PROJECT_DIR,
        env=clean_environment() | {"DATA_DIR": str(folder), "PYTHONDONTWRITEBYTECODE": ""},
        capture_output=True,
        text=True,
        check=True,
    )


def test_a_check_imports_no_vendor(tmp_path: Path) -> None:
    told = run("-X", "importtime", "manage.py", "check", folder=tmp_path).stderr
    imported = set(re.findall(r"^import time:[^|]*\|[^|]*\|\s*(\S+)", told, re.MULTILINE))
    assert "django" in imported
    assert not imported & (HEAVY | ALSO_NOT | OF_A_SIGN_ON)


def test_a_check_costs_about_twice_what_the_frameworks_cost_alone(tmp_path: Path) -> None:
    def cpu(*arguments: str) -> float:
        before = cpu_of_children()
        run(*arguments, folder=tmp_path)
        return cpu_of_children() - before

    ratios: list[float] = []
    for _ in range(ROUNDS):  # one after the other, so that what the machine does besides slows both
        ratios.append(cpu("manage.py", "check") / cpu("-m", "tests.support.frameworks_alone"))
        if ratios[-1] < MOST_TIMES_THE_FRAMEWORKS:
            return
    pytest.fail(f"{ratios}")


def test_a_server_is_up_before_it_has_loaded_the_model_client(tmp_path: Path) -> None:
    script = "import adiuva.asgi, sys; print(sorted(set(sys.modules) & set(sys.argv[1:])))"
    assert run("-c", script, *HEAVY, *ALSO_NOT, folder=tmp_path).stdout == "[]\n"


def test_what_goes_outside_is_loaded_only_where_it_is_wanted(tmp_path: Path) -> None:
    script = "import adiuva.asgi, sys; print([name for name in sys.argv[1:] if sys.modules.get(name)])"
    outside = ("sentry_sdk", "opentelemetry.sdk", "opentelemetry.sdk.metrics", "opentelemetry.trace")
    assert run("-c", script, *outside, folder=tmp_path).stdout == "[]\n"


COMMAND = """
import gc
from django.conf import settings
from adiuva.commands import OperatorCommand
from adiuva.server import collector

class Command(OperatorCommand):
    examples, troubles, requires_system_checks = {"it": "does nothing"}, "never", []

    def handle(self, **_options):
        print(gc.get_freeze_count() > 10_000, gc.get_threshold())

own = gc.get_threshold()
settings.configure()
collector.put_off()
Command().run_from_argv(["manage.py", "it"])
print(own)
"""


def test_a_command_sets_aside_what_was_imported_and_collects_as_usual(tmp_path: Path) -> None:
    told, own = run("-c", COMMAND, folder=tmp_path).stdout.splitlines()
    assert told == f"True {own}"
