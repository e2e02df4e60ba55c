"""The first page as its parts, and the lists behind its numbers."""

import re
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.test import Client, RequestFactory
from django.urls import resolve

from accounts.models import User
from adiuva.dashboard import registry
from adiuva.dashboard.figures import Card, Figure, Item, Tile


def staff_client(user: User) -> Client:
    client = Client(raise_request_exception=False)
    client.force_login(user)
    return client


def items(user: User, now: datetime | None = None) -> dict[str, Item]:
    return {item.slug: item for item in registry.items_for(user, now or datetime.now(UTC))}


def figures(item: Item) -> list[Figure]:
    if isinstance(item, Tile):
        return [item.figure]
    rows = [figure for row in item.rows for figure in (*row.figures, *filter(None, [row.total]))]
    return [figure for figure, _ in item.heads] + rows


def card(found: dict[str, Item], slug: str) -> Card:
    item = found[slug]
    assert isinstance(item, Card)
    return item


def the_list(href: str, user: User) -> ChangeList:
    """What the admin finds for that address, without the page around it."""
    request = RequestFactory().get(href)
    request.user = user
    name = resolve(urlsplit(href).path).url_name
    model = next(m for m in admin.site._registry if name == f"{m._meta.app_label}_{m._meta.model_name}_changelist")
    found: ChangeList = admin.site._registry[model].get_changelist_instance(request)
    return found


def shown_ids(page: str) -> list[str]:
    return re.findall(r'<(?:li class="dash-tile[^"]*"|figure class="dash-card") id="([\w-]+)"', page)


def numbers(page: str) -> list[tuple[str, int]]:
    """(address, rows) of every number on the page."""
    found = re.findall(r'href="([^"]+)" data-rows="(\d+)"', page)
    return [(href.replace("&amp;", "&"), int(rows)) for href, rows in found]


def page_of(client: Client) -> Any:
    return client.get("/admin/")
