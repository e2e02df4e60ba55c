"""Keys that users bring along (docs/api.md § 15): used for the request that carries them, and kept nowhere.

An ``OwnProvider`` lives as long as its request. LiteLLM never gets the key: it is handed ``PLACEHOLDER``, and
``agents.llm.wire.http`` takes every credential out of its request and puts the user's in. So it can neither keep the
key nor fall back on the operator's.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Literal, get_args

from adiuva.api.errors import UpstreamError
from adiuva.api.retry_after import retry_after_header
from adiuva.egress import OF_OURS, Endpoint, resolve
from adiuva.observability.secrets import Secret
from agents.llm.features import RefusedFeatures
from agents.llm.providers import vendor_base

OwnKeyKind = Literal["openai", "anthropic", "gemini", "mistral", "openrouter", "openai_compatible"]
OWN_KEY_KINDS: tuple[OwnKeyKind, ...] = get_args(OwnKeyKind)
# Why a provider gave no answer, as far as its owner can do something about it.
Reason = Literal["auth", "quota", "model", "unreachable"]

# Not empty: LiteLLM would look for a key in the environment, and send the operator's.
PLACEHOLDER = "own-key"
# Their chat completions are read without LiteLLM's dispatch.
SPEAK_OPENAI: frozenset[OwnKeyKind] = frozenset({"openai", "mistral", "openrouter", "openai_compatible"})

NO_TOOLS = (
    "This model of your provider cannot use tools, so it can neither look at your data nor change it. Choose another "
    "model of yours."
)
_DETAILS: Mapping[Reason, str] = {
    "auth": "Your provider refuses this key.",
    "quota": "Your provider has no more for this key right now: its quota or its credit is used up.",
    "model": "Your provider has no such model for this key, or the model does not take what it was asked.",
    "unreachable": "Your provider cannot be reached, or does not answer as it should.",
}
_HEADERS: Mapping[OwnKeyKind, tuple[str, str]] = {
    "anthropic": ("x-api-key", "{}"),
    "gemini": ("x-goog-api-key", "{}"),
}
# OpenAI, Mistral, OpenRouter, Gemini, vLLM and Ollama.
_NO_MODEL = re.compile(
    r"model_not_found|invalid_model|not a valid model|invalid model"
    r"|\bmodels?\b.{0,200}\b(not found|does not exist|not exist|no access|not have access|not supported)\b"
    r"|not have access to model"
)
# Gemini answers 400 to a wrong key.
_NO_KEY = re.compile(r"api_key_invalid|api key not valid|invalid_api_key|invalid api key|authentication_error")
# Anthropic answers 400 to an account without credit; asking again helps none of these.
_NO_CREDIT = re.compile(r"insufficient_quota|credit balance|insufficient (credit|balance|funds)|payment required")
_MOST_BODY_BYTES = 8192


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnProvider:
    """A user's own account at a provider. ``model`` is that provider's name for it; ``endpoint`` is where it was found
    to be when the request came. ``refused`` is what this model turned out to refuse: for this request alone, since
    servers of users could otherwise make the memory of all models grow, or lie about others.
    """

    kind: OwnKeyKind
    model: str
    api_key: Secret
    endpoint: Endpoint
    refused: RefusedFeatures = field(default_factory=RefusedFeatures, repr=False, compare=False)

    @classmethod
    def connect(cls, *, kind: OwnKeyKind, model: str, api_key: Secret, base_url: str | None = None) -> "OwnProvider":
        """``base_url`` is for ``openai_compatible``, and needed there. Looks up the host's name, so it blocks.

        Raises ``EgressRefused`` and ``HostUnreachable``.
        """
        return cls(kind=kind, model=model, api_key=api_key, endpoint=find_endpoint(kind, base_url))

    @property
    def name(self) -> str:
        """The model as LiteLLM calls it."""
        return f"{'openai' if self.kind == 'openai_compatible' else self.kind}/{self.model}"

    def headers(self) -> dict[str, str]:
        """What shows the key to the provider, and to nobody else."""
        return auth_headers(self.kind, self.api_key)


def find_endpoint(kind: OwnKeyKind, base_url: str | None) -> Endpoint:
    """The vendor's own address, whatever the operator has set, or the user's ``base_url``. Blocks.

    Raises ``EgressRefused`` and ``HostUnreachable``.
    """
    if kind == "openai_compatible":
        return resolve(base_url or "")
    return resolve(vendor_base(kind), room=OF_OURS)


def auth_headers(kind: OwnKeyKind, api_key: Secret) -> dict[str, str]:
    name, form = _HEADERS.get(kind, ("Authorization", "Bearer {}"))
    return {name: form.format(api_key.reveal())}


def find_reason(status: int | None, body: bytes) -> Reason:
    """Why a provider answered with ``status`` (None: not at all) and ``body``, which is no answer to what was asked."""
    if status is None:
        return "unreachable"
    said = body[:_MOST_BODY_BYTES].decode(errors="replace").casefold()
    if lacks_credit(status, body):
        return "quota"
    if HTTPStatus.BAD_REQUEST <= status < HTTPStatus.INTERNAL_SERVER_ERROR and _NO_MODEL.search(said):
        return "model"
    if status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN) or _NO_KEY.search(said):
        return "auth"
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        return "quota"
    is_refusal = HTTPStatus.BAD_REQUEST <= status < HTTPStatus.INTERNAL_SERVER_ERROR
    return "model" if is_refusal and status != HTTPStatus.REQUEST_TIMEOUT else "unreachable"


def lacks_credit(status: int | None, body: bytes) -> bool:
    """Whether asking again a moment later is of no use."""
    if status == HTTPStatus.PAYMENT_REQUIRED:
        return True
    said = body[:_MOST_BODY_BYTES].decode(errors="replace").casefold()
    return status in (400, 403, 429) and bool(_NO_CREDIT.search(said))


def problem_of(reason: Reason, *, retry_after: float | None = None) -> UpstreamError:
    """502 with ``reason``, never 401 or 402: those are about the client's own account here."""
    headers = retry_after_header(retry_after)
    return UpstreamError(_DETAILS[reason], headers=headers, reason=reason)
