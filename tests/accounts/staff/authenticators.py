"""Authenticator apps of staff, and their browsers."""

import re
from typing import Any

import pyotp
from django.test import Client

from accounts.factors.totp import STEP_SECONDS, confirm_totp, start_totp
from accounts.models import User
from tests.support.accounts import TESTS, Account

NOW = 1_800_000_000  # by the clocks of the apps and of the server
LOGIN = "/admin/login/"
SECOND = "/admin/login/second-factor/"


class App:
    """Each code is another one: a code counts once."""

    def __init__(self, secret: str) -> None:
        self._totp = pyotp.TOTP(secret)
        self._step = 0

    def code(self) -> str:
        """Of the step before this, then of this one, then of the next: three in all."""
        self._step += 1
        return self._totp.at(NOW + (self._step - 2) * STEP_SECONDS)

    def wrong_code(self) -> str:
        right = {self._totp.at(NOW + step * STEP_SECONDS) for step in range(-2, 3)}
        return next(code for n in range(9) if (code := f"{n:06}") not in right)


def set_up(user: User) -> tuple[App, list[str]]:
    """An app, and the recovery codes."""
    pending = start_totp(user_id=user.id, name="")
    app = App(pending.secret)
    return app, confirm_totp(user_id=user.id, factor_id=pending.id, code=app.code(), origin=TESTS, session_id=None)


def enter_password(browser: Client, account: Account, *, leads_to: str = "/admin/") -> Any:
    return browser.post(f"{LOGIN}?next={leads_to}", {"username": account.email, "password": account.password})


def enter_code(browser: Client, code: str) -> Any:
    return browser.post(SECOND, {"code": code})


def is_in(browser: Client) -> bool:
    return browser.get("/admin/").status_code == 200


def secret_on(page: Any) -> str:
    found = re.search(r'id="secret">([A-Z2-7]+)<', page.content.decode())
    assert found, page.content.decode()
    return found[1]


def recovery_codes_on(page: Any) -> list[str]:
    return re.findall(r"<li class=\"py-0.5\">([a-z0-9-]+)</li>", page.content.decode())
