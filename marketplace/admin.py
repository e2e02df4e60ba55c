"""Registers what the marketplace shows in the admin."""

from marketplace import admin_money, admin_plugins, admin_reviews

__all__ = ["admin_money", "admin_plugins", "admin_reviews"]
