"""How many organisations and members there are, by how they sign in: for the admin's first page."""

from collections.abc import Iterator
from datetime import datetime
from typing import Final

from django.db.models import Case, Count, Q, Value, When

from accounts.organizations.models import Organization
from adiuva.dashboard import registry
from adiuva.dashboard.figures import Card, Figure, Row, Series, format_count, list_url

# How an organisation's members sign in, as its lists filter by it.
SIGN_ON: Final = {"none": "Without sign-on", "offered": "Sign-on offered", "enforced": "Sign-on enforced"}


def register() -> None:
    permissions = ("organizations.view_organization", "organizations.view_membership")
    registry.register("organizations", _cards, permissions=permissions, order=25)


def sign_on(prefix: str = "") -> Case:
    """Of organisations, or with ``prefix`` of what belongs to one: a key of ``SIGN_ON``."""
    return Case(
        When(**{f"{prefix}connection__isnull": True, "then": Value("none")}),
        When(**{f"{prefix}connection__enforced": True, "then": Value("enforced")}),
        default=Value("offered"),
    )


def _cards(_now: datetime) -> Iterator[Card]:
    grouped = (
        Organization.objects.order_by()
        .values_list(sign_on())
        .annotate(
            organizations=Count("pk", distinct=True),
            people=Count("members", distinct=True, filter=Q(members__active=True)),
        )
    )
    counts = {kind: (organizations, people) for kind, organizations, people in grouped}
    rows = []
    for kind, label in SIGN_ON.items():
        organizations, people = counts.get(kind, (0, 0))
        rows.append(
            Row(
                label=label,
                figures=(
                    _figure(organizations, list_url("organizations_organization", sign_on=kind)),
                    _figure(people, list_url("organizations_membership", sign_on=kind, active__exact=1)),
                ),
            )
        )
    organizations = sum(row.figures[0].value for row in rows)
    people = sum(row.figures[1].value for row in rows)
    yield Card(
        slug="organizations",
        title="Organisations by sign-on",
        about="A bar for each way to sign in, as long as organisations have it.",
        kind="bars",
        heads=(
            (
                _figure(organizations, list_url("organizations_organization")),
                "organisation" if organizations == 1 else "organisations",
            ),
            (
                _figure(people, list_url("organizations_membership", active__exact=1)),
                "member" if people == 1 else "members",
            ),
        ),
        label="Sign-on",
        series=(Series(name="Organisations", tone="a"), Series(name="Members")),
        rows=tuple(rows),
        empty="There is no organisation yet.",
    )


def _figure(count: int, href: str) -> Figure:
    return Figure(value=count, text=format_count(count), href=href, rows=count)
