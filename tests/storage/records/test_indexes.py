"""Every upload writes every index of the records: none is there that another one makes useless."""

import pytest
from django.db import connection

from storage.models import StorageRecord

pytestmark = pytest.mark.django_db


def test_no_index_of_the_records_says_what_another_one_says() -> None:
    table = StorageRecord._meta.db_table
    with connection.cursor() as cursor:
        constraints = connection.introspection.get_constraints(cursor, table)
    whole = {
        name: tuple(found["columns"])
        for name, found in constraints.items()
        if (found["index"] or found["unique"] or found["primary_key"]) and found["columns"]
    }
    primary = next(name for name, found in constraints.items() if found["primary_key"])
    # SQLite names the columns of a key in any order.
    whole[primary] = tuple(str(field.column) for field in StorageRecord._meta.pk_fields)
    repeated = {
        name: other
        for name, columns in whole.items()
        for other, longer in whole.items()
        if name != other and longer[: len(columns)] == columns and not constraints[name]["unique"]
    }
    assert repeated == {}
