"""From a request's text to an answer: who asks, which version, which route, whether it was asked before."""

import base64
import json
import re
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from typing import Any

from tests.fakes.stripe import catalog, checkout, connect, invoices, money, payments, subscriptions
from tests.fakes.stripe.errors import ApiError
from tests.fakes.stripe.forms import decode
from tests.fakes.stripe.params import check_params
from tests.fakes.stripe.world import API_VERSION, Call, JsonObject, Route, World

ROUTES: list[Route] = [
    *catalog.ROUTES,
    *checkout.ROUTES,
    *payments.ROUTES,
    *subscriptions.ROUTES,
    *invoices.ROUTES,
    *money.ROUTES,
    *connect.ROUTES,
]
LONGEST_KEY = 255

Headers = Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    status: int
    body: bytes
    content_type: str = "application/json"
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _StoredAnswer:
    """What was asked under an idempotency key, and how it was answered."""

    asked: tuple[str, str, Any]
    answer: Answer


class Engine:
    """``lock`` guards the world: a request is carried out whole."""

    def __init__(self, world: World, *, secret_key: str) -> None:
        self.lock = threading.RLock()
        self._world = world
        self._secret_key = secret_key
        self._kept: dict[str, _StoredAnswer] = {}
        self._in_use: set[str] = set()

    def answer(
        self,
        *,
        method: str,
        path: str,
        form: str,
        headers: Headers,
        dwell: Callable[[], object] = bool,
        failure: ApiError | None = None,
    ) -> Answer:
        """``dwell`` is run before the request is carried out, while its idempotency key is in use. ``failure`` is
        raised instead of carrying it out.
        """
        try:
            self._admit(headers)
            # Keys mean something on POST only (docs.stripe.com/api/idempotent_requests).
            key = headers.get("idempotency-key") if method == "POST" else None
            if key is not None:
                return self._answer_once(key, method, path, form, dwell, failure)
            dwell()
            return self._carry_out(method, path, form, failure)
        except ApiError as error:
            return _encode(error.body, error.status)

    def forget_keys(self) -> None:
        """As Stripe may after a day."""
        with self.lock:
            self._kept.clear()

    def _admit(self, headers: Headers) -> None:
        scheme, _, credentials = headers.get("authorization", "").partition(" ")
        if scheme == "Basic":
            credentials = base64.b64decode(credentials).decode().removesuffix(":")
        if not credentials:
            raise ApiError("You did not provide an API key.", status=401)
        if credentials != self._secret_key:
            raise ApiError(f"Invalid API Key provided: {credentials[:8]}****", status=401)
        if headers.get("stripe-version") != API_VERSION:
            raise ApiError(f"This double speaks {API_VERSION} only, not {headers.get('stripe-version')}.")

    def _answer_once(
        self, key: str, method: str, path: str, form: str, dwell: Callable[[], object], failure: ApiError | None
    ) -> Answer:
        asked = (method, path, decode(form))
        with self.lock:
            kept = self._kept.get(key)
            if kept is None:
                _require_sound(key)
                if key in self._in_use:
                    raise ApiError(
                        f"There is currently another in-progress request using this Idempotent Key: {key}.",
                        status=409,
                        kind="idempotency_error",
                        code="idempotency_key_in_use",
                    )
                self._in_use.add(key)
        if kept is not None:
            return _replay(kept, asked, key)
        try:
            dwell()
            # A refusal of the parameters is not kept: the same key may be used with better ones.
            try:
                answer = self._carry_out(method, path, form, failure)
            except ApiError as error:
                if not error.is_final:
                    raise
                answer = _encode(error.body, error.status)
                if answer.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
                    # "We expect the stripe-should-retry header to be false": the SDK, about what would be replayed.
                    answer.headers["Stripe-Should-Retry"] = "false"
            with self.lock:
                self._kept[key] = _StoredAnswer(asked, answer)
            return answer
        finally:
            with self.lock:
                self._in_use.discard(key)

    def _carry_out(self, method: str, path: str, form: str, failure: ApiError | None) -> Answer:
        if failure is not None:
            raise failure
        for route in ROUTES:
            matched = re.fullmatch(route.path.replace("{}", "([^/]+)"), path)
            if matched is not None and route.method == method:
                params = check_params(decode(form), route.shape)
                with self.lock:
                    return _encode(route.answer(Call(self._world, path, matched.groups(), params)), 200)
        raise ApiError(f"Unrecognized request URL ({method}: {path}).", status=404)


def _require_sound(key: str) -> None:
    if not 0 < len(key) <= LONGEST_KEY:
        raise ApiError("Idempotency keys are 1 to 255 characters long.", kind="idempotency_error")


def _replay(kept: _StoredAnswer, asked: tuple[str, str, Any], key: str) -> Answer:
    if kept.asked != asked:
        raise ApiError(
            "Keys for idempotent requests can only be used with the same parameters they were first used with. "
            f"Try using a key other than '{key}' if you meant to execute a different request.",
            kind="idempotency_error",
        )
    return replace(kept.answer, headers={**kept.answer.headers, "Idempotent-Replayed": "true"})


def _encode(body: JsonObject, status: int) -> Answer:
    return Answer(status=status, body=json.dumps(body, indent=2).encode())
