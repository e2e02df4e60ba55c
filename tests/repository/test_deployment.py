"""README.md, .env.example, docker-compose.yml and the Dockerfile agree with the variables the service reads."""

import re
from typing import Any

import pytest
import yaml
from packaging.requirements import Requirement

from adiuva.environment import Environment
from tests.repository.paths import ROOT

# docs/api.md § 12
CONTRACT_VARIABLES = (
    "DATABASE_URL",
    "JWT_SECRET",
    "JWT_ALGORITHM",
    "JWT_ACCESS_TOKEN_EXPIRE_MINUTES",
    "JWT_REFRESH_TOKEN_EXPIRE_DAYS",
    "STRIPE_SECRET_KEY",
    "STRIPE_WEBHOOK_SECRET",
    "STRIPE_API_BASE",
    "S3_BUCKET",
    "S3_REGION",
    "S3_ENDPOINT_URL",
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "PINECONE_API_KEY",
    "PINECONE_INDEX",
    "PINECONE_HOST",
    "QDRANT_URL",
    "QDRANT_API_KEY",
    "OPENAI_API_KEY",
    "OPENAI_API_BASE",
    "ANTHROPIC_API_KEY",
    "ANTHROPIC_API_BASE",
    "GEMINI_API_KEY",
    "GEMINI_API_BASE",
    "AZURE_API_KEY",
    "AZURE_API_BASE",
    "MISTRAL_API_BASE",
    "GROQ_API_BASE",
    "OPENROUTER_API_BASE",
    "DEEPSEEK_API_BASE",
    "OLLAMA_API_BASE",
    "LLM_MODEL",
    "LLM_ROUTER_MODEL",
    "LLM_SPECULATE",
    "LLM_FALLBACK_MODEL",
    "LLM_MODELS",
    "LLM_TIMEOUT_SECONDS",
    "CORS_ORIGINS",
    "ENV",
    "REDIS_URL",
    "DATA_DIR",
    "PORT",
    "HOST",
    "ALLOWED_HOSTS",
    "PUBLIC_URL",
    "STRIPE_PRICE_PRO",
    "STRIPE_PRICE_POWER",
    "STRIPE_PRICE_TEAM",
)
READ = set(Environment.model_fields)
SECRETS = {name for name, field in Environment.model_fields.items() if "Secret" in str(field.annotation)}
COMPOSE_ONLY = {"POSTGRES_PASSWORD", "PUBLISH_ADDRESS"}

COMPOSE_TEXT = (ROOT / "docker-compose.yml").read_text()
COMPOSE: dict[str, Any] = yaml.safe_load(COMPOSE_TEXT)
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
INTERPOLATED = dict(re.findall(r"(?<!\$)\$\{([A-Z0-9_]+)([^}]*)\}", COMPOSE_TEXT))
_CONFIGURATION = (ROOT / "README.md").read_text().partition("\n## Configuration\n")[2].partition("\n## ")[0]
# The first cell of each row of the table names one variable or several.
README_VARIABLES = [
    name
    for cell in re.findall(r"^\| (`[A-Z][A-Z0-9_]*`[^|]*) \|", _CONFIGURATION, re.MULTILINE)
    for name in re.findall(r"`(\w+)`", cell)
]
EXAMPLE_TEXT = (ROOT / ".env.example").read_text()
EXAMPLE: dict[str, str] = dict(re.findall(r"^#?([A-Z][A-Z0-9_]*)='(.*)'$", EXAMPLE_TEXT, re.MULTILINE))


@pytest.mark.parametrize("name", CONTRACT_VARIABLES)
def test_each_variable_of_the_contract_is_read_and_shown(name: str) -> None:
    assert name in READ
    assert name in EXAMPLE


def test_the_example_shows_exactly_what_is_read() -> None:
    assert set(EXAMPLE) == READ | COMPOSE_ONLY


def test_the_readme_explains_each_variable_that_is_read_once() -> None:
    assert sorted(README_VARIABLES) == sorted(READ)


