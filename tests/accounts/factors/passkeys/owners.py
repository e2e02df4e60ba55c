"""People with an account and a device, and what they do with both."""

from dataclasses import dataclass
from typing import Any

from accounts.models import Factor
from tests.fakes.authenticator import Authenticator
from tests.support.accounts import Account
from tests.support.client import Answer, ApiClient


@dataclass
class Owner:
    account: Account
    device: Authenticator
    api: ApiClient

    def options(self) -> dict[str, Any]:
        answer = self.api.post("auth/passkeys/options", token=self.account.access_token)
        assert answer.status == 200, answer
        options: dict[str, Any] = answer.json
        return options

    def register(self, credential: Any) -> Answer:
        return self.api.post("auth/passkeys", json=credential, token=self.account.access_token)

    def add_passkey(self) -> dict[str, Any]:
        answer = self.register(self.device.create(self.options()))
        assert answer.status == 201, answer
        factor: dict[str, Any] = answer.json
        return factor

    def request_options(self, *, token: str | None = None, **body: Any) -> dict[str, Any]:
        answer = self.api.post("auth/passkeys/login/options", json=body, token=token)
        assert answer.status == 200, answer
        options: dict[str, Any] = answer.json
        return options

    def assertion(self, **kwargs: Any) -> dict[str, Any]:
        """For a login by passkey alone."""
        return self.device.get(self.request_options(), **kwargs)

    def log_in(self, credential: Any) -> Answer:
        return self.api.post("auth/passkeys/login", json=credential)

    @property
    def factor(self) -> Factor:
        factor: Factor = Factor.objects.get(user_id=self.account.user.id)
        return factor
