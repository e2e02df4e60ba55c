"""Registers what the marketplace shows in the admin."""

from marketplace.admin import payouts, plugins, reports, submissions, support

__all__ = ["payouts", "plugins", "reports", "submissions", "support"]
