"""Our own system checks, by their ids."""

from typing import Any

import pytest

from adiuva import urls
from adiuva.ops import docs_are_for_developers, public_url, weak_secret


def ids(messages: list[Any]) -> list[str]:
    return [message.id for message in messages]


@pytest.mark.parametrize(("secret", "found"), [("9b1deb4d3b7d4bad9bdd2b0d7b3dcb6d", []), ("short", ["adiuva.W001"])])
def test_a_weak_secret_is_warned_of_in_development_too(settings: Any, secret: str, found: list[str]) -> None:
    settings.JWT_SECRET = secret
    assert ids(weak_secret()) == found


@pytest.mark.parametrize(
    ("url", "found"),
    [("https://api.example", []), ("http://localhost:8000", []), ("http://api.example", ["adiuva.E001"])],
)
def test_production_is_reached_by_https(settings: Any, url: str, found: list[str]) -> None:
    settings.IS_PROD, settings.PUBLIC_URL = True, url
    assert ids(public_url()) == found
    settings.IS_PROD = False
    assert ids(public_url()) == []


def test_the_schema_is_not_public_in_production(settings: Any) -> None:
    assert urls.urlpatterns
    assert ids(docs_are_for_developers()) == []
    settings.IS_PROD = True  # with the routes of development, as a mistake in the URLs would leave them
    assert ids(docs_are_for_developers()) == ["adiuva.E002"]
