"""What is wrong with a bucket, by S3's own code and in an operator's words, with what to change.

Codes: https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html; compatible servers use the same.
"""

from botocore.exceptions import (
    ClientError,
    ConnectionError,  # noqa: A004 - botocore's
    HTTPClientError,
    InvalidRegionError,
    ParamValidationError,
    SSLError,
)
from botocore.parsers import ResponseParserError
from django.conf import settings

from storage.blobs.s3.client import EncryptionRefused, NotOurBytes, code_of, status_of

_RIGHTS = {
    "PutObject": "s3:PutObject",
    "GetObject": "s3:GetObject",
    "DeleteObject": "s3:DeleteObject",
    "ListObjectsV2": "s3:ListBucket",
    "HeadBucket": "s3:ListBucket",
}
_ALL_RIGHTS = (
    "s3:PutObject, s3:GetObject, s3:DeleteObject, s3:AbortMultipartUpload, s3:ListBucket and "
    "s3:ListBucketMultipartUploads"
)
_WRONG_REGION = {
    "AuthorizationHeaderMalformed",
    "IllegalLocationConstraintException",
    "InvalidRegion",
    "PermanentRedirect",
    "TemporaryRedirect",
    "301",
    "307",
}
_NO_RIGHT = {"AccessDenied", "AccountProblem", "AllAccessDisabled", "UnauthorizedAccess", "401", "403"}
_NO_TOKEN = {"InvalidToken", "ExpiredToken", "InvalidSecurity"}


def explain(error: BaseException) -> str:
    """One line about ``error`` or what it came from, without a secret; its code in brackets. Empty: nothing to add."""
    cause: BaseException | None = error
    while cause is not None:
        if text := _explain_one(cause):
            return text
        cause = cause.__cause__
    return ""


def _explain_one(error: BaseException) -> str:
    where = settings.S3_ENDPOINT_URL or "AWS"
    text = ""
    match error:
        case ClientError():
            text = _explain_answer(error, where)
        case EncryptionRefused():
            text = (
                f"The server at {where} refuses uploads with S3_SSE={settings.S3_SSE} [{error}] and takes them "
                "without: set S3_SSE=none (the blobs are sealed by the client in any case), or set encryption up there."
            )
        case NotOurBytes() | ResponseParserError():
            text = f"What answers at {where} is no S3 server: correct S3_ENDPOINT_URL."
        case InvalidRegionError():
            text = "S3_REGION is no region's name, such as eu-central-1."
        case ParamValidationError():
            text = "S3_BUCKET is no bucket's name: 3 to 63 small letters, digits, dots and hyphens, without an address."
        case SSLError():
            text = f"The certificate of {where} is not accepted, or it speaks no TLS: correct S3_ENDPOINT_URL."
        case ConnectionError() | HTTPClientError():
            text = (
                f"Nothing answers as S3 at {where} ({type(error).__name__}): correct S3_ENDPOINT_URL, or see whether "
                "the server runs and a firewall lets us through."
            )
    return text


def _explain_answer(error: ClientError, where: str) -> str:
    code = code_of(error) or str(status_of(error))
    name = settings.S3_BUCKET
    if code == "NoSuchBucket":
        text = f"There is no bucket {name} at {where}: create it, or correct S3_BUCKET."
    elif code == "InvalidAccessKeyId":
        text = f"{where} does not know this AWS_ACCESS_KEY_ID: correct it, or make a new key there."
    elif code == "SignatureDoesNotMatch":
        text = "AWS_SECRET_ACCESS_KEY does not belong to AWS_ACCESS_KEY_ID: copy both again."
    elif code in _NO_TOKEN:
        text = "This is a temporary key, which needs a session token: make a permanent one."
    elif code in _WRONG_REGION:
        text = _explain_region(error, name)
    elif code == "RequestTimeTooSkewed":
        text = "This machine's clock is wrong by more than 15 minutes: is NTP running?"
    elif code == "InvalidBucketName":
        text = f"{where} takes no bucket called {name}: correct S3_BUCKET."
    elif code in _NO_RIGHT:
        right = _RIGHTS.get(error.operation_name, error.operation_name)
        text = f"The key may not do {right} in the bucket {name}: it needs {_ALL_RIGHTS}."
    elif code == "404":
        text = (
            f"What answers at {where} is no S3 server, or has no bucket {name}: correct S3_ENDPOINT_URL or S3_BUCKET."
        )
    else:
        text = f"{where} refuses {error.operation_name}: see what its documentation says of the code."
    return f"{text} [{code}]"


def _explain_region(error: ClientError, name: str) -> str:
    headers = error.response.get("ResponseMetadata", {}).get("HTTPHeaders", {})
    right = error.response.get("Error", {}).get("Region") or headers.get("x-amz-bucket-region")
    ours = settings.S3_REGION or "us-east-1, as it is not set"
    change = f"set S3_REGION={right}" if right else "set S3_REGION to the bucket's own"
    return f"The bucket {name} is in another region than S3_REGION ({ours}): {change}."
