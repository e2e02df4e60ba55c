"""Every command of ours tells a newcomer what it does and how it ends, and ends without a traceback."""

import importlib
import io
import re
from contextlib import redirect_stderr, redirect_stdout
from typing import Any

import pytest
from django.core.management import CommandError, call_command, get_commands, load_command_class
from django.db import OperationalError

from adiuva.commands import INTERRUPTED, OperatorCommand
from tests.repository.paths import ROOT

PACKAGES = {"adiuva", "accounts", "billing", "storage", "backups", "marketplace", "agents", "chat"}
COMMANDS = {name: app for name, app in get_commands().items() if str(app).split(".")[0] in PACKAGES}
CONTRACT = {
    *("set_tier", "set_quota", "seed_demo", "doctor", "reap_storage", "new_epoch"),
    *("verify_blobs", "sync_stripe", "retry_transfers", "purge_tokens", "work"),
    *("verify_email", "remove_second_factors"),
}
# These work off tables or stores of any size.
LONG = {"reap_storage", "verify_blobs", "sync_stripe", "retry_transfers", "purge_tokens"}
QUICK = {"set_tier", "set_quota", "seed_demo", "doctor", "new_epoch", "verify_email", "remove_second_factors"}
ENDLESS = {"work"}
each = pytest.mark.parametrize("name", sorted(COMMANDS))


def command(name: str) -> OperatorCommand:
    found = load_command_class(COMMANDS[name], name)
    assert isinstance(found, OperatorCommand), f"{name} must be an adiuva.commands.OperatorCommand"
    return found


def help_of(name: str) -> str:
    return command(name).create_parser("manage.py", name).format_help()


def run(name: str, *arguments: str) -> tuple[int, str]:
    """The exit code that a shell would see, and what was written."""
    out = io.StringIO()
    with redirect_stdout(out), redirect_stderr(out), pytest.raises(SystemExit) as ended:
        command(name).run_from_argv(["manage.py", name, *arguments])
    assert isinstance(ended.value.code, int)
    return ended.value.code, out.getvalue()


def test_the_contracts_commands_are_here() -> None:
    assert set(COMMANDS) == CONTRACT


def test_each_is_known_to_be_long_or_quick_or_without_end() -> None:
    assert set(COMMANDS) == LONG | QUICK | ENDLESS


@each
def test_help_says_what_it_does_with_examples_and_exit_codes(name: str) -> None:
    text = help_of(name)
    described = " ".join(command(name).help.split())
    assert len(described) > 60
    assert described[:40] in " ".join(text.split())
    assert "examples:\n  manage.py " in text
    for code in (0, 1, 2, INTERRUPTED):
        assert re.search(rf"^  {code} +\S", text, re.MULTILINE), code


@each
def test_help_says_nothing_twice(name: str) -> None:
    words = command(name).help.split()
    runs = [" ".join(words[start : start + 6]) for start in range(len(words) - 5)]
    assert sorted(runs) == sorted(set(runs))


@each
def test_every_option_is_explained(name: str) -> None:
    parser = command(name).create_parser("manage.py", name)
    silent = [action.dest for action in parser._actions if not action.help]
    assert silent == []


@each
def test_every_example_is_a_command_line_that_it_takes(name: str) -> None:
    for line in command(name).examples:
        first, *arguments = line.split()
        assert first == name
        command(name).create_parser("manage.py", name).parse_args(arguments)


@each
def test_a_wrong_command_line_is_2(name: str) -> None:
    status, said = run(name, "--no-such-option")
    assert (status, "usage: manage.py" in said) == (2, True)


@each
def test_a_database_that_is_away_is_1_and_one_line(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*_: Any, **__: Any) -> None:
        raise OperationalError("connection refused\nhint")

    monkeypatch.setattr(type(command(name)), "requires_system_checks", [])
    monkeypatch.setattr(type(command(name)), "handle", away)
    status, said = run(name, *next(iter(command(name).examples)).split()[1:])
    assert (status, said) == (1, "CommandError: the database failed: connection refused\n")


@each
def test_an_interrupt_is_130(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(type(command(name)), "requires_system_checks", [])
    monkeypatch.setattr(type(command(name)), "handle", interrupted)
    status, said = run(name, *next(iter(command(name).examples)).split()[1:])
    assert (status, said) == (INTERRUPTED, "CommandError: stopped; what was done stays done\n")


@pytest.mark.parametrize("name", sorted(LONG))
def test_the_long_ones_show_progress(name: str) -> None:
    module = importlib.import_module(type(command(name)).__module__)
    assert module.__file__ is not None
    assert "with Progress(sys.stderr" in (ROOT / module.__file__).read_text()


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("set_tier", ("nobody@example.com", "pro")),
        ("set_quota", ("nobody@example.com", "--clear")),
        ("verify_email", ("nobody@example.com",)),
        ("remove_second_factors", ("nobody@example.com", "--yes")),
        ("sync_stripe", ()),
    ],
)
def test_trouble_is_a_commands_error(name: str, arguments: tuple[str, ...]) -> None:
    with pytest.raises(CommandError) as ended:
        call_command(name, *arguments)
    assert ended.value.returncode == 1
