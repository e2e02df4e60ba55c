"""What is stored, by tier: for the admin's first page."""

from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime

from django.db.models import Count, Q, Sum

from accounts import live_tier
from accounts.serializers import TIERS
from adiuva.byte_sizes import show_bytes
from adiuva.dashboard import registry
from adiuva.dashboard.figures import Card, Figure, Row, Series, list_url
from storage.models import StorageUsage, StoredVector, with_stored_kinds

USAGE = "storage_storageusage"
PERMISSIONS = ("storage.view_storageusage",)


def register() -> None:
    registry.register("storage", _make_cards, permissions=PERMISSIONS, order=40)


def _make_cards(now: datetime) -> Iterator[Card]:  # noqa: ARG001 - as the registry asks
    stored = _sum_by_tier()
    kinds = ("records", "vectors", "backups")
    total_bytes = sum(one["storage"] + one["backups"] for one in stored.values())
    total = Figure(
        value=total_bytes,
        text=show_bytes(total_bytes),
        href=list_url(USAGE),
        rows=sum(one["accounts"] for one in stored.values()),
    )
    rows = []
    for tier in TIERS:
        of_tier = stored[tier]
        figures = tuple(
            Figure(
                value=of_tier[kind],
                text=show_bytes(of_tier[kind]),
                href=list_url(USAGE, live_tier=tier, holds=kind),
                rows=of_tier[f"with_{kind}"],
            )
            for kind in kinds
        )
        in_all = Figure(
            value=of_tier["storage"] + of_tier["backups"],
            text=show_bytes(of_tier["storage"] + of_tier["backups"]),
            href=list_url(USAGE, live_tier=tier),
            rows=of_tier["accounts"],
        )
        rows.append(Row(label=tier.title(), figures=figures, total=in_all))
    yield Card(
        slug="storage-by-tier",
        title="Storage by tier",
        about="A bar for each tier: bytes of records, of vectors and of backups.",
        kind="bars",
        heads=((total, "sealed"),),
        label="Tier",
        series=(
            Series(name="Records", tone="a"),
            Series(name="Vectors", tone="b"),
            Series(name="Backups", tone="c"),
        ),
        rows=tuple(rows),
        empty="Nothing is stored yet.",
    )


def _sum_by_tier() -> dict[str, dict[str, int]]:
    """Bytes by tier and kind, and how many accounts have some. Two queries; the counters know no vectors."""
    stored: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    of_accounts = with_stored_kinds(StorageUsage.objects.order_by()).values(tier=live_tier.expression("user__"))
    for row in of_accounts.annotate(
        accounts=Count("pk"),
        storage=Sum("storage_bytes"),
        backups=Sum("backup_bytes"),
        with_records=Count("pk", filter=Q(has_records=True)),
        with_vectors=Count("pk", filter=Q(has_vectors=True)),
        with_backups=Count("pk", filter=Q(has_backups=True)),
    ):
        stored[row["tier"]].update({name: count for name, count in row.items() if isinstance(count, int)})
    vectors = StoredVector.objects.order_by().values(tier=live_tier.expression("user__"))
    for tier, size in vectors.annotate(vectors=Sum("size_bytes")).values_list("tier", "vectors"):
        stored[tier]["vectors"] = size
    for one in stored.values():
        one["records"] = one["storage"] - one["vectors"]
    return stored
