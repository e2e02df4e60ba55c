"""The desktop app, which waits on a loopback address, and browsers that somebody signs in with."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from html.parser import HTMLParser
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from queue import SimpleQueue
from threading import Thread
from typing import Any, Self
from urllib.parse import parse_qs, urlencode, urljoin, urlsplit

import httpx

from accounts.handoff.codes import challenge_of
from tests.support.browser import Browser
from tests.support.contract import CHECKED
from tests.support.server import RunningServer

MOST_HOPS = 12
ANSWER_SECONDS = 60


class App:
    """``page`` is what a browser shows of it when it comes back; ``answers`` are the queries that it came back with."""

    page = "Back in the app"

    def __init__(self, server: RunningServer) -> None:
        self.server = server
        self.http = httpx.Client(base_url=f"{server.url}/api/v1/", timeout=30, event_hooks=CHECKED)
        self.answers: SimpleQueue[dict[str, str]] = SimpleQueue()
        self.verifier = ""
        self._state = ""

    def __enter__(self) -> Self:
        app = self

        class Listener(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                if urlsplit(self.path).path == "/signed-in":
                    app.answers.put(query_of(self.path))
                self.send_response(200)
                self.send_header("Content-Type", "text/html")
                self.end_headers()
                self.wfile.write(f'<link rel="icon" href="data:,"><title>{App.page}</title>'.encode())

            def log_message(self, *_: Any) -> None:
                """Nothing: it is no test's output."""

        self._listener = ThreadingHTTPServer(("127.0.0.1", 0), Listener)
        self._thread = Thread(target=self._listener.serve_forever, kwargs={"poll_interval": 0.05})
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.shutdown()
        self._thread.join()
        self._listener.server_close()
        self.http.close()

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self._listener.server_port}/signed-in"

    def begin(self, email: str) -> str:
        """What the app opens in the system's browser for somebody who has typed their address."""
        found = self.http.post("auth/sso/discover", json={"email": email})
        assert found.status_code == 200, found.text
        assert found.json()["sso"] is True, found.text
        return self.start(found.json()["start_url"])

    def start(self, start_url: str) -> str:
        self.verifier, self._state = secrets.token_urlsafe(48), secrets.token_urlsafe(16)
        parts = urlsplit(start_url)
        asked = query_of(start_url) | {
            "code_challenge": challenge_of(self.verifier),
            "code_challenge_method": "S256",
            "redirect_uri": self.address,
            "state": self._state,
        }
        return f"{parts.scheme}://{parts.netloc}{parts.path}?{urlencode(asked)}"

    def answer(self) -> dict[str, str]:
        """What the browser brought, without the state, which is right."""
        told = self.answers.get(timeout=ANSWER_SECONDS)
        assert told.pop("state") == self._state
        return told

    def code(self) -> str:
        told = self.answer()
        assert list(told) == ["code"], told
        return told["code"]

    def redeem(self, code: str, verifier: str | None = None) -> httpx.Response:
        body = {"code": code, "code_verifier": verifier or self.verifier}
        return self.http.post("auth/sso/token", json=body)

    def tokens(self) -> "Tokens":
        answer = self.redeem(self.code())
        assert answer.status_code == 200, answer.text
        return Tokens(self.http, answer.json())


@dataclass
class Tokens:
    """A session of somebody's."""

    http: httpx.Client
    told: dict[str, Any]

    @property
    def bearer(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.told['access_token']}"}

    def get(self, path: str) -> httpx.Response:
        return self.http.get(path, headers=self.bearer)

    def post(self, path: str, body: Any = None) -> httpx.Response:
        return self.http.post(path, json=body, headers=self.bearer)

    def refresh(self) -> httpx.Response:
        answer = self.http.post("auth/refresh", json={"refresh_token": self.told["refresh_token"]})
        if answer.status_code == 200:
            self.told = answer.json()
        return answer

    def profile(self) -> dict[str, Any]:
        answer = self.get("auth/me")
        assert answer.status_code == 200, answer.text
        profile: dict[str, Any] = answer.json()
        return profile


def query_of(url: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(url).query, keep_blank_values=True).items()}


@dataclass
class PlainBrowser:
    """Follows redirects, keeps cookies, fills the provider's form; quicker than Chromium, and stops where told to."""

    client: httpx.Client = field(default_factory=lambda: httpx.Client(timeout=30, trust_env=False))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.client.close()

    def sign_in(self, url: str, login: str, *, until: str = "") -> httpx.Response:
        """The last page. ``until``: an address that begins so is not opened; the answer is the redirect to it."""
        answer = self.client.get(url)
        for _ in range(MOST_HOPS):
            location = urljoin(str(answer.url), answer.headers.get("Location", ""))
            if answer.is_redirect and until and location.startswith(until):
                return answer
            if answer.is_redirect:
                answer = self.client.get(location)
            elif fields := _Form.of(answer.text):
                answer = self._submit(answer, fields, login)
            else:
                return answer
        raise AssertionError(f"no end of redirects at {answer.url}")

    def _submit(self, page: httpx.Response, fields: Mapping[str, str], login: str) -> httpx.Response:
        told = {"login": login, "go": "in"} if "login" in fields else {"logout": "yes"}
        action = urljoin(str(page.url), fields.get("action", ""))
        return self.client.post(action, data={**{k: v for k, v in fields.items() if k != "action"}, **told})


class _Form(HTMLParser):
    """The fields of a page's one form by name, and its ``action`` where it has one."""

    def __init__(self) -> None:
        super().__init__()
        self.fields: dict[str, str] = {}

    @classmethod
    def of(cls, page: str) -> dict[str, str]:
        form = cls()
        form.feed(page)
        return form.fields

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        told = dict(attrs)
        if tag == "form" and told.get("method") == "post" and told.get("action"):
            self.fields["action"] = told["action"] or ""
        if tag == "input" and told.get("name"):
            self.fields[told["name"] or ""] = told.get("value") or ""


def sign_in_with(browser: Browser, url: str, login: str) -> None:
    """In Chromium, by hand, on the provider's page."""
    browser.open(url)
    browser.wait_for_title("The company's own login")
    browser.all("input[name=login]")[0].send_keys(login)
    browser.all("button[value=in]")[0].click()
