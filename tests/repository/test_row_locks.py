"""PostgreSQL's FOR UPDATE of a row waits for everybody who inserts one that refers to it, also for the check of a
deferred foreign key at their commit: who holds such a lock and waits for a row of theirs is in a deadlock. FOR NO KEY
UPDATE waits for none of them (the manual, 13.3.2). So a row that others refer to is locked with ``no_key=True``, unless
its key goes away.
"""

import ast
from collections.abc import Iterator
from pathlib import Path

from django.apps import apps
from django.db.models import Model

from tests.repository.paths import ROOT
from tests.repository.test_findable_rules import product_modules

DELETED_UNDER_THE_LOCK = {
    ("agents/batches/service.py", "Batch"),
    ("marketplace/erasure.py", "Plugin"),
    ("marketplace/payouts/transfers.py", "Transfer"),
}


def is_referred_to(model: type[Model]) -> bool:
    return any(not relation.many_to_many for relation in model._meta.related_objects)


def root_of(expression: ast.expr) -> str | None:
    """``User`` of ``User.objects.filter(…).select_for_update``."""
    while not isinstance(expression, ast.Name):
        match expression:
            case ast.Attribute(value=inner) | ast.Call(func=inner):
                expression = inner
            case _:
                return None
    return expression.id


def full_locks(module: Path) -> Iterator[tuple[str, int]]:
    """What is locked with FOR UPDATE: the name that the query begins with, and the line."""
    for node in ast.walk(ast.parse((ROOT / module).read_text())):
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and node.func.attr == "select_for_update"
        ):
            told = {keyword.arg for keyword in node.keywords}
            root = root_of(node.func.value)
            if root is not None and not told & {"no_key", "skip_locked"}:
                yield root, node.lineno


def test_a_row_that_others_refer_to_is_locked_without_its_key() -> None:
    referred_to = {model.__name__ for model in apps.get_models() if is_referred_to(model)}
    assert {"User", "Session", "Organization", "Plugin"} <= referred_to
    full = {
        (str(module), name): f"{module}:{line} locks {name}"
        for module in product_modules()
        for name, line in full_locks(module)
        if name in referred_to
    }
    assert set(full) == DELETED_UNDER_THE_LOCK, full
