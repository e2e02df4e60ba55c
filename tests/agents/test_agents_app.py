"""What the app costs to import, its system checks, and its registry."""

import subprocess
import sys
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import pytest

from adiuva import lifespan
from adiuva.api.errors import NotConfigured
from adiuva.observability.probes import DoctorOptions
from agents import ops
from agents.agents import BaseAgent, ChatAgent
from agents.events import AgentEvent, TextDelta
from agents.llm import factory
from agents.llm.providers import PROVIDER_VARIABLES
from agents.registry import AgentRegistry, registry
from agents.run_context import RunContext
from tests.agents.support import context
from tests.support.server import PROJECT_DIR, clean_environment

BEHIND_THE_FACTORY = (
    *("agents.llm.litellm", "agents.llm.abilities", "agents.llm.failures", "agents.llm.wire."),
    "agents.offline_model.provider",
)
LAZY = ("litellm", "langchain_core", "langchain", "openai", "httpx")


@pytest.mark.thorough
def test_no_module_but_the_client_imports_an_sdk() -> None:
    script = f"""
import importlib, pkgutil, sys, agents, django
django.setup()
sys.modules.pop("httpx", None)  # Stripe's SDK has brought it
for module in pkgutil.walk_packages(agents.__path__, "agents."):
    if not module.name.startswith({BEHIND_THE_FACTORY!r}):
        importlib.import_module(module.name)
print([name for name in {LAZY!r} if name in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.slow
@pytest.mark.parametrize("module", ["agents.llm.litellm", "agents.llm.abilities", "agents.offline_model.provider"])
def test_litellm_calls_nobody_whichever_module_is_first(module: str) -> None:
    script = f"""
