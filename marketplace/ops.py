"""System checks of the marketplace's settings; `manage.py check` shows them with these ids."""

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Warning, register  # noqa: A004

from adiuva.observability import probes
from marketplace.models import PluginStatus, PluginVersion, Transfer, TransferStatus
from marketplace.submissions.validators.runner import SHADOWABLE, VALIDATORS


@register
def shadow_mode(**_: Any) -> list[CheckMessage]:
    named: frozenset[str] = settings.PLUGIN_CHECKS_SHADOW
    known = {validator.code for validator in VALIDATORS}
    found: list[CheckMessage] = []
    if unknown := sorted(named - known):
        hint = f"There are {', '.join(sorted(SHADOWABLE))}."
        found.append(
            Warning(f"PLUGIN_CHECKS_SHADOW names no checks: {', '.join(unknown)}.", hint=hint, id="marketplace.W001")
        )
    if enforced := sorted((named & known) - SHADOWABLE):
        text = f"PLUGIN_CHECKS_SHADOW names checks of the contract, which are always enforced: {', '.join(enforced)}."
        found.append(Warning(text, hint="Take them out.", id="marketplace.W002"))
    return found


def pending_reviews() -> float:
    return PluginVersion.objects.filter(status=PluginStatus.PENDING_REVIEW).count()


def open_transfers() -> float:
    return Transfer.objects.filter(status=TransferStatus.PENDING).count()


def register_gauges() -> None:
    probes.register_gauge(
        "adiuva_plugin_reviews_pending", "Submitted plugin versions that wait for a reviewer", pending_reviews
    )
    probes.register_gauge("adiuva_payouts_open", "Payouts to developers that were not made yet", open_transfers)
