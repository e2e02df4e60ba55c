"""What botocore raises, as the problems of our own tree. Vendor text stays in the log, and there only its code."""

import contextlib
import logging
from collections.abc import Iterator

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectTimeoutError,
    EndpointConnectionError,
    NoCredentialsError,
    ReadTimeoutError,
)
from botocore.parsers import ResponseParserError
from urllib3.exceptions import HTTPError

from adiuva.api.errors import NotConfigured, Problem, UpstreamError, UpstreamTimeout, UpstreamUnavailable

logger = logging.getLogger(__name__)

_UNAVAILABLE_STATUS = {429, 503, 507}
_UNAVAILABLE_CODES = {"SlowDown", "ServiceUnavailable", "TooManyRequests", "NoSuchUpload"}
_TIMEOUT_STATUS = {408, 504}
_TIMEOUT_CODES = {"RequestTimeout", "GatewayTimeout"}


@contextlib.contextmanager
def translated() -> Iterator[None]:
    """Around every call of the client: nothing of botocore or urllib3 leaves this block. A KeyError is an answer that
    lacks what S3 always says.
    """
    try:
        yield
    except (BotoCoreError, ClientError, HTTPError, ResponseParserError, KeyError) as error:
        problem = _problem(error)
        logger.warning("the object store failed", extra={"reason": code_of(error), "code": problem.code})
        raise problem from error


def code_of(error: Exception) -> str:
    """S3's error code, such as ``NoSuchKey``; where S3 said nothing the name of the exception."""
    if isinstance(error, ClientError):
        return str(error.response.get("Error", {}).get("Code", ""))
    return type(error).__name__


def status_of(error: ClientError) -> int:
    return int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))


def _problem(error: Exception) -> Problem:
    if isinstance(error, ClientError):
        return _answered(code_of(error), status_of(error))
    if isinstance(error, NoCredentialsError):
        return NotConfigured()
    if isinstance(error, (ReadTimeoutError, ConnectTimeoutError)) or _a_timeout_is_behind(error):
        return UpstreamTimeout()
    return UpstreamUnavailable() if isinstance(error, EndpointConnectionError) else UpstreamError()


def _answered(code: str, status: int) -> Problem:
    if code in _TIMEOUT_CODES or status in _TIMEOUT_STATUS:
        return UpstreamTimeout()
    if code in _UNAVAILABLE_CODES or status in _UNAVAILABLE_STATUS:
        return UpstreamUnavailable()
    return UpstreamError()


def _a_timeout_is_behind(error: BaseException) -> bool:
    """A body that the server does not take ends in a plain "connection aborted", with the reason underneath."""
    behind: BaseException | None = error
    while behind is not None:
        if isinstance(behind, TimeoutError):
            return True
        behind = behind.__cause__ or behind.__context__
    return False
