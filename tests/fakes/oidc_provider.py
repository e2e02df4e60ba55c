"""An OpenID provider on loopback: discovery, authorization, tokens, keys and userinfo over real HTTP.

It keeps to OpenID Connect Core 1.0 and checks what a provider checks (redirect URI, client, PKCE, codes that count
once). What it does wrong is set by attributes, each of which is empty at first::

    with OidcProvider() as provider:
        settings.EGRESS_ALLOW = frozenset({provider.place})
        provider.log_in("alice", email="alice@acme.example")
        back = provider.authorize(location)  # where the browser goes with its code
"""

import base64
import contextlib
import hashlib
import json
import secrets
import socket
import ssl
import struct
import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final, Literal, Self
from urllib.parse import parse_qs, unquote_plus, urlencode, urlsplit

from tests.fakes.oidc_keys import Algorithm, SignAs, SigningKey, base64url, replace

CLIENT_ID, CLIENT_SECRET = "adiuva client", "s3cret +/%:& of the client"  # what form-encoding changes
HUGE: Final = 64 * 1024 * 1024
LIFETIME_SECONDS = 300
BACK_CHANNEL_LOGOUT = "http://schemas.openid.net/event/backchannel-logout"

# hang: the request is read and never answered; huge: an answer without end; reset: TCP reset instead of an answer; cut:
# it ends half way; garbage: 200 without JSON; redirect: 302 to ``redirect_to``; a number: that status.
Fault = Literal["hang", "huge", "reset", "cut", "garbage", "redirect"] | int
Page = Literal["discovery", "authorize", "token", "jwks", "userinfo"]

PATHS: Final[dict[str, Page]] = {
    "/.well-known/openid-configuration": "discovery",
    "/authorize": "authorize",
    "/token": "token",
    "/jwks": "jwks",
    "/userinfo": "userinfo",
}


@dataclass(frozen=True)
class Seen:
    """One request: ``headers`` have lower-case names, ``form`` is of the query or the body."""

    page: str
    headers: dict[str, str]
    form: dict[str, str]


@dataclass
class _Login:
    """What a code stands for."""

    asked: dict[str, str]
    claims: dict[str, Any]


