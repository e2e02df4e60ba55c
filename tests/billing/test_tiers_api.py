import pytest
from django.test import Client, override_settings

FIELDS = [
    "tier",
    "price_id",
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
URL = "/api/v1/billing/tiers"


def test_the_tiers_are_there_for_everybody_from_the_lowest_up(client: Client) -> None:
    answer = client.get(URL)
    assert answer.status_code == 200
    assert answer["Content-Type"] == "application/json"
    assert [item["tier"] for item in answer.json()["items"]] == ["free", "pro", "power", "team"]
    assert all(list(item) == FIELDS for item in answer.json()["items"])


def test_free_is_written_out(client: Client) -> None:
    assert client.get(URL).json()["items"][0] == {
        "tier": "free",
        "price_id": None,
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


def test_unlimited_is_null(client: Client) -> None:
    team = client.get(URL).json()["items"][3]
    assert [name for name in FIELDS if team[name] is None] == [
        "agents",
        "batch_active",
        "cloud_storage_bytes",
        "backup_storage_bytes",
        "llm_providers",
    ]


def test_prices_are_the_operators(client: Client) -> None:
    with override_settings(STRIPE_PRICES={"pro": "price_a", "power": "price_b", "team": "price_c"}):
        items = client.get(URL).json()["items"]
    assert [item["price_id"] for item in items] == [None, "price_a", "price_b", "price_c"]


def test_it_is_not_rate_limited_and_looks_at_no_token(client: Client) -> None:
    answer = client.get(URL, headers={"Authorization": "Bearer rubbish"})
    assert answer.status_code == 200
    assert "RateLimit-Limit" not in answer


@pytest.mark.parametrize("method", ["post", "put", "delete"])
def test_it_is_read_only(client: Client, method: str) -> None:
    answer = getattr(client, method)(URL)
    assert answer.status_code == 405
    assert answer["Allow"] == "GET"
    assert answer.json()["code"] == "method_not_allowed"
