"""Budgets (docs/api.md § 5): how many tokens of the operator's models a user may spend in a month."""

from chat.budgets.allowance import close_meter, limit_of, open_meter, resets_at
from chat.budgets.ledger import used_tokens

__all__ = ["close_meter", "limit_of", "open_meter", "resets_at", "used_tokens"]
