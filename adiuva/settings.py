"""Django's settings, derived from ``adiuva.environment``; nothing here reads a variable itself."""

import hashlib
import hmac
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import dj_database_url

from adiuva import __version__
from adiuva.api.openapi.settings import DOCUMENT
from adiuva.db.pool import reconnect_failed
from adiuva.environment import development_secret, host_and_origin, load_or_exit, usable_folder
from adiuva.observability.logging import keep_out, logging_config
from adiuva.server.cors import ALLOWED_HEADERS, EXPOSED_HEADERS
from agents.llm.providers import PROVIDER_VARIABLES, choose_model, describe_missing_model

env = load_or_exit()

VERSION = __version__
ENV = env.ENV
IS_PROD = env.ENV == "prod"
DEBUG = env.DEBUG
DATA_DIR = env.DATA_DIR.resolve()
REDIS_URL = env.REDIS_URL or None

# --- secrets ---------------------------------------------------------------------------------------------------

JWT_SECRET = env.JWT_SECRET.get_secret_value() or development_secret(usable_folder(DATA_DIR))


def _derive_secret(purpose: str, *, secret: str = JWT_SECRET) -> str:
    """One secret to keep, a key of its own for each purpose (HMAC as in RFC 5869's expand step)."""
    return hmac.new(secret.encode(), f"adiuva:{purpose}".encode(), hashlib.sha256).hexdigest()


SECRET_KEY = _derive_secret("django")
REFRESH_SUCCESSOR_KEY = _derive_secret("refresh-successor")
FACTOR_SECRETS_KEY = _derive_secret("factor-secrets")
SSO_SECRETS_KEY = _derive_secret("sso-secrets")  # seals what organisations' providers know us by
SSO_FLOW_KEY = _derive_secret("sso-flow")
# Of secrets that were JWT_SECRET before: they open what was sealed then, and nothing else.
FACTOR_SECRETS_FALLBACK_KEYS = [
    _derive_secret("factor-secrets", secret=old.get_secret_value()) for old in env.JWT_SECRET_FALLBACKS
]
SSO_SECRETS_FALLBACK_KEYS = [
    _derive_secret("sso-secrets", secret=old.get_secret_value()) for old in env.JWT_SECRET_FALLBACKS
]

# --- where we are ----------------------------------------------------------------------------------------------

PUBLIC_URL = env.PUBLIC_URL or f"http://localhost:{env.PORT}"
SERVE_HOST, SERVE_PORT, SERVE_PROCESSES = env.HOST, env.PORT, env.WEB_CONCURRENCY
FORWARDED_ALLOW_IPS = env.FORWARDED_ALLOW_IPS
CLIENT_IDLE_SECONDS = env.CLIENT_IDLE_SECONDS
CLIENT_MIN_BYTES_PER_SECOND = env.CLIENT_MIN_BYTES_PER_SECOND
CHAT_MAX_SOCKETS_PER_USER = env.CHAT_MAX_SOCKETS_PER_USER
CHAT_MAX_SOCKETS = env.CHAT_MAX_SOCKETS

_loopback_hosts = ["localhost", "127.0.0.1", "[::1]"]
_public_host = PUBLIC_URL.split("://", 1)[1].split("/", 1)[0].rsplit(":", 1)[0]
PUBLIC_ORIGIN = "/".join(PUBLIC_URL.split("/", 3)[:3])
if env.ALLOWED_HOSTS:
    # Loopback as well: a container's own health check does not know its public name.
    ALLOWED_HOSTS = [*env.ALLOWED_HOSTS, *_loopback_hosts]
elif not IS_PROD and env.HOST in {"0.0.0.0", "::"}:  # noqa: S104 - asked for by name: a dev server open to the network
    ALLOWED_HOSTS = ["*"]
else:
    ALLOWED_HOSTS = [*_loopback_hosts, _public_host]

ROOT_URLCONF = "adiuva.urls"
ASGI_APPLICATION = "adiuva.asgi.application"
APPEND_SLASH = False
USE_TZ = True
TIME_ZONE = "UTC"
LANGUAGE_CODE = "en-us"
USE_I18N = False

# --- what it is made of ----------------------------------------------------------------------------------------

