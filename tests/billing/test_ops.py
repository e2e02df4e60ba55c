from django.conf import settings
from django.core.checks import run_checks
from django.test import override_settings


def ids() -> list[str]:
    return [str(message.id) for message in run_checks(tags=["billing"])]


def test_the_defaults_are_fine() -> None:
    assert ids() == []


@override_settings(STRIPE_PRICES={"pro": ("price_a",), "power": (), "team": ("price_c",)})
def test_a_tier_without_a_price_is_an_error() -> None:
    assert ids() == ["billing.E001"]


@override_settings(
    STRIPE_PRICES={"pro": ("price_a", "price_a_2"), "power": ("price_b", "price_a"), "team": ("price_c",)}
)
def test_a_price_that_means_two_tiers_is_an_error() -> None:
    assert ids() == ["billing.E002"]


def test_rest_without_the_limiter_is_an_error() -> None:
    with override_settings(REST_FRAMEWORK={**settings.REST_FRAMEWORK, "DEFAULT_THROTTLE_CLASSES": []}):
        assert ids() == ["billing.E003"]
