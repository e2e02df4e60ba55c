import pytest
from django.test import override_settings

from tests.support.client import ApiClient

pytestmark = pytest.mark.django_db

FIELDS = [
    "tier",
    "price_id",
    "prices",
    "agents",
    "batch_active",
    "cloud_storage_bytes",
    "backup_storage_bytes",
    "llm_providers",
    "batch_builder",
    "plugin_marketplace",
    "sso",
    "requests_per_minute",
]
URL = "billing/tiers"


def test_the_tiers_are_there_for_everybody_from_the_lowest_up(api: ApiClient) -> None:
    answer = api.get(URL)
    assert answer.status == 200
    assert answer.headers["Content-Type"] == "application/json"
    assert [item["tier"] for item in answer.json["items"]] == ["free", "pro", "power", "team"]
    assert all(list(item) == FIELDS for item in answer.json["items"])


def test_free_is_written_out(api: ApiClient) -> None:
    assert api.get(URL).json["items"][0] == {
        "tier": "free",
        "price_id": None,
        "prices": [],
        "agents": 3,
        "batch_active": 2,
        "cloud_storage_bytes": 0,
        "backup_storage_bytes": 0,
        "llm_providers": 1,
        "batch_builder": False,
        "plugin_marketplace": False,
        "sso": False,
        "requests_per_minute": 20,
    }


def test_unlimited_is_null(api: ApiClient) -> None:
    team = api.get(URL).json["items"][3]
    assert [name for name in FIELDS if team[name] is None] == [
        "agents",
        "batch_active",
        "cloud_storage_bytes",
        "backup_storage_bytes",
        "llm_providers",
    ]


def test_prices_are_the_operators(api: ApiClient) -> None:
    with override_settings(STRIPE_PRICES={"pro": ("price_a",), "power": ("price_b",), "team": ("price_c",)}):
        items = api.get(URL).json["items"]
    assert [item["price_id"] for item in items] == [None, "price_a", "price_b", "price_c"]


def test_it_is_not_rate_limited_and_looks_at_no_token(api: ApiClient) -> None:
    answer = api.get(URL, headers={"Authorization": "Bearer rubbish"})
    assert answer.status == 200
    assert "RateLimit-Limit" not in answer.headers


@pytest.mark.parametrize("method", ["post", "put", "delete"])
def test_it_is_read_only(api: ApiClient, method: str) -> None:
    answer = getattr(api, method)(URL)
    assert answer.status == 405
    assert answer.headers["Allow"] == "GET, HEAD"
    assert answer.code == "method_not_allowed"