INSTALLED_APPS = [
    # daphne replaces `runserver` and imports Twisted (0.6 s of CPU): only that command needs it.
    *(["daphne"] if "runserver" in sys.argv else []),
    "unfold.apps.BasicAppConfig",
    "adiuva.apps.AdminConfig",  # django.contrib.admin, with a site of ours
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "corsheaders",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "adiuva.apps.AdiuvaConfig",
    "adiuva.mail",
    "djstripe",  # before billing, which takes its admin away again
    "accounts",
    "accounts.organizations",
    "billing",
    "storage",
    "backups",
    "marketplace",
    "agents",
    "agents.batches",
    "chat",
]

# Each is native in sync and async mode; the three that the admin needs step aside elsewhere (adiuva.server.middleware).
# CSRF: admin views carry `csrf_protect` themselves and the API takes no cookies, so the middleware is not needed.
MIDDLEWARE = [
    "adiuva.server.middleware.request_context",
    "corsheaders.middleware.CorsMiddleware",
    "adiuva.server.middleware.security_headers",
    "adiuva.server.middleware.SessionMiddleware",
    "adiuva.server.middleware.AuthenticationMiddleware",
    "adiuva.server.middleware.MessageMiddleware",
]

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [Path(__file__).parent / "templates"],  # before those of apps, whose pages some of ours extend
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]

# --- state -----------------------------------------------------------------------------------------------------

DATABASE_URL = env.DATABASE_URL or f"sqlite:///{DATA_DIR / 'adiuva.sqlite3'}"
DATABASES: dict[str, Any] = {"default": dj_database_url.parse(DATABASE_URL)}
if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    if not env.DATABASE_URL:
        usable_folder(DATA_DIR)
    # Each request thread keeps its connection: opening one costs a fifth of a small request's CPU.
    DATABASES["default"]["CONN_MAX_AGE"] = None
    DATABASES["default"]["OPTIONS"] = {
        # A read that turns into a write would fail at once with "database is locked"; IMMEDIATE waits its turn.
        "transaction_mode": "IMMEDIATE",
        "timeout": 30,
        # secure_delete: an erased account's rows are overwritten, not just unlinked.
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA secure_delete=ON;",
    }
else:
    INSTALLED_APPS.append("adiuva.jobs.procrastinate.apps.TablesConfig")
    DATABASES["default"]["ENGINE"] = "adiuva.db.postgresql"
    DATABASES["default"]["CONN_MAX_AGE"] = 0
    # A server that does not answer must not hold requests up: those in the network of one take milliseconds.
    DATABASES["default"].setdefault("OPTIONS", {}).setdefault("connect_timeout", 2)
    DATABASES["default"]["OPTIONS"]["pool"] = {
        "min_size": 1,
        "max_size": env.DATABASE_POOL_SIZE,
        "timeout": 10,  # for a pool that is busy; one without a server says so at once
        "reconnect_timeout": 0,
        "reconnect_failed": reconnect_failed,
    }

CACHES: dict[str, Any] = {
    "default": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": REDIS_URL,
        # A Redis on the same network answers in under a millisecond; one that hangs must not hold up logins.
        "OPTIONS": {"socket_connect_timeout": 0.5, "socket_timeout": 0.5},
    }
    if REDIS_URL
    else {
        "BACKEND": "django.core.cache.backends.locmem.LocMemCache",
        # The default of 300 would drop WebSocket tickets and login counters at random.
        "OPTIONS": {"MAX_ENTRIES": 50_000},
    }
}
STATIC_URL = "/static/"

# --- accounts --------------------------------------------------------------------------------------------------

AUTH_USER_MODEL = "accounts.User"
PASSWORD_HASHERS = ["django.contrib.auth.hashers.BCryptSHA256PasswordHasher"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 8}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
    {"NAME": "accounts.passwords.EndSessions"},
]
AUTHENTICATION_BACKENDS = ["accounts.login_limits.LimitedBackend"]
LOGIN_URL = "/admin/login/"
LOGIN_REDIRECT_URL = "/admin/"  # unfold's form does not say where to