@dataclass
class OidcProvider:
    """``claims`` is who is logged in there: what an ID token says of them."""

    algorithm: Algorithm = "RS256"
    host: str = ""  # of a provider behind TLS, on port 443 for whoever looks it up
    tls: ssl.SSLContext | None = None
    client_auth: Literal["client_secret_basic", "client_secret_post"] = "client_secret_basic"
    client_id: str = CLIENT_ID
    client_secret: str = CLIENT_SECRET
    callback_url: str = "http://localhost:8000/api/v1/auth/sso/callback"

    claims: dict[str, Any] = field(default_factory=dict)
    email_in: Literal["id_token", "userinfo"] = "id_token"

    # What it does otherwise than it should. A value of None takes a name away.
    discovery: dict[str, Any] = field(default_factory=dict)
    id_token: dict[str, Any] = field(default_factory=dict)
    header: dict[str, Any] = field(default_factory=dict)  # of the ID token
    answer: dict[str, str | None] = field(default_factory=dict)  # the parameters that the browser brings back
    token_answer: dict[str, Any] = field(default_factory=dict)
    userinfo: dict[str, Any] = field(default_factory=dict)
    jwks: dict[str, Any] = field(default_factory=dict)
    bodies: dict[Page, Any] = field(default_factory=dict)  # JSON that it answers with instead
    sign_as: SignAs = ""
    faults: dict[Page, Fault] = field(default_factory=dict)
    redirect_to: str = ""
    error: str = ""  # instead of a code
    headers: dict[str, str] = field(default_factory=dict)  # of every answer
    is_single_use: bool = True

    requests: list[Seen] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.keys: list[SigningKey] = [SigningKey.make(self.algorithm)]
        self.signing_key = self.keys[0]
        self.port = 0
        self._codes: dict[str, _Login] = {}
        self._access_tokens: dict[str, dict[str, Any]] = {}
        self._lock = threading.RLock()
        self._released = threading.Event()
        self._server: ThreadingHTTPServer | None = None
        self._connections: set[socket.socket] = set()
        self.log_in("alice", email="alice@acme.example")

    # --- where it is -------------------------------------------------------------------------------------------

    @property
    def place(self) -> str:
        """For ``EGRESS_ALLOW``."""
        return f"127.0.0.1:{self.port}"

    @property
    def issuer(self) -> str:
        return f"https://{self.host}" if self.host else f"http://{self.place}"

    def __enter__(self) -> Self:
        self._server = _Server(("127.0.0.1", self.port), _handler_of(self))
        self._server.tls = self.tls
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """From here on connections are refused; entering it again brings it back on the same port."""
        if self._server is None:
            return
        self._released.set()
        self._server.shutdown()
        with self._lock:
            for connection in self._connections:
                with contextlib.suppress(OSError):  # the client was faster
                    connection.shutdown(socket.SHUT_RDWR)
        self._server.server_close()
        self._server = None
        self._released = threading.Event()

    def seen(self, page: Page) -> list[Seen]:
        with self._lock:
            return [one for one in self.requests if one.page == page]

    # --- who is there, and what is signed ----------------------------------------------------------------------

    def log_in(self, subject: str, *, email: str | None = None, email_verified: Any = True, **claims: Any) -> None:
        """Whoever comes to ``authorize`` from now on is this one."""
        self.claims = {"sub": subject, "sid": f"session of {subject}", **claims}
        if email is not None:
            self.claims |= {"email": email, "email_verified": email_verified}

    def rotate(self, algorithm: Algorithm | None = None, *, keep_old: bool = False) -> None:
        """Signs with a new key from now on."""
        key = SigningKey.make(algorithm or self.signing_key.algorithm, number=len(self.keys) + 1)
        self.signing_key = key
        self.keys = [*self.keys, key] if keep_old else [key]

    def sign(self, claims: dict[str, Any], **header: Any) -> str:
        """As ``sign_as`` says. ``header``: beside ``alg`` and ``kid``."""
        return self.signing_key.sign(claims, {**self.header, **header}, sign_as=self.sign_as)

    def logout_token(self, *, sub: str | None = None, sid: str | None = None, **changes: Any) -> str:
        """Of OpenID Connect Back-Channel Logout 1.0 § 2.4. ``changes``: None takes a claim away."""
        now = int(time.time())
        claims: dict[str, Any] = {
            "iss": self.issuer,
            "aud": self.client_id,
            "iat": now,
            "exp": now + 120,
            "jti": secrets.token_hex(8),
            "events": {BACK_CHANNEL_LOGOUT: {}},
            **{name: value for name, value in {"sub": sub, "sid": sid}.items() if value is not None},
        }
        return self.sign(replace(claims, changes), typ="logout+jwt")

    def authorize(self, url: str) -> str:
        """Where the browser is sent that opened ``url`` and in which somebody logged in."""
        asked = {name: values[0] for name, values in parse_qs(urlsplit(url).query, keep_blank_values=True).items()}
        assert asked["client_id"] == self.client_id, "no client of this provider"
        assert asked["redirect_uri"] == self.callback_url, "not a registered redirect URI"
        assert asked["response_type"] == "code"
        assert "openid" in asked["scope"].split()
        assert asked["code_challenge_method"] == "S256"
        back: dict[str, Any] = {"state": asked["state"], "iss": self.issuer}
        if self.error:
            back["error"] = self.error
        else:
            back["code"] = secrets.token_urlsafe(16)
            with self._lock:
                self._codes[back["code"]] = _Login(asked, dict(self.claims))
        joint = "&" if "?" in asked["redirect_uri"] else "?"
        return f"{asked['redirect_uri']}{joint}{urlencode(replace(back, self.answer))}"

    # --- its pages ---------------------------------------------------------------------------------------------

    def handle(self, seen: Seen) -> tuple[int, Any]:
        match seen.page:
            case "discovery":
                return 200, self._metadata()
            case "jwks":
                return 200, replace({"keys": [key.jwk for key in self.keys]}, self.jwks)
            case "token":
                return self._exchange(seen)
            case "userinfo":
                return self._userinfo(seen)
            case _:
                return 404, {"error": "not_found"}

    def _metadata(self) -> dict[str, Any]:
        document = {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/jwks",
            "userinfo_endpoint": f"{self.issuer}/userinfo",
            "response_types_supported": ["code", "id_token"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256", "PS256", "ES256", "EdDSA"],
            "code_challenge_methods_supported": ["S256"],
            "token_endpoint_auth_methods_supported": [self.client_auth],
            "authorization_response_iss_parameter_supported": True,
            "backchannel_logout_supported": True,
        }
        return replace(document, self.discovery)

    def _exchange(self, seen: Seen) -> tuple[int, Any]:
        if self._client_of(seen) != (self.client_id, self.client_secret):
            return 401, {"error": "invalid_client", "error_description": "SECRET PROVIDER TEXT"}
        form = seen.form
        with self._lock:
            code = form.get("code", "")
            login = self._codes.pop(code, None) if self.is_single_use else self._codes.get(code)
        challenge = base64url(hashlib.sha256(form.get("code_verifier", "").encode()).digest())
        if (
            login is None
            or form.get("grant_type") != "authorization_code"
            or form.get("redirect_uri") != login.asked["redirect_uri"]
            or challenge != login.asked["code_challenge"]
        ):
            return 400, {"error": "invalid_grant", "error_description": "SECRET PROVIDER TEXT"}
        access_token = secrets.token_urlsafe(24)
        claims = dict(login.claims)
        if self.email_in == "userinfo":
            claims = {name: value for name, value in claims.items() if not name.startswith("email")}
        now = int(time.time())
        digest = hashlib.sha512 if self.signing_key.algorithm == "EdDSA" else hashlib.sha256
        half = digest(access_token.encode()).digest()
        claims = {
            "iss": self.issuer,
            "aud": self.client_id,
            "iat": now,
            "exp": now + LIFETIME_SECONDS,
            "nonce": login.asked.get("nonce"),
            "at_hash": base64url(half[: len(half) // 2]),
            **claims,
        }
        with self._lock:
            self._access_tokens[access_token] = login.claims
        answer = {
            "access_token": access_token,
            "token_type": "Bearer",
            "expires_in": LIFETIME_SECONDS,
            "id_token": self.sign(replace(claims, self.id_token)),
        }
        return 200, replace(answer, self.token_answer)

    def _client_of(self, seen: Seen) -> tuple[str, str]:
        """Only in the way that the metadata names (RFC 6749 § 2.3.1)."""
        if self.client_auth == "client_secret_post":
            has_header = "authorization" in seen.headers
            return ("", "") if has_header else (seen.form.get("client_id", ""), seen.form.get("client_secret", ""))
        kind, _, encoded = seen.headers.get("authorization", "").partition(" ")
        if kind != "Basic" or "client_secret" in seen.form:
            return "", ""
        name, _, secret = base64.b64decode(encoded).decode().partition(":")
        return unquote_plus(name), unquote_plus(secret)

    def _userinfo(self, seen: Seen) -> tuple[int, Any]:
        with self._lock:
            claims = self._access_tokens.get(seen.headers.get("authorization", "").removeprefix("Bearer "))
        if claims is None:
            return 401, {"error": "invalid_token"}
        known: dict[str, Any] = {name: claims[name] for name in ("sub", "email", "email_verified") if name in claims}
        return 200, replace(known, self.userinfo)

    def hang(self) -> bool:
        """Until ``let_go``, which says that the request is answered after all, or the end."""
        self._released.wait(60)
        return self._server is not None and not self.faults

    def let_go(self) -> None:
        """What hangs is answered, and nothing goes wrong any more."""
        self.faults = {}
        self._released.set()
        self._released = threading.Event()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    tls: ssl.SSLContext | None = None

    def finish_request(self, request: Any, client_address: Any) -> None:
        """In the connection's own thread: a handshake may take as long as it likes."""
        if self.tls is None:
            super().finish_request(request, client_address)
            return
        with contextlib.suppress(OSError), self.tls.wrap_socket(request, server_side=True) as wrapped:
            super().finish_request(wrapped, client_address)


def _handler_of(provider: OidcProvider) -> type[BaseHTTPRequestHandler]:  # noqa: C901 - one class
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def setup(self) -> None:
            super().setup()
            with provider._lock:
                provider._connections.add(self.connection)

        def _serve(self) -> None:
            parts = urlsplit(self.path)
            body = self.rfile.read(int(self.headers.get("Content-Length", "0"))).decode()
            form = parse_qs(parts.query or body, keep_blank_values=True)
            seen = Seen(
                page=PATHS.get(parts.path, parts.path),
                headers={name.lower(): value for name, value in self.headers.items()},
                form={name: values[0] for name, values in form.items()},
            )
            with provider._lock:
                provider.requests.append(seen)
            fault = provider.faults.get(seen.page)  # type: ignore[call-overload]
            if fault is not None and not (fault == "hang" and provider.hang()):
                self._misbehave(fault)
            elif seen.page == "authorize":
                self._send(302, b"", {"Location": provider.authorize(self.path)})
            else:
                status, answer = provider.handle(seen)
                answer = provider.bodies.get(seen.page, answer)  # type: ignore[call-overload]
                self._send(status, json.dumps(answer).encode(), {"Content-Type": "application/json"})

        def _misbehave(self, fault: Fault) -> None:
            self.close_connection = True
            match fault:
                case "hang":
                    pass  # it has, to the end
                case "huge":
                    self.wfile.write(f"HTTP/1.1 200 OK\r\nContent-Length: {HUGE}\r\n\r\n".encode())
                    for _ in range(HUGE // 65_536):
                        self.wfile.write(b" " * 65_536)
                case "reset":
                    self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                    self.connection.close()
                case "cut":
                    self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{")
                case "garbage":
                    self._send(200, b"<html>SECRET PROVIDER TEXT", {"Content-Type": "text/html"})
                case "redirect":
                    self._send(302, b"", {"Location": provider.redirect_to})
                case int():
                    self._send(fault, b'{"error": "SECRET PROVIDER TEXT"}', {"Content-Type": "application/json"})

        def _send(self, status: int, data: bytes, headers: dict[str, str]) -> None:
            self.send_response(status)
            for name, value in {**headers, **provider.headers, "Content-Length": str(len(data))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST = _serve  # noqa: N815 - http.server's names

        def handle(self) -> None:
            with contextlib.suppress(OSError):  # a client that had enough of us
                super().handle()

        def finish(self) -> None:
            with provider._lock:
                provider._connections.discard(self.connection)
            with contextlib.suppress(OSError, ValueError):  # reset on purpose
                super().finish()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name
            """Not on stderr."""

    return Handler
