"""The tables of the marketplace, by what they are about: the catalog, the reviewer's desk, people's choices, money."""

from marketplace.models.catalog import (
    Plugin,
    PluginReview,
    PluginStatus,
    PluginTakedown,
    PluginVersion,
    RejectionReason,
    ReviewDecision,
)
from marketplace.models.desk import (
    MessageSide,
    PluginReport,
    ReportOutcome,
    ReportReason,
    ReviewClaim,
    ReviewMessage,
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
    "MessageSide",
    "OnboardingState",
    "PaymentReturn",
    "Plugin",
    "PluginInstallation",
    "PluginPurchase",
    "PluginRating",
    "PluginReport",
    "PluginReview",
    "PluginStatus",
    "PluginTakedown",
    "PluginVersion",
    "PurchaseStatus",
    "RejectionReason",
    "ReportOutcome",
    "ReportReason",
    "ReturnKind",
    "RevenueEvent",
    "ReviewClaim",
    "ReviewDecision",
    "ReviewMessage",
    "Transfer",
    "TransferStatus",
]