JWT_ALGORITHM = env.JWT_ALGORITHM
ACCESS_TOKEN_LIFETIME = timedelta(minutes=env.JWT_ACCESS_TOKEN_EXPIRE_MINUTES)
CLOCK_LEEWAY = timedelta(seconds=10)  # the clocks of two servers: one must take what the other has just signed
REFRESH_TOKEN_LIFETIME = timedelta(days=env.JWT_REFRESH_TOKEN_EXPIRE_DAYS)
SIMPLE_JWT = {
    "ALGORITHM": JWT_ALGORITHM,
    "SIGNING_KEY": JWT_SECRET,
    "ISSUER": "adiuva",
    "AUDIENCE": "adiuva-api",
    "ACCESS_TOKEN_LIFETIME": ACCESS_TOKEN_LIFETIME,
    "USER_ID_CLAIM": "sub",
    "TOKEN_TYPE_CLAIM": "token_type",
    "JTI_CLAIM": "jti",
    "LEEWAY": CLOCK_LEEWAY,
}

# Whether staff get into the admin with a password alone.
STAFF_REQUIRE_SECOND_FACTOR = IS_PROD if env.STAFF_REQUIRE_SECOND_FACTOR is None else env.STAFF_REQUIRE_SECOND_FACTOR
# The relying party is the host of PUBLIC_URL (WebAuthn § 5.1.2: an origin's effective domain).
WEBAUTHN_RP_ID, _browser_origin = host_and_origin(PUBLIC_URL)
WEBAUTHN_ORIGINS = [_browser_origin, *env.WEBAUTHN_ORIGINS]

# --- mail ------------------------------------------------------------------------------------------------------

EMAIL_URL = env.EMAIL_URL
MAIL_DIR = DATA_DIR / "mail"
_mail_server = urlsplit(EMAIL_URL)
EMAIL_HOST = _mail_server.hostname or ""
EMAIL_USE_SSL = _mail_server.scheme == "smtps"
EMAIL_PORT = _mail_server.port or (465 if EMAIL_USE_SSL else 587)
EMAIL_HOST_USER, EMAIL_HOST_PASSWORD = unquote(_mail_server.username or ""), unquote(_mail_server.password or "")
EMAIL_TIMEOUT = 10  # seconds for each answer of the mail server
EMAIL_BACKEND = f"adiuva.mail.backends.{'smtp.SmtpBackend' if EMAIL_URL else 'files.FileBackend'}"
DEFAULT_FROM_EMAIL = env.EMAIL_FROM or f"Adiuva <no-reply@{_public_host}>"

