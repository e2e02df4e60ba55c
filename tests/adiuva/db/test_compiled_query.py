"""``CompiledQuery`` finds what the queryset finds, without making its SQL again."""

import threading
from uuid import UUID, uuid4

import pytest
from django.db import connection, models
from django.db.models.sql.compiler import SQLCompiler
from django.test.utils import CaptureQueriesContext

from accounts.models import Session
from adiuva.db.compiled_queries import CompiledQuery
from tests.support.accounts import Account, make_account

pytestmark = pytest.mark.django_db


def sessions(session_id: UUID, user_id: UUID) -> "models.QuerySet[Session]":
    return (
        Session.objects.filter(revoked_at__isnull=True)
        .filter(id=session_id, user_id=user_id)
        .select_related("user__subscription")
        .defer("user_agent")
        .order_by()
    )


@pytest.fixture
def accounts() -> list[Account]:
    return [make_account(tier="team"), make_account()]


def test_it_finds_what_the_queryset_finds(accounts: list[Account]) -> None:
    query = CompiledQuery(sessions)
    for account in accounts:
        expected = sessions(account.session_id, account.user.id).get()
        with CaptureQueriesContext(connection) as queries:
            found = query.first(account.session_id, account.user.id)
            assert found is not None
            subscription = getattr(found.user, "subscription", None)
        assert len(queries) == 1
        assert found == expected
        assert found.user.email == account.email
        assert found.user.created_at == expected.user.created_at
        assert found.user.is_active is True
        assert (subscription.tier if subscription else "free") == ("team" if account is accounts[0] else "free")
        assert found.get_deferred_fields() == {"user_agent"}
        assert found.user_agent == "tests"


def test_each_id_goes_to_its_own_column(accounts: list[Account]) -> None:
    query = CompiledQuery(sessions)
    one, other = accounts
    assert query.first(one.session_id, other.user.id) is None
    assert query.first(one.user.id, one.session_id) is None
    assert query.first(uuid4(), one.user.id) is None
    assert query.first(one.session_id, one.user.id) is not None


def test_what_the_queryset_leaves_out_is_not_found(accounts: list[Account]) -> None:
    query = CompiledQuery(sessions)
    assert query.first(accounts[0].session_id, accounts[0].user.id) is not None
    Session.objects.filter(id=accounts[0].session_id).update(revoked_at=models.functions.Now())
    assert query.first(accounts[0].session_id, accounts[0].user.id) is None


def test_the_sql_is_made_once(accounts: list[Account], monkeypatch: pytest.MonkeyPatch) -> None:
    query = CompiledQuery(sessions)
    query.first(accounts[0].session_id, accounts[0].user.id)

    def compiles_again(*_: object, **__: object) -> None:
        raise AssertionError

    monkeypatch.setattr(SQLCompiler, "as_sql", compiles_again)
    assert query.first(accounts[1].session_id, accounts[1].user.id) is not None


@pytest.mark.django_db(transaction=True)
def test_threads_share_it_and_each_asks_by_its_own_connection() -> None:
    accounts = [make_account() for _ in range(4)]
    query = CompiledQuery(sessions)
    found: dict[str, str | None] = {}

    def ask(account: Account) -> None:
        for _ in range(20):
            session = query.first(account.session_id, account.user.id)
            found[account.email] = session.user.email if session else None
        connection.close()

    threads = [threading.Thread(target=ask, args=[account]) for account in accounts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert found == {account.email: account.email for account in accounts}


def test_more_or_fewer_ids_are_refused(accounts: list[Account]) -> None:
    with pytest.raises(ValueError, match="zip"):
        CompiledQuery(sessions).first(accounts[0].session_id)