def test_the_example_gives_no_secret_away() -> None:
    assert {name: value for name, value in EXAMPLE.items() if name in SECRETS | {"POSTGRES_PASSWORD"} and value} == {}


def test_the_defaults_in_the_example_are_those_of_the_code() -> None:
    plain = {
        name: field.default
        for name, field in Environment.model_fields.items()
        if isinstance(field.default, int | float)
    }

    assert {name: Environment.model_validate({name: EXAMPLE[name]}).model_dump()[name] for name in plain} == plain


def test_compose_passes_only_variables_that_are_read() -> None:
    assert set(SERVICES["app"]["environment"]) <= READ
    assert set(INTERPOLATED) <= READ | COMPOSE_ONLY


def test_compose_passes_every_variable_that_is_read() -> None:
    assert READ - set(SERVICES["app"]["environment"]) == {"DEBUG"}  # refused in production


def test_compose_asks_for_what_it_cannot_do_without() -> None:
    asked = {name for name, default in INTERPOLATED.items() if default.startswith(":?")}

    assert asked == {"JWT_SECRET", "POSTGRES_PASSWORD", "PUBLIC_URL"}


def test_compose_invents_no_secret() -> None:
    assert {INTERPOLATED[name] for name in (SECRETS & set(INTERPOLATED)) - {"JWT_SECRET"}} == {":-"}


@pytest.mark.parametrize(("service", "image"), [("postgres", "postgres:16"), ("redis", "redis:7")])
def test_images_are_pinned_to_a_major_version(service: str, image: str) -> None:
    assert SERVICES[service]["image"] == image


def test_the_vector_server_is_of_the_clients_minor_version() -> None:
    (client,) = (
        Requirement(line)
        for line in (ROOT / "requirements.txt").read_text().splitlines()
        if line.startswith("qdrant-client==")
    )
    minor = str(client.specifier).removeprefix("==").rpartition(".")[0]

    assert SERVICES["qdrant"]["image"].startswith(f"qdrant/qdrant:v{minor}.")


@pytest.mark.parametrize("service", ["postgres", "redis", "qdrant"])
def test_each_store_is_private_durable_and_watched(service: str) -> None:
    definition = SERVICES[service]

    assert "ports" not in definition
    assert definition["networks"] == ["inside"]
    assert COMPOSE["networks"]["inside"] == {"internal": True}
    assert definition["volumes"][0].split(":")[0] in COMPOSE["volumes"]
    assert definition["healthcheck"]["test"]
    assert SERVICES["app"]["depends_on"][service] == {"condition": "service_healthy"}


def test_the_app_starts_on_a_migrated_database() -> None:
    assert SERVICES["migrate"]["command"] == ["python", "manage.py", "migrate", "--no-input"]
    assert SERVICES["app"]["depends_on"]["migrate"] == {"condition": "service_completed_successfully"}


def test_the_worker_is_the_app_with_another_command() -> None:
    app, worker = SERVICES["app"], SERVICES["worker"]

    assert worker["command"] == ["python", "manage.py", "work"]
    assert "ports" not in worker
    for name in ("environment", "depends_on", "volumes", "networks", "restart", "read_only"):
        assert worker[name] == app[name], name


def test_the_image_runs_the_server_without_root_or_development_packages() -> None:
    final_stage = (ROOT / "Dockerfile").read_text().rpartition("\nFROM ")[2]

    assert "\nUSER adiuva\n" in final_stage
    assert final_stage.rstrip().endswith('CMD ["python", "-m", "adiuva.server.serve"]')
    assert "HEALTHCHECK" in final_stage
    assert "/api/v1/health" in final_stage
    assert "requirements-dev" not in (ROOT / "Dockerfile").read_text()


def test_the_image_takes_in_no_local_state() -> None:
    ignored = (ROOT / ".dockerignore").read_text().splitlines()

    assert {".*", "var", "tests"} <= set(ignored)  # .* covers .env, .git and .venv
