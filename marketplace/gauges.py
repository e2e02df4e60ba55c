"""What waits for a person or a payout in the marketplace, read when the metrics are asked for."""

from adiuva.observability import scraping
from marketplace.models import PluginStatus, PluginVersion, Transfer, TransferStatus


def pending_reviews() -> float:
    return PluginVersion.objects.filter(status=PluginStatus.PENDING_REVIEW).count()


def open_transfers() -> float:
    return Transfer.objects.filter(status=TransferStatus.PENDING).count()


def register() -> None:
    scraping.register(
        "adiuva_plugin_reviews_pending", "Submitted plugin versions that wait for a reviewer", pending_reviews
    )
    scraping.register("adiuva_payouts_open", "Payouts to developers that were not made yet", open_transfers)
