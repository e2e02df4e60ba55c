"""What is promised about costs: queries of a request, and what a start imports."""

import re
import resource
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests.support.accounts import Account
from tests.support.client import ApiClient
from tests.support.server import PROJECT_DIR, clean_environment

HEAVY = {"litellm", "openai", "langchain", "langchain_core", "boto3", "botocore", "qdrant_client"}
ALSO_NOT = {"pinecone", "daphne", "twisted", "numpy", "pandas", "tiktoken", "aiohttp"}


@pytest.mark.django_db
@pytest.mark.parametrize("tier", ["free", "pro"])
def test_a_profile_costs_one_query(api: ApiClient, make_user: Callable[..., Account], tier: str) -> None:
    token = make_user(tier=tier).access_token
    with CaptureQueriesContext(connection) as queries:
        answer = api.get("auth/me", token=token)
    assert answer.json["tier"] == tier
    assert len(queries) == 1


def test_a_check_imports_no_vendor_and_takes_less_than_three_seconds_of_cpu(tmp_path: Path) -> None:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "manage.py", "check"],
        cwd=PROJECT_DIR,
        env=clean_environment() | {"DATA_DIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    imported = set(re.findall(r"^import time:[^|]*\|[^|]*\|\s*(\w+)", done.stderr, re.MULTILINE))
    assert "django" in imported
    assert not imported & (HEAVY | ALSO_NOT)
    assert (after.ru_utime + after.ru_stime) - (before.ru_utime + before.ru_stime) < 3


def test_a_server_is_up_before_it_has_loaded_the_model_client(tmp_path: Path) -> None:
    script = "import adiuva.asgi, sys; print(sorted(set(sys.modules) & set(sys.argv[1:])))"
    done = subprocess.run(
        [sys.executable, "-c", script, *HEAVY, *ALSO_NOT],
        cwd=PROJECT_DIR,
        env=clean_environment() | {"DATA_DIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "[]\n"
