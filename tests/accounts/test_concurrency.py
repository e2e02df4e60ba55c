"""On real threads, each with its own connection: what must happen once happens once, and nobody meets a 5xx."""

from collections import Counter
from collections.abc import Callable
from functools import partial

import pytest

from accounts.models import RefreshToken, Session, User
from tests.accounts.concurrency import run_concurrently
from tests.support.accounts import Account
from tests.support.client import Answer, ApiClient

pytestmark = pytest.mark.django_db(transaction=True)
MakeUser = Callable[..., Account]


def post(path: str, body: dict[str, str], token: str | None = None) -> Callable[[], Answer]:
    return partial(ApiClient().post, f"auth/{path}", json=body, token=token)


def statuses(answers: list[Answer]) -> Counter[int]:
    return Counter(answer.status for answer in answers)


def refresh(account: Account) -> Callable[[], Answer]:
    return post("refresh", {"refresh_token": account.refresh_token})


def test_twenty_parallel_refreshes_have_one_successor_and_all_get_it(make_user: MakeUser) -> None:
    account = make_user()
    answers = run_concurrently(*(refresh(account) for _ in range(20)))
    assert statuses(answers) == {200: 20}
    assert len({answer.json["refresh_token"] for answer in answers}) == 1
    family = RefreshToken.objects.filter(session_id=account.session_id)
    assert (family.count(), family.filter(rotated_at__isnull=True).count()) == (2, 1)
    assert post("refresh", {"refresh_token": answers[0].json["refresh_token"]})().status == 200


def test_ten_parallel_registrations_of_one_address_make_one_account() -> None:
    emails = ["ada@example.com", "ADA@Example.com"]
    answers = run_concurrently(
        *(post("register", {"email": emails[n % 2], "password": f"long enough {n}"}) for n in range(10))
    )
    assert statuses(answers) == {201: 1, 409: 9}
    assert {answer.code for answer in answers if answer.status == 409} == {"email_taken"}
    assert (User.objects.count(), Session.objects.count(), RefreshToken.objects.count()) == (1, 1, 1)


def test_of_parallel_password_changes_one_wins(make_user: MakeUser) -> None:
    account = make_user()
    answers = run_concurrently(
        *(
            post(
                "password",
                {"current_password": account.password, "new_password": f"another one {n}"},
                token=account.access_token,
            )
            for n in range(6)
        )
    )
    # A loser meets the new password (400) or its session already ended (401).
    assert statuses(answers)[200] == 1
    assert set(statuses(answers)) <= {200, 400, 401}
    (winner,) = [n for n, answer in enumerate(answers) if answer.status == 200]
    assert post("login", {"email": account.email, "password": f"another one {winner}"})().status == 200


def test_a_refresh_during_a_password_change_leaves_no_live_old_session(make_user: MakeUser) -> None:
    for _ in range(5):
        account = make_user()
        change = {"current_password": account.password, "new_password": "another one"}
        changed, *_ = run_concurrently(
            post("password", change, token=account.access_token), refresh(account), refresh(account)
        )
        assert changed.status == 200
        assert Session.objects.filter(user_id=account.user.id, revoked_at__isnull=True).count() == 1
        assert Session.objects.get(id=account.session_id).revoked_at is not None


def test_a_login_during_a_password_change_begins_no_session_that_outlives_it(make_user: MakeUser) -> None:
    for _ in range(5):
        account = make_user()
        change = {"current_password": account.password, "new_password": "another one"}
        login = {"email": account.email, "password": account.password}
        answers = run_concurrently(
            post("password", change, token=account.access_token), *(post("login", login) for _ in range(4))
        )
        assert answers[0].status == 200
        assert set(statuses(answers[1:])) <= {200, 401}
        assert Session.objects.filter(user_id=account.user.id, revoked_at__isnull=True).count() == 1


def test_a_logout_during_refreshes_is_final(make_user: MakeUser) -> None:
    for _ in range(5):
        account = make_user()
        body = {"refresh_token": account.refresh_token}
        out, *rest = run_concurrently(
            post("logout", body, token=account.access_token), *(refresh(account) for _ in range(4))
        )
        assert out.status == 204
        assert set(statuses(rest)) <= {200, 401}
        for answer in rest:
            if answer.status == 200:
                assert post("refresh", {"refresh_token": answer.json["refresh_token"]})().status == 401
                assert ApiClient().get("auth/me", token=answer.json["access_token"]).status == 401


def test_a_deletion_during_refreshes_and_logins_leaves_nothing(make_user: MakeUser) -> None:
    for _ in range(3):
        account = make_user()
        login = {"email": account.email, "password": account.password}
        delete = partial(ApiClient().delete, "auth/me", json={"password": account.password}, token=account.access_token)
        deleted, *rest = run_concurrently(delete, refresh(account), refresh(account), post("login", login))
        assert deleted.status == 202
        assert set(statuses(rest)) <= {200, 401}
        assert not User.objects.exists()
        assert not Session.objects.exists()


def test_of_parallel_revocations_one_finds_the_session(make_user: MakeUser) -> None:
    account = make_user()
    other = post("login", {"email": account.email, "password": account.password})()
    assert other.status == 200
    delete = partial(ApiClient().delete, f"auth/sessions/{account.session_id}", token=other.json["access_token"])
    assert statuses(run_concurrently(*(delete for _ in range(6)))) == {204: 1, 404: 5}
