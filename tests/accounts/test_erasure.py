import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db import IntegrityError, connection, transaction

from accounts import erasure
from accounts.models import User, hash_of
from tests.accounts.database_dump import whole_database
from tests.support.accounts import PASSWORD, Account
from tests.support.client import Answer, ApiClient
from tests.support.freed_address import register_when_free
from tests.support.server import PROJECT_DIR, RunningServer, clean_environment
from tests.support.worker import worker_beside

pytestmark = pytest.mark.django_db
MakeUser = Callable[..., Account]
Hooks = Callable[..., None]

only_sqlite = pytest.mark.skipif("connection.vendor != 'sqlite'", reason="SQLite's own way to keep what was deleted")


def delete(api: ApiClient, account: Account, password: Any = PASSWORD) -> Answer:
    return api.delete("auth/me", json={"password": password}, token=account.access_token)


def is_closed(api: ApiClient, account: Account) -> bool:
    """Nothing of the account lets anybody in."""
    return [
        api.get("auth/me", token=account.access_token).status,
        api.post("auth/refresh", json={"refresh_token": account.refresh_token}).status,
        api.post("auth/login", json={"email": account.email, "password": account.password}).status,
    ] == [401, 401, 401]


def test_deleting_answers_202_and_closes_every_way_in(api: ApiClient, make_user: MakeUser, hooks: Hooks) -> None:
    account = make_user()
    answer = delete(api, account)
    assert (answer.status, answer.content) == (202, b"")
    assert is_closed(api, account)


@pytest.mark.parametrize(
    ("password", "says"), [("wrong password", "wrong"), (PASSWORD + " ", "wrong"), (12345678, "string"), (None, "null")]
)
def test_a_wrong_password_is_400_on_that_field_and_deletes_nothing(
    api: ApiClient, make_user: MakeUser, password: Any, says: str
) -> None:
    account = make_user()
    answer = delete(api, account, password)
    assert (answer.status, answer.code) == (400, "validation_error")
    assert says in answer.json["errors"]["password"][0]
    assert api.get("auth/me", token=account.access_token).status == 200


def test_no_table_remembers_the_account(api: ApiClient, make_user: MakeUser, hooks: Hooks) -> None:
    account, stays = make_user(tier="pro"), make_user(tier="team")
    staff = make_user().user
    LogEntry.objects.create(
        user=staff,
        content_type=ContentType.objects.get_for_model(User),
        object_id=str(account.user.id),
        object_repr=account.email,
        action_flag=CHANGE,
    )
    assert delete(api, account).status == 202
    held = whole_database()
    assert account.email not in held
    assert account.user.password not in held
    assert account.session_id.hex not in held.replace("-", "")
    assert hash_of(account.refresh_token) not in held
    assert stays.email in held
    assert hash_of(stays.refresh_token) in held
    assert LogEntry.objects.count() == 1  # what staff did stays on record


def test_the_address_can_be_registered_again_as_another_account(
    api: ApiClient, make_user: MakeUser, hooks: Hooks
) -> None:
    account = make_user(tier="pro")
    delete(api, account)
    tokens = api.post("auth/register", json={"email": account.email, "password": PASSWORD}).json
    profile = api.get("auth/me", token=tokens["access_token"]).json
    assert profile["id"] != str(account.user.id)
    assert profile["tier"] == "free"
    assert api.get("auth/me", token=account.access_token).status == 401


def test_hooks_run_once_each_in_the_order_of_registration_before_the_account_goes(
    api: ApiClient, make_user: MakeUser, hooks: Hooks
) -> None:
    account = make_user()
    ran: list[tuple[str, bool]] = []
    for name in ("storage", "backups", "billing"):
        hooks(name, lambda user_id, name=name: ran.append((name, User.objects.filter(id=user_id).exists())))
    delete(api, account)
    assert ran == [("storage", True), ("backups", True), ("billing", True)]


def test_a_hook_runs_when_the_account_is_closed_already(api: ApiClient, make_user: MakeUser, hooks: Hooks) -> None:
    account = make_user()
    closed: list[bool] = []
    hooks("storage", lambda _: closed.append(is_closed(ApiClient(), account)))
    delete(api, account)
    assert closed == [True]


def test_a_hook_registered_again_under_its_name_runs_once(make_user: MakeUser, hooks: Hooks) -> None:
    account = make_user()
    ran: list[UUID] = []
    hooks("storage", ran.append)
    hooks("storage", ran.append)
    erasure.close_account(user=account.user)
    erasure.erase(user_id=account.user.id)
    assert ran == [account.user.id]


def test_a_failing_hook_leaves_the_account_closed_and_resume_finishes(
    api: ApiClient, make_user: MakeUser, hooks: Hooks, caplog: pytest.LogCaptureFixture
) -> None:
    account = make_user()
    broken, ran = [True], []

    def storage(user_id: UUID) -> None:
        ran.append("storage")
        if broken:
            raise OSError("the bucket is away")

    hooks("storage", storage)
    hooks("billing", lambda _: ran.append("billing"))
    assert delete(api, account).status == 202
    assert is_closed(api, account)
    assert ran == ["storage", "billing"]  # what is away withholds nothing else
    assert api.post("auth/register", json={"email": account.email, "password": PASSWORD}).status == 409
    assert erasure.resume() == 0
    assert "could not be erased yet" in caplog.text
    broken.clear()
    assert erasure.resume() == 1
    assert ran == ["storage", "billing"] * 3
    assert not User.objects.filter(id=account.user.id).exists()
    assert erasure.resume() == 0