import socket, django
asked = []
socket.getaddrinfo = lambda *address, **_: asked.append(address) or []
django.setup()
import {module}
print(asked)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.slow
def test_a_shell_that_traces_langchain_does_not_get_our_prompts() -> None:
    script = """
import os; os.environ.update(LANGCHAIN_TRACING_V2="true", LANGSMITH_TRACING="true", LANGSMITH_API_KEY="key")
import django; django.setup()
from agents.llm import litellm
from langchain_core.tracers.context import _tracing_v2_is_enabled
print(_tracing_v2_is_enabled())
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


@pytest.mark.parametrize(
    "name", ["", "gpt-4o", "openai/gpt-4o-mini", "ollama/llama3.1:8b", "openai/meta-llama/Llama-3"]
)
def test_model_names_pass(settings: Any, name: str) -> None:
    settings.LLM_MODEL = name
    assert ops.model_names(None) == []


@pytest.mark.parametrize("name", ["gpt 4", "/gpt", "openai/", "gpt-4o,gpt-5", "'gpt'", "x\n"])
def test_what_cannot_be_a_model_is_an_error(settings: Any, name: str) -> None:
    settings.LLM_MODELS = (name,)
    assert [error.id for error in ops.model_names(None)] == ["agents.E001"]


def test_a_timeout_that_lets_nothing_through_is_an_error(settings: Any) -> None:
    settings.LLM_TIMEOUT_SECONDS = 0
    assert [error.id for error in ops.timeout(None)] == ["agents.E002"]


def test_the_four_agents_are_registered() -> None:
    names = {agent.name for agent in registry.list_agents()}
    assert names == {"task_agent", "project_agent", "checkpoint_agent", "note_agent"}
    assert all(issubclass(registry.get(name), ChatAgent) for name in names)
    with pytest.raises(KeyError):
        registry.get("chef_agent")


async def test_a_registry_makes_agents_and_passes_on_what_they_do() -> None:
    own = AgentRegistry()

    @own.register
    class Echo(ChatAgent):
        name = "echo_agent"
        description = "Says it back."
        prompt = "task_agent"

        def get_tools(self) -> tuple[()]:
            return ()

        async def handle(self, query: str, context: RunContext) -> AsyncGenerator[AgentEvent, None]:
            yield TextDelta(f"{query} {self.shared_memory['x']}")

    events = own.call_agent("echo_agent", "hi", context(), user_id=None, shared_memory={"x": 1})
    assert [event async for event in events] == [TextDelta("hi 1")]
    assert issubclass(Echo, BaseAgent)
    with pytest.raises(ValueError, match="registered already"):
        own.register(type("Other", (Echo,), {}))


@pytest.fixture
def no_keys(settings: Any) -> None:
    for name in PROVIDER_VARIABLES:
        setattr(settings, name, "")
    settings.LLM_ROUTER_MODEL = settings.LLM_FALLBACK_MODEL = settings.LLM_MODEL_MISSING = ""
    settings.LLM_MODELS = ()


def test_a_model_whose_provider_has_no_key_is_said_before_the_first_request(settings: Any, no_keys: None) -> None:
    settings.LLM_MODEL = settings.LLM_ROUTER_MODEL = "claude-haiku-4-5"
    settings.LLM_MODELS = ("ollama/llama3.1", "azure/my-deployment")
    settings.LLM_FALLBACK_MODEL = "gpt-4o"
    assert [(warning.id, warning.msg) for warning in ops.provider_keys(None)] == [
        *(
            ("agents.W001", f"{setting} is {name}, which needs {missing}.")
            for setting, name, missing in (
                ("LLM_MODEL", "claude-haiku-4-5", "ANTHROPIC_API_KEY, or ANTHROPIC_API_BASE for a server of your own"),
                ("LLM_FALLBACK_MODEL", "gpt-4o", "OPENAI_API_KEY, or OPENAI_API_BASE for a server of your own"),
                ("LLM_MODELS", "azure/my-deployment", "AZURE_API_KEY and AZURE_API_BASE"),
            )
        )
    ]
    with pytest.raises(NotConfigured, match="ANTHROPIC_API_KEY"):
        ops.llm(DoctorOptions())
    settings.LLM_MODEL = "ollama/llama3.1"
    found = ops.llm(DoctorOptions())
    assert (found.level, "OPENAI_API_KEY" in found.text) == ("warn", True)


@pytest.mark.parametrize(
    ("chosen", "asked", "said"),
    [
        ("offline/adiuva", "", "no provider key: the built-in offline model answers"),
        ("offline/adiuva", "claude-haiku-4-5", "claude-haiku-4-5 needs ANTHROPIC_API_KEY"),
        ("claude-haiku-4-5", "", "LLM_MODEL is claude-haiku-4-5, which needs ANTHROPIC_API_KEY"),
        ("", "", "chat answers 503"),
    ],
)
def test_the_start_says_what_answers(
    settings: Any, no_keys: None, caplog: pytest.LogCaptureFixture, chosen: str, asked: str, said: str
) -> None:
    settings.LLM_MODEL, settings.LLM_MODEL_WITHOUT_KEY = chosen, asked
    caplog.set_level("INFO")
    lifespan._log_what_runs()
    assert [record.getMessage() for record in caplog.records if said in record.getMessage()]


@pytest.mark.parametrize("chosen", ["offline/adiuva", ""], ids=["development", "production"])
def test_a_key_without_a_model_is_said_wherever_operators_look(
    settings: Any, no_keys: None, caplog: pytest.LogCaptureFixture, chosen: str
) -> None:
    """Of providers that have no model of the same name for everybody."""
    lack = "AZURE_API_KEY is there, LLM_MODEL=azure/DEPLOYMENT is missing"
    settings.LLM_MODEL, settings.LLM_MODEL_WITHOUT_KEY, settings.LLM_MODEL_MISSING = chosen, "", lack
    caplog.set_level("INFO")
    lifespan._log_what_runs()
    said = [record.getMessage() for record in caplog.records]
    assert f"{lack}." in said
    assert [line for line in said if "no provider key" in line] == []
    assert [warning.msg for warning in ops.provider_keys(None)] == [f"{lack}."]
    if chosen:
        found = ops.llm(DoctorOptions())
        assert (found.level, lack in found.text) == ("warn", True)
    else:
        with pytest.raises(NotConfigured, match=lack):
            ops.llm(DoctorOptions())


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("openai/gpt-4o", ""),
        ("bedrock/amazon.nova-lite-v1:0", ""),
        ("bedrock/us.meta.llama3-1-70b-instruct-v1:0", ""),
        ("bedrock/meta.llama3-8b-instruct-v1:0", "is given no tools"),
        ("perplexity/sonar", "is given no tools"),
        ("replicate/meta/meta-llama-3-8b-instruct", "is given no tools"),
        ("fireworks_ai/llama-v3p1-8b-instruct", "is given no tools"),
        ("sagemaker/my-endpoint", "is given no tools"),
        ("xai/grok-4", ""),
        ("meta-llama/Llama-3-8b", "openai/meta-llama/Llama-3-8b"),
    ],
)
def test_models_that_get_no_tools_are_named(settings: Any, no_keys: None, name: str, said: str) -> None:
    settings.LLM_MODEL = name
    settings.OPENAI_API_KEY = "sk-x"
    found = ops.llm(DoctorOptions())
    assert found.level == ("warn" if said else "ok")
    assert said in found.text


def test_models_that_get_no_tools_are_logged_at_start(
    settings: Any, no_keys: None, caplog: pytest.LogCaptureFixture
) -> None:
    settings.LLM_MODEL = "bedrock/meta.llama3-8b-instruct-v1:0"
    factory.preload()
    assert [record.levelname for record in caplog.records if "no tools" in record.getMessage()] == ["WARNING"]


@pytest.mark.thorough
def test_settings_and_checks_load_no_client(tmp_path: Path) -> None:
    """Neither where only LiteLLM's tables know the model: commands run the checks, and are to begin at once."""
    code = (
        "import sys; from django.core.management import execute_from_command_line as run; run(['manage.py', 'check']); "
        "from django.conf import settings; print(settings.LLM_MODEL, 'litellm' in sys.modules)"
    )
    name = "bedrock/meta.llama3-8b-instruct-v1:0"
    environment = clean_environment() | {"LLM_MODEL": name, "DATA_DIR": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        env=environment | {"DJANGO_SETTINGS_MODULE": "adiuva.settings"},
        cwd=PROJECT_DIR,
        check=True,
    )
    assert done.stdout.endswith(f"{name} False\n")
