"""Registers what the marketplace shows in the admin."""

from marketplace.admin import payouts, plugins, submissions

__all__ = ["payouts", "plugins", "submissions"]
