"""Registers what the marketplace shows in the admin."""

from marketplace.admin import money, plugins, submissions

__all__ = ["money", "plugins", "submissions"]
