"""Checks beyond the contract's: look-alikes, secrets, permissions that are used; and shadow mode."""

import string
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from django.core.checks import run_checks as run_system_checks
from hypothesis import given, settings
from hypothesis import strategies as st

from marketplace.models import Plugin
from marketplace.submissions.validators import contents
from marketplace.submissions.validators.contents import FORMS, secrets_in
from marketplace.submissions.validators.homoglyphs import skeleton
from marketplace.submissions.validators.runner import SHADOWABLE, VALIDATORS
from tests.marketplace.members import MAIN, failures_of, validate
from tests.marketplace.zip_archives import build_zip
from tests.support.accounts import Account

pytestmark = pytest.mark.django_db

MANY = settings(max_examples=200, deadline=None)
LONG = "Ab1" * 20
# In two parts, so that nothing in this repository looks like a secret.
SECRETS = {
    "private key": "-----BEGIN RSA PRIVATE" + " KEY-----",
    "AWS access key": "AKIA" + "IOSFODNN7EXAMPLE",
    "AWS temporary key": "ASIA" + "IOSFODNN7EXAMPLE",
    "GitHub token": "ghp_" + LONG[:36],
    "GitLab token": "glpat-" + LONG[:20],
    "Slack token": "xoxb-" + "123456789012-abcdef",
    "Slack webhook": "https://hooks.slack.com/" + "services/T0123456/B0123456/" + LONG[:24],
    "Stripe key": "sk_live_" + LONG[:24],
    "Stripe webhook secret": "whsec_" + LONG[:32],
    "Google API key": "AIza" + LONG[:35],
    "OpenAI key": "sk-proj-" + LONG[:20] + "T3BlbkFJ" + LONG[:20],
    "Anthropic key": "sk-ant-" + "api03-" + LONG[:30],
    "npm token": "npm_" + LONG[:36],
    "PyPI token": "pypi-" + "AgEI" + LONG[:50],
    "SendGrid key": ".".join(["SG", LONG[:22], LONG[:43]]),
    "JSON Web Token": ".".join(["eyJ" + LONG[:20], "eyJ" + LONG[:30], LONG[:43]]),
    "URL with a password": "postgres://adiuva:" + "hunter2hunter2@db.internal/adiuva",
}


def results(checks: list[dict[str, Any]]) -> dict[str, Any]:
    return {one["code"]: one for one in checks}


@pytest.fixture
def published() -> Callable[..., Plugin]:
    """``published(slug, name)``: somebody's plugin, as far as look-alikes are asked for."""

    def publish(slug: str, name: str, **fields: Any) -> Plugin:
        now = datetime.now(UTC)
        defaults: dict[str, Any] = {"author_name": "dev", "version": "1.0.0", "published_at": now, "created_at": now}
        plugin: Plugin = Plugin.objects.create(slug=slug, name=name, **defaults | fields)
        return plugin

    return publish


# --- look-alikes ---


@pytest.mark.usefixtures("seeded")
@pytest.mark.parametrize("slug", ["g1thub-sync", "github--sync", "githubsync", "glthub-sync", "github-5ync"])
def test_an_id_that_could_be_taken_for_another_is_refused(slug: str) -> None:
    refusing = failures_of(validate(id=slug))
    assert refusing["lookalike_id"]["evidence"] == ["github-sync"]


@pytest.mark.usefixtures("seeded")
@pytest.mark.parametrize(
    "name", ["G\u0456tHub Sync", "GitHub \uff33ync", "G1tHub Sync", "GitHub \u0405ync", "GitHub Syn\u0441"]
)
def test_a_name_that_looks_like_another_is_refused(name: str) -> None:
    refusing = failures_of(validate(name=name))
    assert refusing["lookalike_name"]["evidence"] == ["github-sync: GitHub Sync"]


@pytest.mark.parametrize(
    ("one", "other"), [("modern", "rnodern"), ("wave", "vvave"), ("b\u043et", "bot"), ("l0gin", "login")]
)
def test_a_skeleton_is_what_a_text_looks_like(one: str, other: str) -> None:
    assert skeleton(one) == skeleton(other)


@MANY
@given(st.text(alphabet=string.ascii_lowercase, min_size=1, max_size=12), st.text(alphabet="-_ .", max_size=3))
def test_signs_between_letters_change_no_skeleton(text: str, signs: str) -> None:
    assert skeleton(text) == skeleton(signs.join(text)) == skeleton(text.upper())


def test_the_same_name_is_only_told(published: Callable[..., Plugin]) -> None:
    published("counter", "Word Count")
    result = results(validate(name="word  COUNT"))["name_taken"]
    assert (result["passed"], result["mode"]) == (False, "shadow")
    assert result["evidence"] == ["counter: Word Count"]
    assert failures_of(validate(name="word  COUNT")) == {}


def test_ones_own_plugins_may_look_alike(published: Callable[..., Plugin], make_user: Callable[..., Account]) -> None:
    author = make_user().user
    published("word-counts", "Word Counts", author=author)
    published("wordcount", "W\u043erd Count", author=author)
    assert failures_of(validate(author_id=author.id)) == {}
    assert failures_of(validate()).keys() == {"lookalike_id", "lookalike_name"}


def test_what_was_never_published_keeps_nobody_out(published: Callable[..., Plugin]) -> None:
    published("w0rd-count", "W0rd Count", published_at=None)
    assert failures_of(validate()) == {}


# --- secrets ---


