"""Somebody who pays where Stripe is played."""

import re
from typing import Any

from django.test import Client

from tests.billing.purchases import checkout, subscription
from tests.support.accounts import Account
from tests.support.client import Answer, ApiClient

ORIGIN = "http://localhost:8000"


class Person:
    """Somebody with an account and a browser. ``page`` is the path of their portal, once it was opened."""

    def __init__(self, api: ApiClient, account: Account) -> None:
        self.api, self.account, self.page = api, account, ""
        self.browser = Client(raise_request_exception=False)

    def buy(self, tier: str = "pro", **wanted: Any) -> None:
        answer = checkout(self.api, self.account, tier, **wanted)
        assert self.browser.post(self._path(answer.json["checkout_url"])).status_code == 302

    def subscription(self) -> Any:
        return subscription(self.api, self.account)

    def invoices(self) -> Any:
        answer = self.api.get("billing/invoices", token=self.account.access_token)
        assert answer.status == 200, answer
        return answer.json["items"]

    def open_portal(self) -> str:
        """What it shows."""
        if not self.page:
            self.page = self._path(self._post("billing/portal").json["portal_url"])
        answer = self.browser.get(self.page)
        assert answer.status_code == 200
        return answer.content.decode()

    def press(self, what: str, **fields: Any) -> None:
        """A button of the portal."""
        page = self.open_portal()
        assert f'value="{what}"' in page, page
        assert self.send(do=what, seen=version_on(page), **fields) == 302

    def send(self, **form: Any) -> int:
        return self.browser.post(self.page, form).status_code

    def send_from_portal(self, **form: Any) -> int:
        """What no button of the page would send."""
        return self.send(seen=version_on(self.open_portal()), **form)

    def end_at_period_end(self) -> Answer:
        return self.api.delete("billing/subscription?at=period_end", token=self.account.access_token)

    def resume(self) -> Answer:
        return self._post("billing/subscription/resume")

    def owed_page(self) -> str:
        """Of the open invoice."""
        return self._path(self.subscription()["pay_url"])

    def _post(self, path: str, json: Any = None) -> Answer:
        return self.api.post(path, json=json, token=self.account.access_token)

    def _path(self, url: str) -> str:
        assert url.startswith(ORIGIN)
        return url.removeprefix(ORIGIN)


def version_on(page: str) -> str:
    found = re.search(r'name="seen" value="(\w+)"', page)
    assert found is not None, page
    return found[1]
