"""The tables of the marketplace, by what they are about: the catalog, people's choices, money."""

from marketplace.models.catalog import (
    Plugin,
    PluginReview,
    PluginStatus,
    PluginTakedown,
    PluginVersion,
    RejectionReason,
    ReviewDecision,
)
from marketplace.models.payouts import (
    DeveloperAccount,
    LedgerAccount,
    LedgerEntry,
    OnboardingState,
    PaymentReturn,
    ReturnKind,
    RevenueEvent,
    Transfer,
    TransferStatus,
)
from marketplace.models.purchases import PluginInstallation, PluginPurchase, PluginRating, PurchaseStatus

__all__ = [
    "DeveloperAccount",
    "LedgerAccount",
    "LedgerEntry",
    "OnboardingState",
    "PaymentReturn",
    "Plugin",
    "PluginInstallation",
    "PluginPurchase",
    "PluginRating",
    "PluginReview",
    "PluginStatus",
    "PluginTakedown",
    "PluginVersion",
    "PurchaseStatus",
    "RejectionReason",
    "ReturnKind",
    "RevenueEvent",
    "ReviewDecision",
    "Transfer",
    "TransferStatus",
]