def test_what_comes_after_a_failing_hook_waits_for_it(make_user: MakeUser, hooks: Hooks) -> None:
    account = make_user()
    broken, ran, noted = [True], [], []

    def storage(user_id: UUID) -> None:
        if broken:
            raise OSError("the disk is away")

    def sweep(user_id: UUID, is_over: Callable[[], bool]) -> bool:
        ran.append("blobs")
        return True

    def note(user_id: UUID, name: str, error: Exception) -> None:
        noted.append((user_id, name, str(error)))

    hooks("storage", storage)
    hooks("money", lambda _: ran.append("money"), after=["storage"])
    hooks("rest", lambda _: ran.append("rest"))
    erasure.register_sweep("blobs", sweep, after=["money"])
    erasure.close_account(user=account.user)
    assert erasure.resume(note=note) == 0
    assert (ran, noted) == (["rest"], [(account.user.id, "storage", "the disk is away")])
    broken.clear()
    assert erasure.resume(note=note) == 1
    assert ran == ["rest", "money", "rest", "blobs"]


def test_an_account_that_cannot_be_erased_does_not_stop_the_next(make_user: MakeUser, hooks: Hooks) -> None:
    stuck, free = make_user(), make_user()

    def storage(user_id: UUID) -> None:
        if user_id == stuck.user.id:
            raise OSError("the bucket is away")

    hooks("storage", storage)
    for account in (stuck, free):
        erasure.close_account(user=account.user)
    assert erasure.resume() == 1
    assert list(User.objects.values_list("id", flat=True)) == [stuck.user.id]


def test_resume_leaves_open_and_merely_disabled_accounts_alone(make_user: MakeUser, hooks: Hooks) -> None:
    account, disabled = make_user(), make_user()
    User.objects.filter(id=disabled.user.id).update(is_active=False)
    assert erasure.resume() == 0
    assert erasure.erase(user_id=account.user.id)
    assert User.objects.count() == 2


def test_erasing_twice_is_no_error(make_user: MakeUser, hooks: Hooks) -> None:
    account = make_user()
    erasure.close_account(user=account.user)
    assert [erasure.erase(user_id=account.user.id) for _ in range(2)] == [True, True]


def test_the_database_refuses_to_open_an_account_that_is_being_erased(make_user: MakeUser) -> None:
    account = make_user()
    erasure.close_account(user=account.user)
    with pytest.raises(IntegrityError), transaction.atomic():
        User.objects.filter(id=account.user.id).update(is_active=True)


@only_sqlite
def test_sqlite_overwrites_what_is_deleted() -> None:
    with connection.cursor() as cursor:
        assert cursor.execute("PRAGMA secure_delete").fetchone() == (1,)
    # Asked for, too: some builds of SQLite have it on by themselves.
    assert "secure_delete=ON" in connection.settings_dict["OPTIONS"]["init_command"]


@only_sqlite
@pytest.mark.django_db(transaction=True)
def test_the_files_of_sqlite_hold_nothing_of_the_account(api: ApiClient, make_user: MakeUser, hooks: Hooks) -> None:
    account = make_user(email="somebody-to-forget@example.com")
    files = sorted(Path(connection.settings_dict["NAME"]).parent.glob("test.sqlite3*"))
    assert any(account.email.encode() in file.read_bytes() for file in files)
    assert delete(api, account).status == 202
    assert not any(account.email.encode() in file.read_bytes() for file in files if file.exists())


@only_sqlite
@pytest.mark.django_db(transaction=True)
def test_emptying_sqlites_log_leaves_the_connections_patience_as_it_was(make_user: MakeUser, hooks: Hooks) -> None:
    account = make_user()
    with connection.cursor() as cursor:
        before = cursor.execute("PRAGMA busy_timeout").fetchone()
        erasure.close_account(user=account.user)
        erasure.erase(user_id=account.user.id)
        assert cursor.execute("PRAGMA busy_timeout").fetchone() == before == (30_000,)


KILLED_WHILE_ERASING = """
import os, signal, django
django.setup()
from accounts import erasure
from accounts.models import User
erasure.register("storage", lambda user_id: os.kill(os.getpid(), signal.SIGKILL))
user = User.objects.get(email="killed@example.com")
erasure.close_account(user=user)
erasure.erase(user_id=user.id)
"""


@pytest.mark.slow
def test_what_a_kill_cut_short_is_finished_when_a_server_starts(
    server: RunningServer, server_factory: Callable[..., RunningServer], tmp_path: Path
) -> None:
    body = {"email": "killed@example.com", "password": PASSWORD}
    assert httpx.post(f"{server.url}/api/v1/auth/register", json=body, timeout=30).status_code == 201
    environment = clean_environment() | server.env | {"DJANGO_SETTINGS_MODULE": "adiuva.settings"}
    killed = subprocess.run([sys.executable, "-c", KILLED_WHILE_ERASING], cwd=PROJECT_DIR, env=environment, check=False)
    assert killed.returncode == -signal.SIGKILL
    assert httpx.post(f"{server.url}/api/v1/auth/login", json=body, timeout=30).status_code == 401
    assert httpx.post(f"{server.url}/api/v1/auth/register", json=body, timeout=30).status_code == 409

    restarted = server_factory()
    with worker_beside(restarted, tmp_path):
        register_when_free(restarted, body)
