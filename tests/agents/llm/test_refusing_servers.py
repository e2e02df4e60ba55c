"""Whole turns with servers that refuse a part of what they are asked, each in the words of a vendor that does."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from agents.llm.port import NO_TOOLS
from tests.agents.llm.cases import ANTHROPIC, AZURE, BEDROCK, COMPATIBLE, MISTRAL, OLLAMA, OPENROUTER, Case
from tests.fakes.llm_server import call
from tests.fakes.providers.ollama import OllamaServer
from tests.fakes.providers.openai import OpenAIServer
from tests.fakes.providers.script import say, use
from tests.fakes.providers.server import ProviderServer
from tests.support.server import PROJECT_DIR, clean_environment

Run = Callable[[Case], ProviderServer]
Chat = Callable[..., Any]


@pytest.mark.parametrize("case", [COMPATIBLE, OPENROUTER, OLLAMA], ids=str)
def test_a_server_that_refuses_tools_is_a_plain_sentence(
    run_provider: Run, chat: Chat, task_agent_only: None, monkeypatch: pytest.MonkeyPatch, case: Case
) -> None:
    server = run_provider(case)
    if isinstance(server, OpenAIServer):
        monkeypatch.setattr(server, "refuses", frozenset({"tools"}))
    elif isinstance(server, OllamaServer):
        monkeypatch.setattr(server, "can", {"completion"})
    assert (chat()["response"], chat()["response"]) == (NO_TOOLS, NO_TOOLS)
    assert server.requests == []


def test_a_deployment_of_ones_own_name_may_have_a_fixed_temperature(
    run_provider: Run, chat: Chat, task_agent_only: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = run_provider(AZURE)
    monkeypatch.setattr(server, "refuses", frozenset({"temperature"}))
    server.script(use(call("create_task", id="milkCall1", title="Buy milk")), say("Done."))
    assert chat()["response"] == "Done."
    assert len(server.records.refused) == 1
    assert ["temperature" in body for body in server.bodies] == [False, False]


@pytest.mark.slow
@pytest.mark.parametrize("case", [ANTHROPIC, AZURE, MISTRAL], ids=str)
def test_the_environment_alone_selects_a_provider(run_provider: Run, tmp_path: Path, case: Case) -> None:
    """In a process of its own: by a bare name, by three variables, and at an address that LiteLLM would ignore."""
    server = run_provider(case)
    environment = clean_environment() | case.environment(server) | {"LLM_MODEL": case.model, "DATA_DIR": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "manage.py", "doctor", "--ask", "--json"],
        capture_output=True,
        text=True,
        env=environment,
        cwd=PROJECT_DIR,
        check=False,  # there is no database
    )
    (found,) = (check for check in json.loads(done.stdout)["checks"] if check["name"] == "llm")
    assert (found["level"], "answered with 12 characters" in found["found"]) == ("ok", True), found
    assert len(server.requests) == 1


def test_ollama_is_told_how_much_to_keep_in_mind(
    run_provider: Run, chat: Chat, task_agent_only: None, settings: Any
) -> None:
    server = run_provider(OLLAMA)
    settings.OLLAMA_NUM_CTX = 16_384
    chat()
    assert [body["options"]["num_ctx"] for body in server.bodies] == [16_384]


def test_bedrock_takes_a_key_of_its_own_or_is_signed_with_the_aws_keys(
    run_provider: Run, chat: Chat, task_agent_only: None, settings: Any
) -> None:
    """With one, the AWS keys are those of the bucket and stay out of it."""
    server = run_provider(BEDROCK)
    chat()
    settings.AWS_BEARER_TOKEN_BEDROCK, settings.AWS_ACCESS_KEY_ID = "", server.key
    chat()
    ways = [request.headers["authorization"].split("/")[0] for request in server.requests]
    assert ways == [f"Bearer {server.key}", f"AWS4-HMAC-SHA256 Credential={server.key}"]
    assert "key-of-the-bucket" not in json.dumps([dict(request.headers) for request in server.requests])
    assert server.records.refused == []


def test_an_expired_bedrock_key_is_told_to_the_operator(
    run_provider: Run,
    chat: Chat,
    task_agent_only: None,
    settings: Any,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Asking again is of no use, and the AWS keys are not tried in its place."""
    server = run_provider(BEDROCK)
    settings.AWS_BEARER_TOKEN_BEDROCK = "expired"
    assert chat(expect=502)["code"] == "upstream_error"
    assert [refused.body for refused in server.records.refused] == [
        {"Message": "Authentication failed: Please make sure your API Key is valid."}
    ]
    assert [record.kind for record in caplog.records if hasattr(record, "kind")] == ["credentials"]
