from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("storage", "0001_initial")]

    operations = [
        migrations.AddField(
            "storagerecord", "dated_at", models.DateTimeField(blank=True, editable=False, null=True)
        ),
        migrations.AddField(
            "storageusage", "backup_date", models.DateTimeField(blank=True, editable=False, null=True)
        ),
    ]
