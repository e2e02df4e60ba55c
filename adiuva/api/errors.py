"""The one error tree: every refusal a client can meet, as an RFC 9457 problem.

A ``Problem`` is raised anywhere below a view or consumer and becomes a response (or a WebSocket
``error`` frame) in exactly one place each: ``adiuva.api.error_handler`` and ``chat.ws.consumer``.
Its ``detail`` is written for the client's developer: it never holds a secret, a prompt or text that came
from a provider.
"""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal

from adiuva.api.retry_after import retry_after_header, whole_seconds

PROBLEM_CONTENT_TYPE = "application/problem+json"


class Problem(Exception):  # noqa: N818 - RFC 9457 calls it a problem
    """Base of the tree. A subclass fixes ``status``, ``code`` and ``title``; an instance says what happened.

    ``extra`` are the fields of the case (RFC 9457 § 3.2), ``headers`` go on the HTTP response.
    """

    status: ClassVar[int] = 500
    code: ClassVar[str] = "internal_error"
    title: ClassVar[str] = "Internal error"
    default_detail: ClassVar[str] = "The server failed to handle this request."

    def __init__(
        self,
        detail: str | None = None,
        *,
        headers: Mapping[str, str] | None = None,
        **extra: Any,
    ) -> None:
        self.detail = detail or self.default_detail
        self.headers = dict(headers or {})
        self.extra = extra
        super().__init__(self.detail)

    def as_dict(self, request_id: str) -> dict[str, Any]:
        """``{"type","title","status","detail","code","request_id", …extra}``."""
        return {
            "type": f"urn:adiuva:problem:{self.code}",
            "title": self.title,
            "status": self.status,
            "detail": self.detail,
            "code": self.code,
            "request_id": request_id,
            **self.extra,
        }


class InternalError(Problem):
    pass


class ValidationFailed(Problem):
    """``errors`` maps a field (dotted for nested ones; ``non_field_errors`` for the body as a whole) to messages."""

    status = 400
    code = "validation_error"
    title = "Validation error"
    default_detail = "The request is not valid; see errors."

    def __init__(self, errors: Mapping[str, Sequence[str]], detail: str | None = None) -> None:
        super().__init__(detail, errors={field: list(messages) for field, messages in errors.items()})


class ChecksumMismatch(Problem):
    status = 400
    code = "checksum_mismatch"
    title = "Checksum mismatch"
    default_detail = "The body's SHA-256 is not the checksum given."


class Unauthorized(Problem):
    """Base of the 401s; RFC 9110 § 11.6.1 asks for ``WWW-Authenticate`` on each."""

    status = 401
    challenge: ClassVar[str] = 'Bearer realm="adiuva"'

    def __init__(self, detail: str | None = None) -> None:
        super().__init__(detail, headers={"WWW-Authenticate": self.challenge})


class NotAuthenticated(Unauthorized):
    code = "not_authenticated"
    title = "Not authenticated"
    default_detail = "This route needs an access token: Authorization: Bearer <token>."


class InvalidToken(Unauthorized):
    code = "invalid_token"
    title = "Invalid token"
    default_detail = "The token is malformed, expired or revoked."
    challenge = 'Bearer realm="adiuva", error="invalid_token"'  # RFC 6750 § 3


class TokenReused(Unauthorized):
    code = "token_reused"
    title = "Token reused"
    default_detail = "This refresh token was used before; its session is revoked."
    challenge = 'Bearer realm="adiuva", error="invalid_token"'


class InvalidCredentials(Unauthorized):
    code = "invalid_credentials"
    title = "Invalid credentials"
    default_detail = "The email or the password is wrong."


class InvalidGrant(Unauthorized):
    """RFC 6749 § 5.2: a one-time code of a hand-off is unknown, used, expired, or another verifier's."""

    code = "invalid_grant"
    title = "Invalid grant"
    default_detail = "The code is unknown, used or expired, or was issued for another code_verifier."


