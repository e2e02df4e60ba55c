"""An account with an authenticator app, whose clock a test moves."""

from dataclasses import dataclass
from typing import Any

import pyotp

from tests.support.accounts import Account
from tests.support.client import Answer, ApiClient

STEP = 30


class AppClock:
    """The server's clock and the app's, in seconds since the epoch."""

    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def next_step(self, steps: int = 1) -> None:
        self.now += steps * STEP


@dataclass
class App:
    """What shows codes. ``recovery_codes``: what the confirmation answered."""

    account: Account
    clock: AppClock
    factor_id: str
    secret: str
    recovery_codes: list[str]

    def code(self, *, steps: int = 0) -> str:
        """Of now, or of so many steps later."""
        return pyotp.TOTP(self.secret).at(self.clock.now + steps * STEP)

    def wrong_code(self) -> str:
        """One that is right at no step near."""
        near = {self.code(steps=steps) for steps in range(-3, 4)}
        return next(code for code in map("{:06}".format, range(10)) if code not in near)


def add_app(account: Account, clock: AppClock, *, name: str = "") -> App:
    """Confirmed, by a code that is used up then: the clock goes on by two steps."""
    api, token = ApiClient(), account.access_token
    started = api.post("auth/factors/totp", json={"name": name} if name else {}, token=token)
    assert started.status == 201, started
    app = App(account, clock, started.json["id"], started.json["secret"], [])
    confirmed = api.post(f"auth/factors/{app.factor_id}/confirm", json={"code": app.code()}, token=token)
    assert confirmed.status == 200, confirmed
    app.recovery_codes = confirmed.json["recovery_codes"]
    clock.next_step(2)
    return app


def log_in(account: Account, *, password: str | None = None) -> Answer:
    return ApiClient().post("auth/login", json={"email": account.email, "password": password or account.password})


def challenge_of(account: Account) -> str:
    refused = log_in(account)
    assert (refused.status, refused.code) == (403, "second_factor_required")
    return str(refused.json["challenge_id"])


def answer(challenge: str, *, method: str = "totp", **proof: Any) -> Answer:
    return ApiClient().post("auth/login/second-factor", json={"challenge_id": challenge, "method": method, **proof})
