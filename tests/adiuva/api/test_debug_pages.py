"""What a developer's debug page says of the settings."""

from typing import Any

import pytest
from django.conf import settings as live_settings
from django.views.debug import get_exception_reporter_filter

from adiuva.environment import Environment

CANARY = "canary-7b1e0c94"
REDIS = f"redis://:{CANARY}@redis.internal/0"


def test_no_secret_is_on_a_debug_page(settings: Any) -> None:
    names = [name for name, field in Environment.model_fields.items() if "Secret" in str(field.annotation)]
    names.remove("JWT_SECRET_FALLBACKS")  # what is derived of them is kept
    derived: tuple[str, ...] = (
        *("SECRET_KEY", "REFRESH_SUCCESSOR_KEY", "FACTOR_SECRETS_KEY", "FACTOR_SECRETS_FALLBACK_KEYS"),
        *("SSO_SECRETS_KEY", "SSO_SECRETS_FALLBACK_KEYS", "SSO_FLOW_KEY"),
    )
    for name in (*names, *derived, "STRIPE_STUB_SECRET", "EMAIL_URL", "EMAIL_HOST_PASSWORD"):
        assert hasattr(live_settings, name)
        setattr(settings, name, CANARY)
    settings.DATABASE_URL = f"postgresql://adiuva:{CANARY}@db.internal/adiuva"
    settings.REDIS_URL = REDIS
    settings.SIMPLE_JWT = {"SIGNING_KEY": CANARY}
    page = get_exception_reporter_filter(None)
    shown = page.get_safe_settings()
    shown |= {
        name: page.cleanse_setting(name, value)
        for name, value in (
            ("DATABASES", {"default": {"PASSWORD": CANARY}}),
            ("CACHES", {"default": {"LOCATION": REDIS}}),
        )
    }
    assert CANARY not in str(shown)
    assert "ROOT_URLCONF" in shown


@pytest.mark.parametrize("path", ["/api/v1/nowhere", "/api/v1/auth/me"])
def test_the_api_has_no_debug_pages(path: str, settings: Any) -> None:
    from django.test import Client

    settings.DEBUG = True
    answer = Client().get(path)
    assert answer.headers["Content-Type"] == "application/problem+json"
