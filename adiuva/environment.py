"""The environment, read once, typed and checked: the only place that looks at variables.

Names are those of docs/api.md § 12. An empty variable counts as unset, so that a compose file may pass
``${S3_BUCKET:-}``. What is wrong ends the process with one line that names the variable (``load_or_exit``).
"""

import errno
import os
import re
import secrets
import sys
from collections.abc import Iterator
from email.utils import parseaddr
from ipaddress import ip_address
from pathlib import Path
from typing import Any, Literal
from urllib.parse import unquote, urlsplit

import dj_database_url
from pydantic import Field, HttpUrl, SecretStr, ValidationError, field_validator, model_validator
from pydantic_core import PydanticCustomError
from pydantic_settings import BaseSettings, SettingsConfigDict

from adiuva.environment_values import CommaSeparated, CommaSeparatedSecrets, Headers, SentryDsn, Url, read_headers

PROJECT_DIR = Path(__file__).resolve().parent.parent
MIN_TOKEN_CHARACTERS = 16
MIN_SECRET_BYTES = 32  # RFC 7518 § 3.2: a key as long as the hash of HS256

# Words that only a secret copied from documentation contains.
PLACEHOLDER_WORDS = ("change", "default", "example", "insecure", "password", "placeholder", "your-", "your_")
MIN_SECRET_VARIETY = 8  # different characters; 32 random hex digits have about 14
_BEARER_TOKEN = re.compile(rf"[A-Za-z0-9._~+/=-]{{{MIN_TOKEN_CHARACTERS},}}")


def host_and_origin(url: str) -> tuple[str, str]:
    """As browsers spell them (WHATWG URL): in lower case and ASCII, without the scheme's own port."""
    parts = HttpUrl(url)
    own_port = {"http": 80, "https": 443}[parts.scheme]
    host = parts.host or ""
    return host, f"{parts.scheme}://{host}" + ("" if parts.port == own_port else f":{parts.port}")


def is_placeholder(secret: str) -> bool:
    """True for a secret that came from documentation."""
    folded = secret.casefold()
    return any(word in folded for word in PLACEHOLDER_WORDS)


def is_weak(secret: str) -> bool:
    """True for a secret that could be guessed: a placeholder, too short, or typed by holding a key down."""
    short = len(secret.encode()) < MIN_SECRET_BYTES
    return short or is_placeholder(secret) or len(set(secret)) < MIN_SECRET_VARIETY


