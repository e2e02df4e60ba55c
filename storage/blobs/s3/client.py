"""How S3 is spoken to: the client's settings, and what botocore raises as the errors of our own tree."""

import contextlib
import logging
from collections.abc import Iterator

from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectTimeoutError,
    EndpointConnectionError,
    NoCredentialsError,
    ReadTimeoutError,
)
from botocore.parsers import ResponseParserError
from storages.backends.s3 import S3Storage
from urllib3.exceptions import HTTPError

from adiuva.api.errors import NotConfigured, Problem, UpstreamError, UpstreamTimeout, UpstreamUnavailable

logger = logging.getLogger(__name__)

CONNECTIONS = 64  # kept open for reuse; there may be more at once

_UNAVAILABLE_STATUS = {429, 503, 507}
_UNAVAILABLE_CODES = {"SlowDown", "ServiceUnavailable", "TooManyRequests", "NoSuchUpload"}
_TIMEOUT_STATUS = {408, 504}
_TIMEOUT_CODES = {"RequestTimeout", "GatewayTimeout"}


def open_storage(
    *,
    bucket: str,
    region: str,
    endpoint_url: str,
    access_key: str,
    secret_key: str,
    sse: str,
    timeout_seconds: float,
    attempts: int,
) -> S3Storage:
    """``timeout_seconds`` bounds each connect and each wait for bytes; a request gets so many ``attempts``.

    ``sse``: how S3 is to encrypt what is written, ``AES256`` or ``aws:kms``; empty: not asked for.
    """
    config = Config(
        # urllib3 sends under the connect timeout, all of a part within it.
        connect_timeout=timeout_seconds,
        read_timeout=timeout_seconds,
        retries={"mode": "standard", "total_max_attempts": attempts},
        max_pool_connections=CONNECTIONS,
        proxies={},
        tcp_keepalive=True,
        # Compatible servers know their own name only, and not all know S3's newer checksums. Each request is signed
        # with the SHA-256 of its body: what arrives changed is refused all the same.
        s3={"addressing_style": "path" if endpoint_url else "auto"},
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
        ignore_configured_endpoint_urls=True,
    )
    return S3Storage(
        bucket_name=bucket,
        region_name=region or "us-east-1",
        endpoint_url=endpoint_url or None,
        access_key=access_key,
        secret_key=secret_key,
        security_token=None,
        session_profile=None,
        object_parameters={"ContentType": "application/octet-stream"} | ({"ServerSideEncryption": sse} if sse else {}),
        client_config=config,
    )


class EncryptionRefused(Exception):  # noqa: N818 - a finding
    """The server takes an object without encryption only; the code it gave otherwise."""


class NotOurBytes(Exception):  # noqa: N818 - the same
    """What was read is not what was written."""


@contextlib.contextmanager
def translate_errors() -> Iterator[None]:
    """Around every call of the client: nothing of botocore or urllib3 leaves this block. Vendor text stays out of the
    problem; the log has its code. A KeyError is an answer that lacks what S3 always says.
    """
    try:
        yield
    except (
        BotoCoreError,
        ClientError,
        HTTPError,
        ResponseParserError,
        KeyError,
        EncryptionRefused,
        NotOurBytes,
    ) as error:
        problem = _problem_of(error)
        logger.warning("the object store failed", extra={"reason": code_of(error), "code": problem.code})
        raise problem from error


def code_of(error: Exception) -> str:
    """S3's error code, such as ``NoSuchKey``; where S3 said nothing the name of the exception."""
    if isinstance(error, ClientError):
        return str(error.response.get("Error", {}).get("Code", ""))
    return type(error).__name__


def status_of(error: ClientError) -> int:
    return int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))


def _problem_of(error: Exception) -> Problem:
    if isinstance(error, ClientError):
        return _problem_of_answer(code_of(error), status_of(error))
    if isinstance(error, NoCredentialsError):
        return NotConfigured()
    if isinstance(error, (ReadTimeoutError, ConnectTimeoutError)) or _has_timeout_cause(error):
        return UpstreamTimeout()
    return UpstreamUnavailable() if isinstance(error, EndpointConnectionError) else UpstreamError()


def _problem_of_answer(code: str, status: int) -> Problem:
    if code in _TIMEOUT_CODES or status in _TIMEOUT_STATUS:
        return UpstreamTimeout()
    if code in _UNAVAILABLE_CODES or status in _UNAVAILABLE_STATUS:
        return UpstreamUnavailable()
    return UpstreamError()


def _has_timeout_cause(error: BaseException) -> bool:
    """A body that the server does not take ends in a plain "connection aborted", with the reason underneath."""
    behind: BaseException | None = error
    while behind is not None:
        if isinstance(behind, TimeoutError):
            return True
        behind = behind.__cause__ or behind.__context__
    return False
