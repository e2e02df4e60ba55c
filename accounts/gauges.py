"""What is left to do about accounts, read when the metrics are asked for."""

from accounts.models import User
from adiuva.observability import scraping


def pending_erasures() -> float:
    return User.objects.filter(erasure_requested_at__isnull=False).count()


def register() -> None:
    scraping.register(
        "adiuva_erasures_pending", "Accounts whose deletion was accepted and is not finished", pending_erasures
    )
