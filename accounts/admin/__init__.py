"""The admin of accounts; Django looks for it here."""

from accounts.admin import security, users
from accounts.admin.tiers import LiveTierFilter, OwnersTierFilter

__all__ = ["LiveTierFilter", "OwnersTierFilter", "security", "users"]