@pytest.mark.parametrize(("kind", "secret"), [*SECRETS.items(), ("GitHub token", "github_pat_" + LONG)])
def test_a_secret_is_found_and_not_repeated(kind: str, secret: str) -> None:
    data = build_zip({"main.js": MAIN, "lib/config.js": f'\n\nexport const key = "{secret}";\n'.encode()})
    result = failures_of(validate(data))["secrets"]
    assert result["evidence"] == [f"'lib/config.js', line 3: {kind}"]
    assert secret not in str(result)


def test_no_kind_of_secrets_is_without_an_example() -> None:
    assert {kind for kind, _, _ in FORMS} == SECRETS.keys()


def test_secrets_are_found_in_files_of_every_kind() -> None:
    image = b"\x89PNG\r\n" + SECRETS["npm token"].encode()
    data = build_zip({"main.js": MAIN, ".env": SECRETS["Stripe key"].encode(), "b.png": image})
    assert len(failures_of(validate(data))["secrets"]["evidence"]) == 2


@pytest.mark.parametrize(
    "text",
    [
        "const key = await adiuva.settings.secret('token');",
        "AKIAabc, sk_test_1234567890abcdefgh, ghp_short, eyJust a text, xoxo-kisses",
        "postgres://localhost/db  redis://user@host  https://user:pass@example.com/",
        "-----BEGIN PUBLIC KEY-----",
        "`postgres://${user}:${password}@${host}`",
    ],
)
def test_what_is_no_secret_is_left_alone(text: str) -> None:
    assert list(secrets_in("a.js", text.encode())) == []


def test_a_file_is_searched_in_pieces_and_nothing_between_two_is_missed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(contents, "_PIECE_BYTES", 64)
    monkeypatch.setattr(contents, "_SHARED_BYTES", 32)
    key, longer = b"AKIA" + b"X" * 16, b"AKIA" + b"X" * 17
    for before in range(150):
        filled = b" " * before + b"%s" + b"\n" * 100
        assert list(secrets_in("a.js", filled % key)) == ["'a.js', line 1: AWS access key"], before
        assert list(secrets_in("a.js", filled % longer)) == [], before


# --- permissions ---


def needs(code: str, *, name: str = "main.js", permissions: tuple[str, ...] = ()) -> list[str]:
    data = build_zip({"main.js": MAIN} | {name: code.encode()})
    evidence: list[str] = results(validate(data, permissions=list(permissions)))["undeclared_permissions"]["evidence"]
    return evidence


@pytest.mark.parametrize(
    ("code", "used"),
    [
        ("await adiuva.tasks.list()", ["read:tasks"]),
        ("adiuva . notes\n  .create({})", ["write:notes"]),
        ("adiuva?.calendar?.update(1)", ["write:calendar"]),
        ('await ask("write:projects")', ["write:projects"]),
        ("if (can('read:tasks') || can(`write:tasks`)) {}", ["read:tasks", "write:tasks"]),
        ("adiuva.tasks.list(); adiuva.tasks.create(); adiuva.tasks.list()", ["read:tasks", "write:tasks"]),
        ("adiuva.store.set('tasks', 1); myadiuva.tasks.list(); adiuva.tasks.length", []),
        ("// read:tasks is not needed", []),
    ],
)
def test_code_is_held_to_its_manifest(code: str, used: list[str]) -> None:
    assert needs(code) == used
    assert needs(code, permissions=tuple(used)) == []


def test_only_code_is_read_for_permissions() -> None:
    assert needs("adiuva.tasks.list()", name="README.md") == []
    assert needs("adiuva.tasks.list()", name="lib/page.html") == ["read:tasks"]


def test_a_permission_that_is_used_and_not_asked_for_is_refused() -> None:
    assert list(failures_of(validate(build_zip({"main.js": b"adiuva.notes.remove(1)"})))) == ["undeclared_permissions"]


# --- shadow mode ---

FAULTY = build_zip({"main.js": SECRETS["npm token"].encode()})


def test_a_check_in_shadow_mode_reports_and_refuses_nothing(settings: Any) -> None:
    assert list(failures_of(validate(FAULTY))) == ["secrets"]
    settings.PLUGIN_CHECKS_SHADOW = frozenset({"secrets"})
    result = results(validate(FAULTY))["secrets"]
    assert (result["passed"], result["mode"]) == (False, "shadow")
    assert len(result["evidence"]) == 1
    assert failures_of(validate(FAULTY)) == {}


def test_the_contracts_checks_are_always_enforced(settings: Any) -> None:
    settings.PLUGIN_CHECKS_SHADOW = frozenset(check.code for check in VALIDATORS)
    assert {one["code"] for one in validate() if one["mode"] == "enforced"} == {
        one.code for one in VALIDATORS
    } - SHADOWABLE
    assert set(failures_of(validate(b"no archive", id="mine"))) == {"id", "package_zip"}


@pytest.mark.usefixtures("seeded")
def test_an_enforced_name_is_refused(settings: Any) -> None:
    settings.PLUGIN_CHECKS_SHADOW = frozenset()
    assert list(failures_of(validate(name="Github sync"))) == ["name_taken"]


@pytest.mark.parametrize(
    ("codes", "ids"), [({"secrets"}, []), ({"secret"}, ["marketplace.W001"]), ({"id"}, ["marketplace.W002"])]
)
def test_an_operator_is_told_of_codes_that_mean_nothing(settings: Any, codes: set[str], ids: list[str]) -> None:
    settings.PLUGIN_CHECKS_SHADOW = frozenset(codes)
    assert [one.id for one in run_system_checks() if (one.id or "").startswith("marketplace.")] == ids


def test_every_check_has_a_code_of_its_own() -> None:
    assert len({check.code for check in VALIDATORS}) == len(VALIDATORS)
