"""The tier is billing's to know; accounts only asks.

Billing registers how (``AppConfig.ready``), so that authentication can fetch user, session and tier in one query
without accounts importing billing.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from django.db.models import F
from django.db.models.expressions import Combinable

if TYPE_CHECKING:
    from accounts.models import User


@dataclass(slots=True)
class _Source:
    select_related: tuple[str, ...] = ()
    seldom_needed: tuple[str, ...] = ()
    read: "Callable[[User], str]" = field(default=lambda user: user.tier)
    expression: Callable[[str], Combinable] = field(default=lambda prefix: F(f"{prefix}tier"))


_source = _Source()


def register(
    *,
    select_related: tuple[str, ...],
    seldom_needed: tuple[str, ...],
    read: "Callable[[User], str]",
    expression: Callable[[str], Combinable],
) -> None:
    """``select_related``: relations of ``User`` that ``read`` needs, so that it makes no query of its own;
    ``seldom_needed``: those of their columns that neither it nor a profile looks at.

    ``expression(prefix)`` is ``read`` in SQL, for queries over many; ``prefix`` leads from their model to the user.
    """
    _source.select_related = select_related
    _source.seldom_needed = seldom_needed
    _source.read = read
    _source.expression = expression


def select_related(prefix: str = "") -> tuple[str, ...]:
    return tuple(prefix + relation for relation in _source.select_related)


def seldom_needed(prefix: str = "") -> tuple[str, ...]:
    return tuple(prefix + column for column in _source.seldom_needed)


def read(user: "User") -> str:
    """`free`, `pro`, `power` or `team`, as the database says now."""
    return _source.read(user)


def expression(prefix: str = "") -> Combinable:
    """``read`` in SQL: ``expression("user__")`` in a query of sessions, say."""
    return _source.expression(prefix)
