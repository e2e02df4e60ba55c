import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0005_way_back_in'),
        ('backups', '0002_latest_since'),
    ]

    operations = [
        migrations.AddField(
            model_name='backup',
            name='immutable_until',
            field=models.DateTimeField(blank=True, help_text='Nobody can delete it before.', null=True),
        ),
        migrations.CreateModel(
            name='BackupPolicy',
            fields=[
                ('user', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, primary_key=True, related_name='backup_policy', serialize=False, to=settings.AUTH_USER_MODEL)),
                ('keep_last', models.PositiveIntegerField(blank=True, null=True)),
                ('keep_daily', models.PositiveIntegerField(blank=True, null=True)),
                ('keep_weekly', models.PositiveIntegerField(blank=True, null=True)),
                ('immutable_days', models.PositiveIntegerField(default=0)),
                ('updated_at', models.DateTimeField(auto_now=True)),
            ],
            options={
                'verbose_name_plural': 'backup policies',
                'db_table': 'backup_policies',
                'constraints': [models.CheckConstraint(condition=models.Q(models.Q(('keep_last__isnull', True), ('keep_last__lte', 1000), _connector='OR'), models.Q(('keep_daily__isnull', True), ('keep_daily__lte', 366), _connector='OR'), models.Q(('keep_weekly__isnull', True), ('keep_weekly__lte', 520), _connector='OR'), ('immutable_days__lte', 30)), name='backup_policies_numbers'), models.CheckConstraint(condition=models.Q(models.Q(('keep_daily__isnull', True), ('keep_last__isnull', True), ('keep_weekly__isnull', True)), models.Q(('keep_last__gt', 0), ('keep_last__isnull', False)), models.Q(('keep_daily__gt', 0), ('keep_daily__isnull', False)), models.Q(('keep_weekly__gt', 0), ('keep_weekly__isnull', False)), _connector='OR'), name='backup_policies_keep_something')],
            },
        ),
    ]
