"""The forms that values of the environment have: types of ``adiuva.environment`` that say what is wrong with one."""

import re
from typing import Annotated, Any
from urllib.parse import unquote, urlsplit

from pydantic import AfterValidator, BeforeValidator, HttpUrl, SecretStr
from pydantic_core import PydanticCustomError
from pydantic_settings import NoDecode

# RFC 9110 § 5.6.2 and, for the value as it is sent, § 5.5.
_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_HEADER_VALUE = re.compile(r"[\x20-\x7e]+")


def _split_commas(value: Any) -> Any:
    if isinstance(value, str):
        return tuple(part.strip() for part in value.split(",") if part.strip())
    return value


CommaSeparated = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_split_commas)]
CommaSeparatedSecrets = Annotated[tuple[SecretStr, ...], NoDecode, BeforeValidator(_split_commas)]


def _http_url(value: str) -> str:
    if value:
        HttpUrl(value)  # raises with a clear reason
    return value.rstrip("/")


Url = Annotated[str, BeforeValidator(_http_url)]


def _sentry_dsn(value: SecretStr) -> SecretStr:
    """As ``sentry_sdk`` reads it: the last part of the path is the project's number."""
    if not value:
        return value
    try:
        parts = urlsplit(value.get_secret_value())
        project = parts.path.rpartition("/")[2]
        whole = parts.scheme in {"http", "https"} and parts.username and parts.hostname and parts.port != 0
        whole = whole and project.isascii() and project.isdecimal()
    except ValueError:  # the port is no number
        whole = False
    if not whole:
        raise PydanticCustomError("dsn", "must be https://key@host/number, as Sentry shows it")
    return value


SentryDsn = Annotated[SecretStr, AfterValidator(_sentry_dsn)]


def read_headers(text: str) -> dict[str, str]:
    """Of ``key=value,…``, each value percent-encoded, as OpenTelemetry writes them in a variable."""
    pairs = (pair.partition("=") for pair in text.split(",") if pair.strip())
    return {name.strip(): unquote(value.strip()) for name, _, value in pairs}


def _headers(value: SecretStr) -> SecretStr:
    for name, said in read_headers(value.get_secret_value()).items():
        if not _HEADER_NAME.fullmatch(name) or not _HEADER_VALUE.fullmatch(said):
            raise PydanticCustomError("headers", "must be key=value, values %-encoded, separated by commas")
    return value


Headers = Annotated[SecretStr, AfterValidator(_headers)]
