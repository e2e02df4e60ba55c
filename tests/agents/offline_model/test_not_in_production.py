"""The offline model is a double for development: a production process does not load a module of it."""

import os
import subprocess
import sys

import pytest

pytestmark = pytest.mark.thorough

SCRIPT = """
import sys
import adiuva.asgi
from agents.llm import factory
from chat.sanitizer import protected_texts

factory.preload()
protected_texts.preload()
assert "litellm" in sys.modules
print([name for name in sys.modules if name.startswith("agents.offline_model")])
"""
PRODUCTION = {
    "DJANGO_SETTINGS_MODULE": "adiuva.settings",
    "ENV": "prod",
    "JWT_SECRET": "4f1d6b0c9e8a73525d4c3b2a190817f6e5d4c3b2a19080716f5e4d3c2b1a0f9e",
    "DATABASE_URL": "postgres://adiuva:unused@127.0.0.1:1/adiuva",
    "LLM_MODEL": "openai/gpt-4o-mini",
    "OPENAI_API_KEY": "sk-not-a-key-0123456789",
}
_INHERITED = ("PATH", "HOME", "LANG", "DATA_DIR")


def test_a_production_process_loads_nothing_of_it() -> None:
    """The script loads what ``adiuva.lifespan`` loads at start with ``LLM_PRELOAD``."""
    environment = {name: os.environ[name] for name in _INHERITED if name in os.environ} | PRODUCTION
    done = subprocess.run([sys.executable, "-c", SCRIPT], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "[]"


def test_it_is_loaded_where_a_setting_names_it() -> None:
    script = SCRIPT.replace("import adiuva.asgi", "import django; django.setup()")
    environment = {name: os.environ[name] for name in _INHERITED if name in os.environ}
    environment |= {"DJANGO_SETTINGS_MODULE": "tests.settings"}
    done = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "agents.offline_model.provider" in done.stdout
