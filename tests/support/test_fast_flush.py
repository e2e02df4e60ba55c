from collections.abc import Callable

import pytest
from django.contrib.auth.models import Permission
from django.contrib.contenttypes.models import ContentType
from django.db import connection
from django.test import TransactionTestCase

from accounts.models import Session, User
from tests.support import fast_flush

pytestmark = pytest.mark.django_db(transaction=True)


def as_django_leaves_it() -> list[object]:
    fast_flush.django_flush(TransactionTestCase())
    return rows()


def rows() -> list[object]:
    """Of every table, with names in the place of numbers that count on."""
    tables = set(connection.introspection.django_table_names(only_existing=True)) - set(fast_flush.FILLED_AGAIN)
    found: list[object] = [*sorted(ContentType.objects.values_list("app_label", "model"))]
    found += sorted(Permission.objects.values_list("codename", "content_type__app_label", "content_type__model"))
    with connection.cursor() as cursor:
        for table in sorted(tables):
            cursor.execute(f"SELECT * FROM {table}")  # noqa: S608
            found += [(table, row) for row in cursor.fetchall()]
    return found


def test_what_tests_commit_goes(make_user: Callable[..., object]) -> None:
    expected = as_django_leaves_it()
    for _ in range(2):  # the second one finds what Django left
        make_user(tier="team")
        assert User.objects.exists()
        assert Session.objects.exists()
        fast_flush.flush(TransactionTestCase())
        assert rows() == expected


def test_what_django_fills_is_filled_again() -> None:
    expected = as_django_leaves_it()
    fast_flush.flush(TransactionTestCase())
    Permission.objects.all().delete()
    ContentType.objects.filter(app_label="chat").delete()
    fast_flush.flush(TransactionTestCase())
    assert rows() == expected