class Environment(BaseSettings):
    """Every variable the service reads. ``None`` or ``""`` means the embedded default of § 12."""

    model_config = SettingsConfigDict(env_ignore_empty=True, case_sensitive=True, extra="ignore", frozen=True)

    ENV: Literal["dev", "prod"] = "dev"
    DEBUG: bool = False
    DATA_DIR: Path = PROJECT_DIR / "var"
    HOST: str = "127.0.0.1"
    PORT: int = Field(default=8000, ge=0, le=65535)
    WEB_CONCURRENCY: int = Field(default=1, ge=1, le=64)
    FORWARDED_ALLOW_IPS: str = ""
    PUBLIC_URL: Url = ""
    ALLOWED_HOSTS: CommaSeparated = ()
    CORS_ORIGINS: CommaSeparated = ("app://.", "http://localhost:3000", "http://localhost:5173")
    LOG_LEVEL: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    LOG_FORMAT: Literal["", "json", "text"] = ""
    METRICS_TOKEN: SecretStr = SecretStr("")
    SENTRY_DSN: SentryDsn = SecretStr("")
    OTEL_EXPORTER_OTLP_ENDPOINT: Url = ""
    OTEL_EXPORTER_OTLP_HEADERS: Headers = SecretStr("")
    OTEL_SERVICE_NAME: str = "adiuva-cloud-api"
    OTEL_TRACES_SAMPLER_ARG: float = Field(default=1, ge=0, le=1)

    CLIENT_IDLE_SECONDS: float = Field(default=30, gt=0, le=3600)
    CLIENT_MIN_BYTES_PER_SECOND: int = Field(default=500, ge=0)
    CHAT_MAX_SOCKETS_PER_USER: int = Field(default=20, ge=1)
    CHAT_MAX_SOCKETS: int = Field(default=10_000, ge=1)

    # They may hold a password, which a printed environment must not show.
    DATABASE_URL: str = Field(default="", repr=False)
    DATABASE_POOL_SIZE: int = Field(default=10, ge=1, le=200)
    REDIS_URL: str = Field(default="", repr=False)

    JWT_SECRET: SecretStr = SecretStr("")
    JWT_SECRET_FALLBACKS: CommaSeparatedSecrets = ()
    JWT_ALGORITHM: Literal["HS256", "HS384", "HS512"] = "HS256"
    JWT_ACCESS_TOKEN_EXPIRE_MINUTES: float = Field(default=30, gt=0, le=1440)
    JWT_REFRESH_TOKEN_EXPIRE_DAYS: float = Field(default=30, gt=0, le=365)

    EMAIL_URL: str = Field(default="", repr=False)
    EMAIL_FROM: str = ""
    WEBAUTHN_ORIGINS: CommaSeparated = ()
    STAFF_REQUIRE_SECOND_FACTOR: bool | None = None

    OPENAI_API_KEY: SecretStr = SecretStr("")
    OPENAI_API_BASE: Url = ""
    ANTHROPIC_API_KEY: SecretStr = SecretStr("")
    ANTHROPIC_API_BASE: Url = ""
    GEMINI_API_KEY: SecretStr = SecretStr("")
    GOOGLE_API_KEY: SecretStr = SecretStr("")
    GEMINI_API_BASE: Url = ""
    AZURE_API_KEY: SecretStr = SecretStr("")
    AZURE_API_BASE: Url = ""
    AZURE_API_VERSION: str = ""
    AWS_BEARER_TOKEN_BEDROCK: SecretStr = SecretStr("")
    AWS_BEDROCK_RUNTIME_ENDPOINT: Url = ""
    AWS_REGION_NAME: str = ""
    AWS_SESSION_TOKEN: SecretStr = SecretStr("")
    MISTRAL_API_KEY: SecretStr = SecretStr("")
    MISTRAL_API_BASE: Url = ""
    GROQ_API_KEY: SecretStr = SecretStr("")
    GROQ_API_BASE: Url = ""
    OPENROUTER_API_KEY: SecretStr = SecretStr("")
    OPENROUTER_API_BASE: Url = ""
    DEEPSEEK_API_KEY: SecretStr = SecretStr("")
    DEEPSEEK_API_BASE: Url = ""
    OLLAMA_API_KEY: SecretStr = SecretStr("")
    OLLAMA_API_BASE: Url = ""
    OLLAMA_NUM_CTX: int = Field(default=16_384, ge=0)
    LLM_MODEL: str = ""
    LLM_ROUTER_MODEL: str = ""
    LLM_SPECULATE: bool = False
    LLM_FALLBACK_MODEL: str = ""
    LLM_MODELS: CommaSeparated = ()
    LLM_TIMEOUT_SECONDS: float = Field(default=60, gt=0, le=600)
    LLM_MAX_RUNNING_TURNS: int = Field(default=200, ge=1)
    LLM_PRELOAD: bool = True
    LLM_TOKENS_PER_MONTH_FREE: int | None = Field(default=None, ge=0)
    LLM_TOKENS_PER_MONTH_PRO: int | None = Field(default=None, ge=0)
    LLM_TOKENS_PER_MONTH_POWER: int | None = Field(default=None, ge=0)
    LLM_TOKENS_PER_MONTH_TEAM: int | None = Field(default=None, ge=0)
    EGRESS_ALLOW: CommaSeparated = ()
    DNS_RESOLVER: str = ""

    STRIPE_SECRET_KEY: SecretStr = SecretStr("")
    STRIPE_WEBHOOK_SECRET: SecretStr = SecretStr("")
    STRIPE_CONNECT_WEBHOOK_SECRET: SecretStr = SecretStr("")
    STRIPE_API_BASE: Url = ""
    STRIPE_PRICE_PRO: CommaSeparated = ("price_pro_monthly",)
    STRIPE_PRICE_POWER: CommaSeparated = ("price_power_monthly",)
    STRIPE_PRICE_TEAM: CommaSeparated = ("price_team_monthly",)
    PAST_DUE_GRACE_DAYS: float = Field(default=7, ge=0, le=365)

    MAX_RECORD_BYTES: int = Field(default=100 * 1024**2, ge=1)
    MAX_BACKUP_BYTES: int = Field(default=10 * 1024**3, ge=1)
    MAX_PACKAGE_BYTES: int = Field(default=20 * 1024**2, ge=1, le=100 * 1024**2)
    PLUGIN_CHECKS_SHADOW: CommaSeparated = ("name_taken",)
    S3_BUCKET: str = ""
    S3_REGION: str = ""
    S3_ENDPOINT_URL: Url = ""
    AWS_ACCESS_KEY_ID: SecretStr = SecretStr("")
    AWS_SECRET_ACCESS_KEY: SecretStr = SecretStr("")
    S3_SSE: Literal["AES256", "aws:kms", "none"] = "AES256"
    S3_TIMEOUT_SECONDS: float = Field(default=20, gt=0, le=300)
    PINECONE_API_KEY: SecretStr = SecretStr("")
    PINECONE_INDEX: str = ""
    PINECONE_HOST: str = ""
    QDRANT_URL: Url = ""
    QDRANT_API_KEY: SecretStr = SecretStr("")

    def read(self, name: str) -> Any:
        """The value of the variable ``name``, a secret's too. Raises ``AttributeError`` for one that is not read."""
        value = getattr(self, name)
        return value.get_secret_value() if isinstance(value, SecretStr) else value

    def otlp_headers(self) -> dict[str, str]:
        return read_headers(self.OTEL_EXPORTER_OTLP_HEADERS.get_secret_value())

    def secrets(self) -> Iterator[str]:
        """The value of every secret that is set: what may never be printed."""
        for name in type(self).model_fields:
            value = getattr(self, name)
            for secret in value if isinstance(value, tuple) else (value,):
                if isinstance(secret, SecretStr):
                    yield secret.get_secret_value()
        for url in (self.DATABASE_URL, self.REDIS_URL, self.EMAIL_URL):
            password = urlsplit(url).password or ""
            yield from (password, unquote(password))

    @field_validator("DATABASE_URL")
    @classmethod
    def _known_database(cls, value: str) -> str:
        """``postgresql+asyncpg://…`` and the like are tolerated: the driver is ours to choose."""
        if not value:
            return value
        scheme, separator, rest = value.partition("://")
        scheme = scheme.partition("+")[0]
        if not separator or scheme not in {"postgres", "postgresql", "sqlite"}:
            raise PydanticCustomError("database_url", "must be postgresql://… or sqlite:///…")
        url = f"{scheme}://{rest}"
        try:
            parsed = dj_database_url.parse(url)
        except (dj_database_url.ParseError, ValueError):
            raise PydanticCustomError(
                "database_url", "is not a valid URL; special characters in its parts must be %-encoded"
            ) from None
        if not parsed["NAME"]:
            raise PydanticCustomError("database_url", "must name a database")
        return url

    @field_validator("REDIS_URL")
    @classmethod
    def _known_redis(cls, value: str) -> str:
        if value and urlsplit(value).scheme not in {"redis", "rediss", "unix"}:
            raise PydanticCustomError("redis_url", "must be redis://…, rediss://… or unix://…")
        return value

    @field_validator("EMAIL_URL")
    @classmethod
    def _known_mail_server(cls, value: str) -> str:
        """``smtp://`` speaks TLS where the server offers it (STARTTLS), ``smtps://`` from the first byte."""
        if not value:
            return value
        try:
            parts = urlsplit(value)
            known = parts.scheme in {"smtp", "smtps"} and parts.hostname and (parts.port is None or parts.port > 0)
        except ValueError:
            known = False
        if not known:
            raise PydanticCustomError(
                "email_url", "must be smtp://[user:password@]host[:port] or smtps://…, special characters %-encoded"
            )
        return value

    @field_validator("EMAIL_FROM")
    @classmethod
    def _one_sender(cls, value: str) -> str:
        if value and ("@" not in parseaddr(value)[1] or not value.isprintable()):
            raise PydanticCustomError("email_from", "must be an address, or Name <address>")
        return value

    @field_validator("METRICS_TOKEN")
    @classmethod
    def _token(cls, value: SecretStr) -> SecretStr:
        """One that a header can carry (RFC 6750 § 2.1) and nobody guesses."""
        token = value.get_secret_value()
        if token and not _BEARER_TOKEN.fullmatch(token):
            raise PydanticCustomError(
                "token", f"must have at least {MIN_TOKEN_CHARACTERS} characters, all of A-Z a-z 0-9 - . _ ~ + / ="
            )
        return value

    @field_validator("CORS_ORIGINS", "WEBAUTHN_ORIGINS")
    @classmethod
    def _origins(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for origin in value:
            parts = urlsplit(origin)
            if not parts.scheme or not parts.netloc or parts.path or parts.query or origin == "*":
                raise PydanticCustomError(
                    "origin", "'{origin}' is not an origin (scheme://host[:port])", {"origin": origin}
                )
        return value

    @field_validator("EGRESS_ALLOW")
    @classmethod
    def _hosts_and_ports(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for place in value:
            try:
                parts = urlsplit(f"//{place}")
                whole = parts.hostname and parts.port and parts.netloc == place and "@" not in place
            except ValueError:
                whole = False
            if not whole:
                raise PydanticCustomError("egress", "'{place}' is not host:port", {"place": place})
        return tuple(place.lower() for place in value)

    @field_validator("DNS_RESOLVER")
    @classmethod
    def _address_and_port(cls, value: str) -> str:
        if not value:
            return value
        try:
            parts = urlsplit(f"//{value}")
            ip_address(parts.hostname or "")
            whole = bool(parts.port) and parts.netloc == value
        except ValueError:
            whole = False
        if not whole:
            raise PydanticCustomError("resolver", "must be ip:port, such as 127.0.0.1:53 or [::1]:53")
        return value

    @model_validator(mode="after")
    def _refuse_unsafe_production(self) -> "Environment":
        if self.ENV != "prod":
            return self
        secret = self.JWT_SECRET.get_secret_value()
        if not secret:
            raise _refusal("JWT_SECRET", "must be set when ENV=prod")
        if len(secret.encode()) < MIN_SECRET_BYTES:
            raise _refusal("JWT_SECRET", f"must have at least {MIN_SECRET_BYTES} bytes when ENV=prod")
        if is_placeholder(secret):
            raise _refusal("JWT_SECRET", "looks like a placeholder: make one with `openssl rand -hex 32`")
        if not self.DATABASE_URL or self.DATABASE_URL.startswith("sqlite"):
            raise _refusal("DATABASE_URL", "must name a PostgreSQL database when ENV=prod")
        if self.DEBUG:
            raise _refusal("DEBUG", "must be off when ENV=prod")
        for variable in ("LLM_MODEL", "LLM_ROUTER_MODEL", "LLM_FALLBACK_MODEL", "LLM_MODELS"):
            names = getattr(self, variable)
            if any(name.startswith("offline/") for name in ([names] if isinstance(names, str) else names)):
                raise _refusal(variable, "may name the built-in offline model only when ENV=dev")
        return self

    @model_validator(mode="after")
    def _several_processes_share_state(self) -> "Environment":
        if self.WEB_CONCURRENCY > 1 and not self.REDIS_URL:
            raise _refusal("REDIS_URL", "must be set when WEB_CONCURRENCY > 1: limits and tickets live in it")
        return self


def _refusal(variable: str, reason: str) -> PydanticCustomError:
    return PydanticCustomError("refused", "{variable}: {reason}", {"variable": variable, "reason": reason})


def describe(error: ValidationError) -> str:
    """One line for each wrong variable, by name and without its value (it may be a secret)."""
    lines = []
    for problem in error.errors(include_url=False, include_input=False):
        name = ".".join(str(part) for part in problem["loc"][:1])
        lines.append("configuration error: " + (f"{name}: {problem['msg']}" if name else problem["msg"]))
    return "\n".join(lines)


def load_or_exit() -> Environment:
    """The environment of this process, or exit status 1 and a line a variable on stderr."""
    try:
        return Environment()
    except ValidationError as error:
        sys.stderr.write(describe(error) + "\n")
        raise SystemExit(1) from None


def usable_folder(path: Path) -> Path:
    """``path``, made if it was not there; exit status 1 and a line on stderr where that is not possible."""
    try:
        path.mkdir(parents=True, exist_ok=True)
        if not os.access(path, os.W_OK | os.X_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    except OSError as error:
        sys.stderr.write(f"configuration error: DATA_DIR: {path} is not a folder one can use ({error.strerror})\n")
        raise SystemExit(1) from None
    return path


FILE_NAME = "dev-jwt-secret"


def development_secret(data_dir: Path) -> str:
    """The secret in ``data_dir``, made if there is none.

    Two first starts at the same time agree: the file is written aside and linked into place, and the link
    fails for the second one, which then reads the first one's.
    """
    path = data_dir / FILE_NAME
    if not path.exists():
        draft = data_dir / f".{FILE_NAME}.{os.getpid()}.{secrets.token_hex(4)}"
        draft.touch(mode=0o600)
        draft.write_text(secrets.token_hex(32))
        try:
            os.link(draft, path)
        except FileExistsError:
            return path.read_text()
        finally:
            draft.unlink()
    return path.read_text()
