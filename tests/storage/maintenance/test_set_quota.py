from collections.abc import Callable

import pytest
from django.core.management import CommandError, call_command

from storage.models import StorageUsage
from storage.quota import Kind, limit_bytes, usage_of
from tests.storage.maintenance.stored_items import make_record, run
from tests.support.accounts import Account

pytestmark = pytest.mark.django_db
MakeUser = Callable[..., Account]

GIB = 1024**3


def limits(account: Account) -> tuple[int | None, int | None]:
    """Of records and vectors, and of backups, as the next upload meets them."""
    usage = usage_of(account.user.id)
    return limit_bytes(account.user, Kind.STORAGE, usage), limit_bytes(account.user, Kind.BACKUP, usage)


def test_a_limit_of_its_own_holds_from_the_next_request_on(
    make_user: MakeUser, capsys: pytest.CaptureFixture[str]
) -> None:
    account = make_user(tier="pro", email="ada@example.com")
    call_command("set_quota", "Ada@Example.com", "--storage", "1.5GiB")
    assert limits(account) == (GIB * 3 // 2, 5 * GIB)
    assert capsys.readouterr().out == (
        "ada@example.com: storage 5 GiB (5368709120 bytes) -> 1.5 GiB (1610612736 bytes)\n"
        "ada@example.com: backup 5 GiB (5368709120 bytes) -> 5 GiB (5368709120 bytes)\n"
    )


def test_a_free_account_may_be_given_room(make_user: MakeUser) -> None:
    account = make_user()
    call_command("set_quota", account.email, "--storage", "1000", "--backup", "2kB")
    assert limits(account) == (1000, 2000)


def test_an_unlimited_tier_may_be_limited(make_user: MakeUser) -> None:
    account = make_user(tier="team")
    assert "unlimited -> 0 B (0 bytes)" in run("set_quota", account.email, "--backup", "0")[1]
    assert limits(account) == (None, 0)


def test_clearing_goes_back_to_the_tiers(make_user: MakeUser) -> None:
    account = make_user(tier="pro")
    call_command("set_quota", account.email, "--storage", "1", "--backup", "2")
    call_command("set_quota", account.email, "--clear", "--backup", "3")
    assert limits(account) == (5 * GIB, 3)
    call_command("set_quota", account.email, "--clear")
    assert limits(account) == (5 * GIB, 5 * GIB)


def test_what_is_stored_and_counted_is_not_touched(make_user: MakeUser) -> None:
    account = make_user(tier="pro")
    make_record(account.user, b"12345")
    call_command("set_quota", account.email, "--storage", "1")
    usage = StorageUsage.objects.get(user=account.user)
    assert (usage.storage_bytes, usage.last_seq) == (5, 1)


@pytest.mark.parametrize("amount", ["-1", "-5GiB", "5 GiBB", "", "lots", "0.5", "1e9", "٣", "9223372036854775808"])
def test_an_impossible_amount_is_refused(make_user: MakeUser, amount: str) -> None:
    account = make_user(tier="pro")
    with pytest.raises(CommandError, match="bytes"):
        call_command("set_quota", account.email, f"--storage={amount}")
    assert limits(account) == (5 * GIB, 5 * GIB)


def test_there_must_be_something_to_set(make_user: MakeUser) -> None:
    with pytest.raises(CommandError, match="nothing to set"):
        call_command("set_quota", make_user().email)


def test_it_knows_no_such_account() -> None:
    with pytest.raises(CommandError, match=r"no account has the email 'nobody@example\.com'"):
        call_command("set_quota", "nobody@example.com", "--storage", "1")