# --- REST ------------------------------------------------------------------------------------------------------

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["accounts.authentication.AccessTokenAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_THROTTLE_CLASSES": ["billing.rate_limit.throttle.TierThrottle"],
    "DEFAULT_PARSER_CLASSES": ["adiuva.api.json.StrictJSONParser"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_METADATA_CLASS": None,
    "DEFAULT_SCHEMA_CLASS": "adiuva.api.openapi.hooks.ApiSchema",
    "EXCEPTION_HANDLER": "adiuva.api.error_handler.exception_handler",
    "UNAUTHENTICATED_USER": None,
    "DATETIME_FORMAT": "%Y-%m-%dT%H:%M:%S.%fZ",
    "COERCE_DECIMAL_TO_STRING": False,
    "URL_FORMAT_OVERRIDE": None,
}

SPECTACULAR_SETTINGS = {**DOCUMENT, "VERSION": VERSION}

CORS_ALLOWED_ORIGINS = list(env.CORS_ORIGINS)
CORS_ORIGINS = CORS_ALLOWED_ORIGINS  # the WebSocket handshake checks the same list
CORS_URLS_REGEX = r"^/api/"
CORS_EXPOSE_HEADERS, CORS_ALLOW_HEADERS = EXPOSED_HEADERS, ALLOWED_HEADERS
CORS_PREFLIGHT_MAX_AGE = 600

# --- models ----------------------------------------------------------------------------------------------------

OPENAI_API_KEY = env.OPENAI_API_KEY.get_secret_value()
OPENAI_API_BASE = env.OPENAI_API_BASE
# A setting for each variable of each provider: agents.llm.providers reads them by their names.
globals().update({name: env.read(name) for name in PROVIDER_VARIABLES})
OFFLINE_MODEL = "offline/adiuva"
LLM_MODEL = choose_model(env.LLM_MODEL, offline="" if IS_PROD else OFFLINE_MODEL, read=env.read)
# What was asked for and has no key; the offline model answers instead of it.
LLM_MODEL_WITHOUT_KEY = env.LLM_MODEL if LLM_MODEL == OFFLINE_MODEL != env.LLM_MODEL else ""
# For the operator: a provider is connected that has no model to fall back on, and LLM_MODEL names none.
LLM_MODEL_MISSING = describe_missing_model(env.LLM_MODEL, read=env.read)
LLM_ROUTER_MODEL = (env.LLM_ROUTER_MODEL if LLM_MODEL != OFFLINE_MODEL else "") or LLM_MODEL
LLM_SPECULATE = env.LLM_SPECULATE
LLM_FALLBACK_MODEL = env.LLM_FALLBACK_MODEL
LLM_MODELS = env.LLM_MODELS
LLM_TIMEOUT_SECONDS = env.LLM_TIMEOUT_SECONDS
LLM_MAX_RUNNING_TURNS = env.LLM_MAX_RUNNING_TURNS
LLM_PRELOAD = env.LLM_PRELOAD
# By tier; None is unlimited.
LLM_TOKENS_PER_MONTH: dict[str, int | None] = {
    "free": env.LLM_TOKENS_PER_MONTH_FREE,
    "pro": env.LLM_TOKENS_PER_MONTH_PRO,
    "power": env.LLM_TOKENS_PER_MONTH_POWER,
    "team": env.LLM_TOKENS_PER_MONTH_TEAM,
}
# Of addresses that users name: what may be connected to though it is not on the open internet (adiuva.egress).
EGRESS_ALLOW = frozenset(env.EGRESS_ALLOW)
DNS_RESOLVER = env.DNS_RESOLVER  # "ip:port"; empty: the system's

# --- sealed bytes ----------------------------------------------------------------------------------------------

MAX_RECORD_BYTES = env.MAX_RECORD_BYTES
MAX_BACKUP_BYTES = env.MAX_BACKUP_BYTES
BLOB_DIR = DATA_DIR / "blobs"
S3_BUCKET = env.S3_BUCKET
S3_REGION = env.S3_REGION
S3_ENDPOINT_URL = env.S3_ENDPOINT_URL
AWS_ACCESS_KEY_ID = env.AWS_ACCESS_KEY_ID.get_secret_value()
AWS_SECRET_ACCESS_KEY = env.AWS_SECRET_ACCESS_KEY.get_secret_value()
S3_SSE = env.S3_SSE
S3_TIMEOUT_SECONDS = env.S3_TIMEOUT_SECONDS

VECTOR_DIR = DATA_DIR / "vectors"
VECTOR_TIMEOUT_SECONDS = 5  # each wait on the vector store; a user's lock is held meanwhile
QDRANT_URL = env.QDRANT_URL
QDRANT_API_KEY = env.QDRANT_API_KEY.get_secret_value()
PINECONE_API_KEY = env.PINECONE_API_KEY.get_secret_value()
PINECONE_INDEX = env.PINECONE_INDEX
PINECONE_HOST = env.PINECONE_HOST

# --- billing ---------------------------------------------------------------------------------------------------

STRIPE_SECRET_KEY = env.STRIPE_SECRET_KEY.get_secret_value()
STRIPE_WEBHOOK_SECRET = env.STRIPE_WEBHOOK_SECRET.get_secret_value()
STRIPE_CONNECT_WEBHOOK_SECRET = env.STRIPE_CONNECT_WEBHOOK_SECRET.get_secret_value()
STRIPE_API_BASE = env.STRIPE_API_BASE
STRIPE_API_VERSION = "2026-05-27.dahlia"  # the one dj-stripe 2.11 is written for
STRIPE_TIMEOUT_SECONDS = 10.0  # of silence; a call is tried twice
# Price ids or lookup keys, the ones that are sold first (billing.prices).
STRIPE_PRICES: dict[str, tuple[str, ...]] = {
    "pro": env.STRIPE_PRICE_PRO,
    "power": env.STRIPE_PRICE_POWER,
    "team": env.STRIPE_PRICE_TEAM,
}
PAST_DUE_GRACE = timedelta(days=env.PAST_DUE_GRACE_DAYS)
# Without a key in dev, the stub signs its own events with this; the public webhook never looks at it.
STRIPE_STUB_SECRET = "" if IS_PROD or STRIPE_SECRET_KEY else _derive_secret("stripe-stub")

MIGRATION_MODULES = {"djstripe": "billing.stripe.djstripe.migrations"}
DATABASE_ROUTERS = ["billing.stripe.djstripe.MirroredTablesRouter"]
DJSTRIPE_FOREIGN_KEY_TO_FIELD = "id"
# Empty: a customer's metadata does not decide whose it is; billing.stripe.customers does.
DJSTRIPE_SUBSCRIBER_CUSTOMER_KEY = ""

# --- plugins ---------------------------------------------------------------------------------------------------

MAX_PACKAGE_BYTES = env.MAX_PACKAGE_BYTES
PLUGIN_CHECKS_SHADOW = frozenset(env.PLUGIN_CHECKS_SHADOW)

# --- transport -------------------------------------------------------------------------------------------------

SECURE_HSTS_SECONDS = 31_536_000 if IS_PROD else 0
SECURE_REFERRER_POLICY = "same-origin"
# Staff alone have sessions: they last a working day, and no path but the admin's gets their cookies.
SESSION_COOKIE_AGE = 8 * 3600
SESSION_COOKIE_PATH = CSRF_COOKIE_PATH = "/admin/"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = IS_PROD
SESSION_COOKIE_HTTPONLY = CSRF_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Strict"
CSRF_TRUSTED_ORIGINS = [PUBLIC_URL]
SILENCED_SYSTEM_CHECKS = [
    # Our own native middleware sets these headers (adiuva.server.middleware.security_headers).
    "security.W001",
    "security.W002",
    # Admin views carry csrf_protect; nothing else reads a cookie.
    "security.W003",
]

# --- the admin -------------------------------------------------------------------------------------------------

UNFOLD = {
    "SITE_TITLE": "Adiuva",
    "SITE_HEADER": "Adiuva Cloud",
    "SITE_URL": None,
    "SITE_SYMBOL": "cloud",
    "SITE_FAVICONS": [{"rel": "icon", "type": "image/svg+xml", "href": f"{STATIC_URL}adiuva/icon.svg"}],
    "STYLES": [f"{STATIC_URL}adiuva/theme.css"],
    "GLOBAL_CALLBACK": "adiuva.admin_site.context",
    "DASHBOARD_CALLBACK": "adiuva.dashboard.registry.build_context",
}

# --- logs, metrics, debug pages --------------------------------------------------------------------------------

DEFAULT_EXCEPTION_REPORTER_FILTER = "adiuva.api.error_handler.SettingsFilter"
keep_out(
    [
        *env.secrets(),
        *(JWT_SECRET, SECRET_KEY, REFRESH_SUCCESSOR_KEY, FACTOR_SECRETS_KEY, *FACTOR_SECRETS_FALLBACK_KEYS),
        *(SSO_SECRETS_KEY, SSO_FLOW_KEY, *SSO_SECRETS_FALLBACK_KEYS),
    ]
)
LOGGING = logging_config(level=env.LOG_LEVEL, as_json=(env.LOG_FORMAT or ("json" if IS_PROD else "text")) == "json")
METRICS_TOKEN = env.METRICS_TOKEN.get_secret_value()
SENTRY_DSN = env.SENTRY_DSN.get_secret_value()
OTEL_EXPORTER_OTLP_ENDPOINT, OTEL_SERVICE_NAME = env.OTEL_EXPORTER_OTLP_ENDPOINT, env.OTEL_SERVICE_NAME
OTEL_TRACES_SAMPLER_ARG = env.OTEL_TRACES_SAMPLER_ARG
OTEL_EXPORTER_OTLP_HEADERS = env.otlp_headers()
if not OTEL_EXPORTER_OTLP_ENDPOINT:
    # redis-py imports OpenTelemetry's metrics wherever they are installed: 30 ms of CPU and 2 MB for nothing.
    sys.modules.setdefault("opentelemetry.sdk.metrics", None)  # type: ignore[arg-type]  # the import system's own way to say no
