"""`python -m tests.support.frameworks_alone`: the system checks of a project that has our frameworks and nothing else.

What that costs is what a machine's slowness and load are measured by.
"""

import gc
from importlib import import_module

import django
from django.conf import settings
from django.core.management import call_command

from adiuva.server import collector

CONTEXT = ["template.context_processors.request", "contrib.auth.context_processors.auth"]
CONTEXT += ["contrib.messages.context_processors.messages"]
CONTRIBUTED = ["sessions", "auth", "messages"]
NOT_APPS = ["drf_spectacular.views", "prometheus_client", "pydantic_settings", "rest_framework_simplejwt.tokens"]


def main() -> None:
    collector.put_off()
    settings.configure(
        SECRET_KEY="x" * 50,
        INSTALLED_APPS=[
            "unfold.apps.BasicAppConfig",
            *(f"django.contrib.{name}" for name in ("admin", "contenttypes", "staticfiles", *CONTRIBUTED)),
            "corsheaders",
            "rest_framework",
            "drf_spectacular",
            "drf_spectacular_sidecar",
            "djstripe",
        ],
        MIDDLEWARE=[
            "django.contrib.sessions.middleware.SessionMiddleware",
            "django.contrib.auth.middleware.AuthenticationMiddleware",
            "django.contrib.messages.middleware.MessageMiddleware",
        ],
        DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
        TEMPLATES=[
            {
                "BACKEND": "django.template.backends.django.DjangoTemplates",
                "APP_DIRS": True,
                "OPTIONS": {"context_processors": [f"django.{name}" for name in CONTEXT]},
            }
        ],
        STATIC_URL="/static/",
        DJSTRIPE_FOREIGN_KEY_TO_FIELD="id",
        STRIPE_TEST_SECRET_KEY="sk_test_" + "x" * 24,
        STRIPE_LIVE_MODE=False,
    )
    django.setup()
    call_command("check")
    for name in NOT_APPS:
        import_module(name)
    gc.freeze()


if __name__ == "__main__":
    main()
