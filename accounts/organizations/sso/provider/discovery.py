"""What a provider says of itself (OpenID Connect Discovery 1.0, RFC 8414), and its keys (RFC 7517)."""

import base64
import binascii
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from http import HTTPStatus
from typing import Any, Final, Literal

from accounts.organizations.sso.provider.asking import (
    ProviderUnreachable,
    UnfitProviderError,
    ask_provider,
    check_address,
    read_object,
)
from adiuva.egress import EgressRefused, check_form
from adiuva.egress.http import Answer

PATH = "/.well-known/openid-configuration"
MOST_ADDRESS_CHARACTERS = 2048
ClientAuthentication = Literal["client_secret_basic", "client_secret_post"]
_AUTHENTICATIONS: tuple[ClientAuthentication, ...] = ("client_secret_basic", "client_secret_post")

# What a token may be signed with, and the kind of key each takes (RFC 7518 § 3.1, RFC 8037).
KEY_KINDS: Final[Mapping[str, tuple[str, str | None]]] = {
    "RS256": ("RSA", None),
    "PS256": ("RSA", None),
    "ES256": ("EC", "P-256"),
    "EdDSA": ("OKP", "Ed25519"),
}
_PUBLIC_PARTS: Final[Mapping[tuple[str, str | None], tuple[str, ...]]] = {
    ("RSA", None): ("n", "e"),
    ("EC", "P-256"): ("x", "y"),
    ("OKP", "Ed25519"): ("x",),
}
_BASE64URL = re.compile(r"[A-Za-z0-9_-]+")
_LEAST_RSA_BITS = 2048  # RFC 7518 § 3.3
_MOST_KEYS, _MOST_WORD_CHARACTERS = 64, 255
# How long keys count, whatever the provider says: it may say nothing, a second or a year.
USUAL_SECONDS, LEAST_SECONDS, MOST_SECONDS = 3600, 300, 6 * 3600
_MAX_AGE = re.compile(r"(?:^|[\s,])max-age=\"?(\d{1,9})\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Metadata:
    """``names_issuer``: its answers carry ``iss`` (RFC 9207)."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    userinfo_endpoint: str | None
    client_authentication: ClientAuthentication
    names_issuer: bool

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def of(cls, stored: Mapping[str, Any]) -> "Metadata":
        return cls(**stored)


def discover(issuer: str) -> Metadata:
    """Raises ``ProviderUnreachable`` and ``UnfitProviderError``."""
    answer = ask_provider(issuer.rstrip("/") + PATH)  # § 4.1: a slash at the end is taken away first
    document = _document_of(answer, "The provider has no discovery document there.")
    if document.get("issuer") != issuer:  # § 4.3: exactly, or anybody could speak for another
        raise UnfitProviderError("The discovery document names another issuer. It must be the same to the character.")
    if "code" not in _list(document, "response_types_supported"):
        raise UnfitProviderError("The provider does not offer the authorization code flow.")
    challenges = document.get("code_challenge_methods_supported")
    if challenges is not None and "S256" not in _list(document, "code_challenge_methods_supported"):
        raise UnfitProviderError("The provider does not offer PKCE with S256.")
    metadata = Metadata(
        issuer=issuer,
        authorization_endpoint=_address(document, "authorization_endpoint"),
        token_endpoint=_address(document, "token_endpoint"),
        jwks_uri=_address(document, "jwks_uri"),
        userinfo_endpoint=_address(document, "userinfo_endpoint") if document.get("userinfo_endpoint") else None,
        client_authentication=_client_authentication(document),
        names_issuer=document.get("authorization_response_iss_parameter_supported") is True,
    )
    _check_form(metadata.authorization_endpoint)
    # Checked anew at each use: what a name leads to changes.
    with _about("token_endpoint"):
        check_address(metadata.token_endpoint)
    if metadata.userinfo_endpoint is not None:
        with _about("userinfo_endpoint"):
            check_address(metadata.userinfo_endpoint)
    return metadata


def fetch_keys(metadata: Metadata) -> dict[str, Any]:
    """``{"keys": [JWK], "seconds"}``: the public parts of what a token may be signed with, and how long they count.

    Raises ``ProviderUnreachable`` and ``UnfitProviderError``.
    """
    with _about("jwks_uri"):
        answer = ask_provider(metadata.jwks_uri)
    listed = _list(_document_of(answer, "The provider has no keys at its jwks_uri."), "keys")
    keys = [key for key in map(_public_key, listed[:_MOST_KEYS]) if key is not None]
    if not keys:
        raise UnfitProviderError("The provider has no key for RS256, PS256, ES256 or EdDSA at its jwks_uri.")
    named = _MAX_AGE.search(answer.headers.get("cache-control", ""))
    seconds = int(named[1]) if named else USUAL_SECONDS
    return {"keys": keys, "seconds": min(max(seconds, LEAST_SECONDS), MOST_SECONDS)}


@contextmanager
def _about(name: str) -> Iterator[None]:
    """Says which of its addresses is meant."""
    try:
        yield
    except UnfitProviderError as unfit:
        raise UnfitProviderError(f"The {name} of the provider: {unfit.reason}") from None


def _document_of(answer: Answer, missing: str) -> dict[str, Any]:
    if answer.status >= HTTPStatus.INTERNAL_SERVER_ERROR or answer.status == HTTPStatus.TOO_MANY_REQUESTS:
        raise ProviderUnreachable
    document = read_object(answer) if answer.status == HTTPStatus.OK else None
    if document is None:
        raise UnfitProviderError(missing)
    return document


def _list(document: Mapping[str, Any], name: str) -> list[Any]:
    value = document.get(name)
    return value if isinstance(value, list) else []


def _address(document: Mapping[str, Any], name: str) -> str:
    value = document.get(name)
    if not isinstance(value, str) or not value or len(value) > MOST_ADDRESS_CHARACTERS:
        raise UnfitProviderError(f"The discovery document names no {name}.")
    return value


def _check_form(authorization_endpoint: str) -> None:
    """What a browser opens, and a header carries. It may have a query (RFC 6749 § 3.1)."""
    if not re.fullmatch(r"[!-~]+", authorization_endpoint) or "#" in authorization_endpoint:
        raise UnfitProviderError("The authorization_endpoint is not a URL without a fragment.")
    with _about("authorization_endpoint"):
        try:
            check_form(authorization_endpoint.partition("?")[0])
        except EgressRefused as refusal:
            raise UnfitProviderError(refusal.reason) from None


def _client_authentication(document: Mapping[str, Any]) -> ClientAuthentication:
    """§ 3: it is client_secret_basic where nothing is said."""
    offered = document.get("token_endpoint_auth_methods_supported")
    if offered is None:
        return "client_secret_basic"
    for known in _AUTHENTICATIONS:
        if known in _list(document, "token_endpoint_auth_methods_supported"):
            return known
    raise UnfitProviderError("The provider takes neither client_secret_basic nor client_secret_post.")


def _public_key(jwk: Any) -> dict[str, Any] | None:
    """Without what is not needed, a private part above all; None for a key of another use, kind or strength."""
    if not isinstance(jwk, dict) or jwk.get("use", "sig") != "sig":
        return None
    named = {name: jwk[name] for name in ("kty", "crv", "kid", "alg") if jwk.get(name) is not None}
    if not all(_is_word(value) for value in named.values()):
        return None
    kind = (named.get("kty", ""), named.get("crv"))
    parts: dict[str, Any] = {name: jwk.get(name) for name in _PUBLIC_PARTS.get(kind, ("kty of another kind",))}
    are_numbers = all(isinstance(part, str) and _BASE64URL.fullmatch(part) for part in parts.values())
    is_weak = kind[0] == "RSA" and are_numbers and _bits(parts["n"]) < _LEAST_RSA_BITS
    if not are_numbers or is_weak or ("alg" in named and KEY_KINDS.get(named["alg"]) != kind):
        return None
    return {**named, **parts}


def _is_word(value: Any) -> bool:
    """What a database takes, as a text: no control characters, no halves of surrogate pairs."""
    return isinstance(value, str) and value.isprintable() and len(value) <= _MOST_WORD_CHARACTERS


def _bits(encoded: str) -> int:
    try:
        return int.from_bytes(base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4))).bit_length()
    except (ValueError, binascii.Error):
        return 0
