"""Two indexes of the records that every upload wrote and no query read.

The one by ``user_id`` alone says what the primary key, which begins with it, says too; the one for LIKE on ``s3_key``
came along with its uniqueness. The models have lost them; here only the indexes go. Django itself would take the
foreign key and the unique constraint away and make them anew, and read the whole table under a lock for it.
"""

from typing import Any

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

BY_USER = "storage_records_user_id_f1b179ed"
KEY_LIKE = "storage_records_s3_key_22533e33_like"
ONE_A_KEY = "storage_records_s3_key_key"  # as PostgreSQL named it


def drop(_apps: Any, schema_editor: Any) -> None:
    """Without a lock that uploads would wait for, where there may be many."""
    concurrently = "CONCURRENTLY" if schema_editor.connection.vendor == "postgresql" else ""
    for name in (BY_USER, KEY_LIKE):
        schema_editor.execute(f'DROP INDEX {concurrently} IF EXISTS "{name}"')


def make(_apps: Any, schema_editor: Any) -> None:
    is_postgresql = schema_editor.connection.vendor == "postgresql"
    concurrently = "CONCURRENTLY" if is_postgresql else ""
    schema_editor.execute(f'CREATE INDEX {concurrently} IF NOT EXISTS "{BY_USER}" ON "storage_records" ("user_id")')
    if is_postgresql:
        schema_editor.execute(
            f'CREATE INDEX CONCURRENTLY IF NOT EXISTS "{KEY_LIKE}" ON "storage_records" ("s3_key" varchar_pattern_ops)'
        )


class Migration(migrations.Migration):
    atomic = False

    dependencies = [
        ("storage", "0003_feed_epoch"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.SeparateDatabaseAndState(
            database_operations=[migrations.RunPython(drop, make)],
            state_operations=[
                migrations.AlterField(
                    "storagerecord",
                    "user",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="storage_records",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                migrations.AlterField(
                    "storagerecord", "s3_key", models.CharField(blank=True, max_length=255, null=True)
                ),
                migrations.AddConstraint(
                    "storagerecord", models.UniqueConstraint(fields=["s3_key"], name=ONE_A_KEY)
                ),
            ],
        )
    ]
