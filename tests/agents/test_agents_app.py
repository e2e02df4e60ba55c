"""What the app costs to import, its system checks, and its registry."""

import subprocess
import sys
from collections.abc import AsyncGenerator
from typing import Any

import pytest

from agents import ops
from agents.agents import BaseAgent, ChatAgent
from agents.events import AgentEvent, TextDelta
from agents.registry import AgentRegistry, registry
from agents.run_context import RunContext
from tests.agents.support import context

LAZY = ("litellm", "langchain_litellm", "langchain_core", "langchain", "openai", "httpx")


def test_no_module_but_the_client_imports_an_sdk() -> None:
    script = f"""
import importlib, pkgutil, sys, agents
for module in pkgutil.walk_packages(agents.__path__, "agents."):
    if module.name not in ("agents.llm.litellm", "agents.offline_model.provider"):
        importlib.import_module(module.name)
print([name for name in {LAZY!r} if name in sys.modules])
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