class PaymentRequired(Problem):
    status = 402
    code = "payment_required"
    title = "Payment required"
    default_detail = "This has to be paid for first."


class QuotaExceeded(Problem):
    """Of bytes it carries ``limit_bytes``, ``used_bytes`` and ``requested_bytes``; of anything else ``resource``,
    ``limit``, ``used`` and what changes it, ``required_tier`` or ``resets_at``.
    """

    status = 402
    code = "quota_exceeded"
    title = "Quota exceeded"
    default_detail = "This would exceed the storage of the current tier."


class FeatureNotAvailable(Problem):
    """Carries ``required_tier``: the lowest tier that has the feature."""

    status = 403
    code = "feature_not_available"
    title = "Feature not available"
    default_detail = "The current tier does not include this."

    def __init__(self, *, required_tier: str, detail: str | None = None) -> None:
        super().__init__(detail, required_tier=required_tier)


class PermissionDenied(Problem):
    status = 403
    code = "permission_denied"
    title = "Permission denied"
    default_detail = "You may not do this."


class SecondFactorRequired(Problem):
    """Carries ``challenge_id``, ``methods`` and ``expires_in`` (seconds), for ``POST /auth/login/second-factor``."""

    status = 403
    code = "second_factor_required"
    title = "Second factor required"
    default_detail = "The account has a second factor; this login goes on with it."

    def __init__(self, *, challenge_id: str, methods: Sequence[str], expires_in: int) -> None:
        super().__init__(challenge_id=challenge_id, methods=list(methods), expires_in=expires_in)


class ReauthenticationRequired(Problem):
    status = 403
    code = "reauthentication_required"
    title = "Reauthentication required"
    default_detail = "This asks for a session that was authenticated in the last ten minutes."


class EmailNotVerified(Problem):
    status = 403
    code = "email_not_verified"
    title = "Email not verified"
    default_detail = "This asks for a verified address: follow the link in the mail, or ask for another one."


class NotFound(Problem):
    status = 404
    code = "not_found"
    title = "Not found"
    default_detail = "There is nothing here."


class MethodNotAllowed(Problem):
    status = 405
    code = "method_not_allowed"
    title = "Method not allowed"
    default_detail = "This route does not have that method; see Allow."


class NotAcceptable(Problem):
    status = 406
    code = "not_acceptable"
    title = "Not acceptable"
    default_detail = "This route answers application/json only."


class RequestTimeout(Problem):
    """RFC 9110 § 15.5.9; the connection closes, because the rest of the body may still come."""

    status = 408
    code = "request_timeout"
    title = "Request timeout"
    default_detail = "The client stopped sending its body."


class Conflict(Problem):
    status = 409
    code = "conflict"
    title = "Conflict"
    default_detail = "The resource is not in a state that allows this."


class EmailTaken(Problem):
    status = 409
    code = "email_taken"
    title = "Email taken"
    default_detail = "An account with this email exists."


class LeaseHeld(Problem):
    """Carries ``lease_expires_at``."""

    status = 409
    code = "lease_held"
    title = "Lease held"
    default_detail = "Another device runs this slot; it may be taken over when that one's lease has ended."


class LastEnvelope(Problem):
    status = 409
    code = "last_envelope"
    title = "Last envelope"
    default_detail = "Without this envelope nothing would open the account's data any more."


class ResyncRequired(Problem):
    """The follower starts again with ``since=0``. ``reason`` says what it does then with records that do not come: it
    drops them (``pruned``), or sends them again (``restored``).
    """

    status = 410
    code = "resync_required"
    title = "Resync required"

    _DETAILS: ClassVar[Mapping[str, str]] = {
        "pruned": "Deletions since then are forgotten; start again with since=0 and drop what does not come.",
        "restored": "The service went back to a backup; start again with since=0 and send again what it has lost.",
    }

    def __init__(self, *, reason: Literal["pruned", "restored"]) -> None:
        super().__init__(self._DETAILS[reason], reason=reason)


