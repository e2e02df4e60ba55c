"""From a login in the system's browser to the app that opened it: a one-time code, never a token.

The app opens a page of ours with the challenge of a verifier that it keeps (PKCE, RFC 7636) and with the address it
listens on (RFC 8252). Whoever logs in there is sent to that address with a code, which is worth something only together
with the verifier. The session begins when the app redeems the code, as the app's own.
"""

import base64
import hashlib
import hmac
import json
import re
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import urlencode, urlsplit

from accounts.security_events.recording import Origin
from accounts.sessions import AuthTokens
from adiuva.api.errors import InvalidGrant
from adiuva.api.single_use import SingleUse

LIFETIME_SECONDS = 60
CODES = SingleUse("handoff-code", LIFETIME_SECONDS, "Codes cannot be had right now.")
CHALLENGE = r"[A-Za-z0-9_-]{43}"  # base64url of a SHA-256
APP_SCHEME = "adiuva"
LOOPBACK = ("127.0.0.1", "[::1]")  # no "localhost": what it resolves to is not ours to say (RFC 8252 § 8.3)
LONGEST_ADDRESS, LONGEST_STATE = 512, 512

LoginMethod = Literal["passkey", "sso"]  # how it was shown who logs in
Subject = Mapping[str, Any]  # who that is, in the method's own words: JSON
Redeem = Callable[[Subject, Origin], AuthTokens]

_redeemers: dict[LoginMethod, Redeem] = {}


@dataclass(frozen=True, slots=True)
class Request:
    """What the app asked for. ``state`` is given back as it came."""

    code_challenge: str
    redirect_uri: str
    state: str


def is_app_address(redirect_uri: str) -> bool:
    """An address on which an app of this computer listens: RFC 8252 §§ 7.1 and 7.3. Any port, any path, no fragment."""
    if len(redirect_uri) > LONGEST_ADDRESS or not re.fullmatch(r"[!-~]+", redirect_uri) or "\\" in redirect_uri:
        return False
    try:
        parts = urlsplit(redirect_uri)
        port = parts.port
    except ValueError:
        return False
    if parts.fragment or "#" in redirect_uri:
        return False
    if parts.scheme == APP_SCHEME:
        return redirect_uri.startswith(f"{APP_SCHEME}://")
    netlocs = LOOPBACK if port is None else [f"{host}:{port}" for host in LOOPBACK]
    return parts.scheme == "http" and redirect_uri.startswith("http://") and parts.netloc in netlocs


@dataclass(frozen=True, slots=True)
class Grant:
    """What a code stood for."""

    method: LoginMethod
    subject: Subject


def register_method(method: LoginMethod, redeem: Redeem) -> None:
    """``redeem(subject, origin)`` begins the session of a code that was used with its verifier. It raises
    ``InvalidGrant`` for who is not there any more.
    """
    _redeemers[method] = redeem


def issue_code(*, method: LoginMethod, subject: Subject, request: Request) -> str:
    """Where to send the browser: ``redirect_uri`` with ``code`` and ``state``.

    Raises:
        UpstreamUnavailable: the cache does not take it.
    """
    code = secrets.token_urlsafe(32)
    grant = {"method": method, "subject": dict(subject), "code_challenge": request.code_challenge}
    CODES.keep(code, json.dumps(grant))
    return _answer(request, code=code)


def answer_with_error(error: str, *, request: Request) -> str:
    """Where to send the browser when there is no login: ``error`` is a word of RFC 6749 § 4.1.2.1."""
    return _answer(request, error=error)


def _answer(request: Request, **answer: str) -> str:
    joint = "&" if urlsplit(request.redirect_uri).query else "?"
    return f"{request.redirect_uri}{joint}{urlencode(answer | {'state': request.state})}"


def use_code(*, code: str, code_verifier: str) -> Grant:
    """What the code stood for. A wrong verifier uses it up, as everything else does.

    Raises:
        InvalidGrant: the code is unknown, used, expired or another verifier's.
        UpstreamUnavailable: the cache does not answer.
    """
    kept = CODES.use_up(code)
    if kept is None:
        raise InvalidGrant
    grant: dict[str, Any] = json.loads(kept)
    # Without a subject it is of the version before; its minute is soon over.
    if "subject" not in grant or not hmac.compare_digest(challenge_of(code_verifier), grant["code_challenge"]):
        raise InvalidGrant
    return Grant(method=grant["method"], subject=grant["subject"])


def redeem_code(*, code: str, code_verifier: str, origin: Origin) -> AuthTokens:
    """The session of who logged in.

    Raises:
        InvalidGrant: as ``use_code``, or whoever logged in is not there any more; and what the method refuses.
        UpstreamUnavailable: the cache does not answer.
    """
    grant = use_code(code=code, code_verifier=code_verifier)
    return _redeemers[grant.method](grant.subject, origin)


def challenge_of(code_verifier: str) -> str:
    """``S256`` of RFC 7636 § 4.2."""
    digest = hashlib.sha256(code_verifier.encode(errors="surrogatepass")).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
