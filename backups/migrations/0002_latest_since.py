from datetime import timedelta
from typing import Any

from django.db import migrations, models
from django.db.models import F


def give_a_second_of_its_own(apps: Any, _schema_editor: Any) -> None:
    """The moment may lie in a second in which another snapshot was the latest: the next one is its own."""
    apps.get_model("backups", "Backup").objects.filter(latest_since__isnull=False).update(
        latest_since=F("latest_since") + timedelta(seconds=1)
    )


class Migration(migrations.Migration):
    dependencies = [("backups", "0001_initial")]

    operations = [
        # The column keeps its name: servers of the version before run until the migrations are through.
        migrations.AlterField(
            "backup",
            "latest_again_at",
            models.DateTimeField(blank=True, db_column="latest_again_at", editable=False, null=True),
        ),
        migrations.RenameField("backup", "latest_again_at", "latest_since"),
        migrations.RunPython(give_a_second_of_its_own, migrations.RunPython.noop, elidable=True),
    ]