class ResumeLost(Problem):
    """A chat turn that was to be resumed is gone, or never was this user's; nothing of it runs any more."""

    status = 410
    code = "resume_lost"
    title = "Resume lost"
    default_detail = "The rest of this answer is lost. What had arrived is all there is; ask again if you need more."


class LeaseLost(Problem):
    status = 410
    code = "lease_lost"
    title = "Lease lost"
    default_detail = "Another device has taken this run over."


class TakenDown(Problem):
    """Carries the public ``reason``."""

    status = 410
    code = "taken_down"
    title = "Taken down"
    default_detail = "This plugin was taken down; see reason."

    def __init__(self, *, reason: str) -> None:
        super().__init__(reason=reason)


class PreconditionFailed(Problem):
    """``etag`` is the current one, None where there is nothing yet; RFC 9110 § 15.5.13."""

    status = 412
    code = "precondition_failed"
    title = "Precondition failed"
    default_detail = "The resource is not in the state that the request's If-… headers ask for."

    def __init__(self, *, etag: str | None) -> None:
        super().__init__(headers={} if etag is None else {"ETag": etag}, etag=etag)


class PayloadTooLarge(Problem):
    status = 413
    code = "payload_too_large"
    title = "Payload too large"
    default_detail = "The body is larger than this route takes."


class UnsupportedMediaType(Problem):
    status = 415
    code = "unsupported_media_type"
    title = "Unsupported media type"
    default_detail = "This route does not take that Content-Type."


class RangeNotSatisfiable(Problem):
    """RFC 9110 § 15.5.17: ``Content-Range`` tells the size in bytes."""

    status = 416
    code = "range_not_satisfiable"
    title = "Range not satisfiable"
    default_detail = "No byte of the requested range exists."

    def __init__(self, *, size_bytes: int) -> None:
        super().__init__(headers={"Content-Range": f"bytes */{size_bytes}"}, size_bytes=size_bytes)


class ChecksFailed(Problem):
    """Carries ``checks``, the whole list: ``[{"code", "passed", "message", "evidence", "mode"}]``."""

    status = 422
    code = "checks_failed"
    title = "Checks failed"
    default_detail = "The submission does not pass the automated checks; see checks."

    def __init__(self, *, checks: Sequence[Mapping[str, Any]]) -> None:
        super().__init__(checks=list(checks))


class IdempotencyMismatch(Problem):
    status = 422
    code = "idempotency_mismatch"
    title = "Idempotency mismatch"
    default_detail = "This Idempotency-Key was used with another body."


class NotBuildable(Problem):
    """Carries ``reason``, in the user's language."""

    status = 422
    code = "not_buildable"
    title = "Not buildable"
    default_detail = "No batch can be made of this."


class RateLimited(Problem):
    """``retry_after``: seconds, after which one request does pass."""

    status = 429
    code = "rate_limited"
    title = "Rate limited"
    default_detail = "Too many requests; see Retry-After."

    def __init__(self, *, retry_after: float, detail: str | None = None) -> None:
        super().__init__(detail, headers=retry_after_header(retry_after), retry_after=whole_seconds(retry_after))


class UpstreamError(Problem):
    """Of a user's own provider it carries ``reason``: auth, quota, model or unreachable."""

    status = 502
    code = "upstream_error"
    title = "Upstream error"
    default_detail = "A service this answer depends on failed."


class NotConfigured(Problem):
    status = 503
    code = "not_configured"
    title = "Not configured"
    default_detail = "The operator has not set this up."


class UpstreamUnavailable(Problem):
    """``retry_after``: seconds, when the upstream or our own admission control names them."""

    status = 503
    code = "upstream_unavailable"
    title = "Upstream unavailable"
    default_detail = "A service this answer depends on is not available."

    def __init__(self, detail: str | None = None, *, retry_after: float | None = None) -> None:
        super().__init__(detail, headers=retry_after_header(retry_after))


class UpstreamTimeout(Problem):
    status = 504
    code = "upstream_timeout"
    title = "Upstream timeout"
    default_detail = "A service this answer depends on took too long."
