"""What people do about their addresses and forgotten passwords."""

from typing import Any

from accounts.models import MailTokenPurpose
from accounts.recovery.mail_tokens import RESET_LIFETIME, VERIFY_LIFETIME, issue_token
from tests.support.accounts import Account
from tests.support.client import Answer, ApiClient
from tests.support.mailbox import last_message_to, token_in

NEW_PASSWORD = "another long sentence"


def mailed_token(address: str) -> str:
    """Of the newest mail to ``address``."""
    return token_in(last_message_to(address))


def mailed_reset_token(address: str) -> str:
    assert ApiClient().post("auth/password/reset", json={"email": address}).status == 202
    return mailed_token(address)


def reset_token(account: Account) -> str:
    """As a mail would hold it."""
    return issue_token(user=account.user, purpose=MailTokenPurpose.RESET, email=account.email, lifetime=RESET_LIFETIME)


def verify_token(account: Account) -> str:
    return issue_token(
        user=account.user, purpose=MailTokenPurpose.VERIFY, email=account.email, lifetime=VERIFY_LIFETIME
    )


def confirm_reset(token: str, **body: Any) -> Answer:
    return ApiClient().post("auth/password/reset/confirm", json={"token": token, "new_password": NEW_PASSWORD} | body)


def use(token: str) -> Answer:
    return ApiClient().post("auth/email/verify", json={"token": token})


def ask_for_change(account: Account, new_email: str, **body: Any) -> Answer:
    fields = {"new_email": new_email, "password": account.password} | body
    return ApiClient().post("auth/email", json=fields, token=account.access_token)


def log_in(email: str, password: str) -> Answer:
    return ApiClient().post("auth/login", json={"email": email, "password": password})


def change_address(account: Account, new_email: str) -> str:
    """All the way. Returns the token of the way back, which the old address has got."""
    old_email = ApiClient().get("auth/me", token=account.access_token).json["email"]
    assert ask_for_change(account, new_email).status == 202
    undo = mailed_token(old_email)
    assert use(mailed_token(new_email)).status == 204
    return undo
