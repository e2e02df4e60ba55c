"""Tokens that a provider signs: ID tokens of OpenID Connect Core § 2, and the signature of any other."""

import base64
import hashlib
import hmac
import time
from collections.abc import Collection, Mapping
from typing import Any

from accounts.organizations.models import Connection
from accounts.organizations.models.sso import MOST_SUBJECT_CHARACTERS
from accounts.organizations.sso.provider.discovery import KEY_KINDS
from accounts.organizations.sso.provider.freshness import Keys, current_keys, newer_keys

LEEWAY_SECONDS = 10  # between two clocks
MOST_TOKEN_CHARACTERS = 64 * 1024
_NO_TIME = 2**53
_REQUIRED_OF_ID_TOKENS = ("iss", "sub", "aud", "exp", "iat", "nonce")
# PyJWT checks the signature, and we what is said: each by a rule that stands here.
_SIGNATURE_ALONE: Any = {
    "verify_signature": True,
    **dict.fromkeys(("verify_exp", "verify_nbf", "verify_iat", "verify_aud", "verify_iss"), False),
    **dict.fromkeys(("verify_sub", "verify_jti"), False),
}


class UntrustedTokenError(Exception):
    """The token proves nothing. ``reason``: a fixed word for the log."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def verify_signature(connection: Connection, raw_token: str, *, required: Collection[str]) -> dict[str, Any]:
    """The claims of a token that the connection's provider has signed for our client: signature, ``iss``, ``aud`` and
    ``azp``, and of ``exp``, ``iat`` and ``nbf`` those that it has. Each of ``required`` is there; what the others say
    is the caller's to check.

    May ask the provider for its keys, so it is not called in a transaction. Raises ``UntrustedTokenError``, and
    ``ProviderUnreachable`` where the keys are needed and cannot be had.
    """
    claims, _ = _verify(connection, raw_token, required=required)
    return claims


def verify_id_token(connection: Connection, raw_token: str, *, nonce: str, access_token: str | None) -> dict[str, Any]:
    """OpenID Connect Core §§ 3.1.3.7 and 3.1.3.8. Raises as ``verify_signature``."""
    claims, algorithm = _verify(connection, raw_token, required=_REQUIRED_OF_ID_TOKENS)
    _require(isinstance(claims["nonce"], str), "nonce")
    _require(hmac.compare_digest(claims["nonce"].encode(errors="replace"), nonce.encode()), "nonce")
    _require(is_identifier(claims["sub"]), "sub")
    if access_token is not None and "at_hash" in claims:
        _require(claims["at_hash"] == _half_hash(access_token, algorithm), "at_hash")
    return claims


def is_identifier(value: Any) -> bool:
    """Whether it can name somebody, or a session: § 2, at most 255 ASCII characters."""
    return (
        isinstance(value, str) and 0 < len(value) <= MOST_SUBJECT_CHARACTERS and value.isascii() and value.isprintable()
    )


def _verify(connection: Connection, raw_token: str, *, required: Collection[str]) -> tuple[dict[str, Any], str]:
    import jwt  # noqa: PLC0415 - with what of `cryptography` it needs, 30 ms of every start

    _require(len(raw_token) <= MOST_TOKEN_CHARACTERS and raw_token.isascii(), "form")
    try:
        header = jwt.get_unverified_header(raw_token)
    except (jwt.PyJWTError, ValueError, RecursionError):
        raise UntrustedTokenError("form") from None
    algorithm: Any = header.get("alg")
    key_id: Any = header.get("kid")
    # Never what the token says alone: HS256 with a public key as its secret, or none, would be anybody's.
    _require(isinstance(algorithm, str) and algorithm in KEY_KINDS, "alg")
    _require(key_id is None or isinstance(key_id, str), "kid")
    _require("crit" not in header, "crit")  # RFC 7515 § 4.1.11: there is no extension that we know
    key = _choose(current_keys(connection), key_id, algorithm) or _choose(newer_keys(connection), key_id, algorithm)
    if key is None:
        raise UntrustedTokenError("key")
    try:
        claims: dict[str, Any] = jwt.decode(
            raw_token, jwt.PyJWK(key, algorithm), algorithms=[algorithm], options=_SIGNATURE_ALONE
        )
    except (jwt.PyJWTError, ValueError, RecursionError):
        raise UntrustedTokenError("signature") from None
    for name in required:
        _require(claims.get(name) is not None, name)
    _check_who(claims, issuer=connection.issuer, client_id=connection.client_id)
    _check_when(claims)
    return claims, algorithm


def _choose(keys: Keys, key_id: str | None, algorithm: str) -> dict[str, str] | None:
    """The key of that name, of the kind that the algorithm takes. A token that names none needs there to be one."""
    kind = KEY_KINDS[algorithm]
    fitting = [
        key
        for key in keys
        if (key["kty"], key.get("crv")) == kind
        and key.get("alg", algorithm) == algorithm
        and key_id in (None, key.get("kid"))
    ]
    return fitting[0] if len(fitting) == 1 else None


def _check_who(claims: Mapping[str, Any], *, issuer: str, client_id: str) -> None:
    _require(claims.get("iss") == issuer, "iss")
    audiences = claims.get("aud")
    named = audiences if isinstance(audiences, list) else [audiences]
    _require(client_id in named, "aud")
    if "azp" in claims or any(audience != client_id for audience in named):
        _require(claims.get("azp") == client_id, "azp")


def _check_when(claims: Mapping[str, Any]) -> None:
    now = time.time()
    for name in ("exp", "iat", "nbf"):
        # JSON has true and numbers that no float can be, and Python's reader also NaN and Infinity: none is a time.
        value = claims.get(name, 0)
        _require(isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) < _NO_TIME, name)
    _require("exp" not in claims or claims["exp"] > now - LEEWAY_SECONDS, "exp")
    for name in ("iat", "nbf"):
        _require(claims.get(name, 0) <= now + LEEWAY_SECONDS, name)


def _half_hash(access_token: str, algorithm: str) -> str:
    """§ 3.1.3.6, with the hash of the algorithm: Ed25519's is SHA-512."""
    digest = (hashlib.sha512 if algorithm == "EdDSA" else hashlib.sha256)(access_token.encode()).digest()
    return base64.urlsafe_b64encode(digest[: len(digest) // 2]).rstrip(b"=").decode()


def _require(condition: bool, reason: str) -> None:  # noqa: FBT001 - reads as the sentence it is
    if not condition:
        raise UntrustedTokenError(reason)
