"""What the routes of second factors ask for: arguments of ``ApiClient.request``, made for an account."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pyotp

from accounts.factors.challenges import open_challenge
from accounts.factors.recovery_codes import replace_codes
from accounts.factors.sealing import unseal
from accounts.factors.totp import start_totp
from accounts.models import ChallengePurpose, Factor
from accounts.security_events.recording import Origin
from tests.support.accounts import Account

HERE = Origin(ip=None, user_agent="tests")


def add_pending_app(account: Account) -> str:
    return str(start_totp(user_id=account.user.id, name="").id)


def add_app(account: Account) -> list[str]:
    """Confirmed; its recovery codes."""
    factor_id = add_pending_app(account)
    Factor.objects.filter(id=factor_id).update(confirmed_at=datetime.now(UTC))
    return replace_codes(user_id=account.user.id, origin=HERE, session_id=account.session_id)


def confirm(account: Account) -> dict[str, Any]:
    """The code of the app that waits; of an account without one any code, which is as good as another's."""
    factor = Factor.objects.filter(user=account.user, confirmed_at__isnull=True).first()
    if factor is None:
        return {"json": {"code": "123456"}}
    secret = unseal(factor.sealed_secret, factor_id=factor.id, user_id=account.user.id)
    return {"json": {"code": pyotp.TOTP(secret).now()}}


def make_recovery_codes(account: Account) -> dict[str, Any]:
    add_app(account)
    return {}


def answer_challenge(account: Account) -> dict[str, Any]:
    """Goes on with a login of the account's, which gets a factor for that."""
    code = add_app(account)[0]
    waiting = open_challenge(user=account.user, purpose=ChallengePurpose.LOGIN)
    return {"json": {"challenge_id": waiting.extra["challenge_id"], "method": "recovery_code", "code": code}}


REQUESTS: dict[str, Callable[[Account], dict[str, Any]]] = {
    "POST auth/login/second-factor": answer_challenge,
    "POST auth/factors/{factor}/confirm": confirm,
    "POST auth/factors/recovery-codes": make_recovery_codes,
}
