"""make, as a newcomer meets it."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.repository.paths import ROOT

MAKEFILE = (ROOT / "Makefile").read_text()
TARGETS = re.findall(r"^([a-z]+):", MAKEFILE, re.MULTILINE)


def _make(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    # An outer make's flags and overrides are not this one's.
    environment = {"PATH": "/usr/local/bin:/usr/bin:/bin", **variables}
    return subprocess.run(
        ["make", *arguments], cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=180
    )


@pytest.mark.parametrize("arguments", [(), ("help",)])
def test_help_lists_every_target_with_a_sentence(arguments: tuple[str, ...]) -> None:
    listed = dict(re.findall(r"^  make ([a-z]+) +(\S.*)$", _make(*arguments).stdout, re.MULTILINE))

    assert list(listed) == TARGETS


def test_every_target_is_phony() -> None:
    phony = re.search(r"^\.PHONY: (.*)$", MAKEFILE, re.MULTILINE)

    assert phony is not None
    assert phony[1].split() == TARGETS


def test_a_missing_python_is_one_clear_line() -> None:
    done = _make("run", "PYTHON=")

    assert done.returncode
    assert "Python 3.11 or newer is needed" in done.stderr
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize(("env", "has_demo_users"), [({}, True), ({"ENV": "dev"}, True), ({"ENV": "prod"}, False)])
def test_run_makes_demo_users_in_development_only(env: dict[str, str], has_demo_users: bool) -> None:
    for done in (_make("--dry-run", "run", **env), _make("--dry-run", "run", *(f"{name}={env[name]}" for name in env))):
        assert done.returncode == 0, done.stderr
        assert ("seed_demo" in done.stdout) is has_demo_users
        assert "manage.py migrate" in done.stdout
        assert "adiuva.server.serve" in done.stdout


@pytest.mark.parametrize(
    ("target", "instead"), [("dev", "with ENV=prod use make run"), ("superuser", "With ENV=prod: ")]
)
def test_what_is_for_development_is_not_for_production(target: str, instead: str) -> None:
    done = _make("--dry-run", target, ENV="prod")

    assert done.returncode
    assert instead in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_superuser_is_made_in_the_database_that_is_served() -> None:
    done = _make("--dry-run", "superuser", "EMAIL=me@example.com", "ARGS=--no-input")

    assert done.returncode == 0, done.stderr
    assert "manage.py migrate" in done.stdout
    assert 'manage.py createsuperuser --email "me@example.com" --no-input' in done.stdout


@pytest.mark.parametrize("path", [".ci/run", ".ci/services.sh"])
def test_the_scripts_of_ci_parse(path: str) -> None:
    assert subprocess.run(["bash", "-n", ROOT / path], check=False).returncode == 0


@pytest.mark.slow
def test_the_environment_is_made_once_and_anew_after_an_interruption(tmp_path: Path) -> None:
    (tmp_path / ".ci").mkdir()
    script = shutil.copy(ROOT / ".ci/venv.py", tmp_path / ".ci")
    (tmp_path / "requirements.txt").touch()

    def run(*commands: str) -> subprocess.CompletedProcess[str]:
        arguments = ["python3", script, "requirements.txt", *commands]
        return subprocess.run(arguments, capture_output=True, text=True, check=False, timeout=120)

    first = run()
    assert first.returncode == 0, first.stderr
    assert first.stdout.startswith("Creating .venv")

    again = run("-c 'print(7)'", "-c 'raise SystemExit(5)'", "-c 'print(8)'")
    assert (again.returncode, again.stdout) == (5, "7\n")

    (tmp_path / ".venv/.requirements.stamp").unlink()
    (tmp_path / ".venv/.unfinished").touch()
    assert run().stdout.startswith("Creating .venv")
    assert not (tmp_path / ".venv/.unfinished").exists()
