import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('storage', '0004_fewer_indexes'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='RecordVersion',
            fields=[
                ('pk', models.CompositePrimaryKey('user_id', 'record_id', 'revision', blank=True, editable=False, primary_key=True, serialize=False)),
                ('user', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='record_versions', to=settings.AUTH_USER_MODEL)),
                ('record_id', models.UUIDField(editable=False)),
                ('revision', models.PositiveIntegerField()),
                ('table_name', models.CharField(max_length=64)),
                ('s3_key', models.CharField(max_length=255)),
                ('checksum', models.CharField(max_length=64)),
                ('size_bytes', models.BigIntegerField()),
                ('created_at', models.DateTimeField()),
                ('replaced_at', models.DateTimeField()),
                ('in_trash', models.BooleanField(default=False)),
                ('verified_at', models.DateTimeField(blank=True, help_text='When verify_blobs last read it whole.', null=True)),
            ],
            options={
                'db_table': 'storage_record_versions',
            },
        ),
        migrations.AddField(
            model_name='storagerecord',
            name='restored_from',
            field=models.IntegerField(blank=True, editable=False, null=True),
        ),
        migrations.AddField(
            model_name='storageusage',
            name='backup_reserved_bytes',
            field=models.BigIntegerField(db_default=0, default=0),
        ),
        migrations.AddField(
            model_name='storageusage',
            name='storage_reserved_bytes',
            field=models.BigIntegerField(db_default=0, default=0),
        ),
        migrations.AddField(
            model_name='storageusage',
            name='version_days',
            field=models.PositiveSmallIntegerField(db_default=30, default=30, help_text='How long one is kept, at most.'),
        ),
        migrations.AddField(
            model_name='storageusage',
            name='versions_bytes',
            field=models.BigIntegerField(db_default=0, default=0),
        ),
        migrations.AddField(
            model_name='storageusage',
            name='versions_kept',
            field=models.PositiveSmallIntegerField(db_default=10, default=10, help_text='Earlier states of each record, at most.'),
        ),
        migrations.AddConstraint(
            model_name='storageusage',
            constraint=models.CheckConstraint(condition=models.Q(('backup_reserved_bytes__gte', 0), ('storage_reserved_bytes__gte', 0), ('versions_bytes__gte', 0)), name='storage_usage_others_not_negative'),
        ),
        migrations.AddConstraint(
            model_name='storageusage',
            constraint=models.CheckConstraint(condition=models.Q(('version_days__lte', 90), ('versions_kept__lte', 10)), name='storage_usage_version_settings'),
        ),
        migrations.AddIndex(
            model_name='recordversion',
            index=models.Index(fields=['user', 'replaced_at', 'record_id', 'revision'], name='storage_record_versions_oldest'),
        ),
        migrations.AddIndex(
            model_name='recordversion',
            index=models.Index(condition=models.Q(('in_trash', True)), fields=['user', '-replaced_at', 'record_id'], name='storage_record_versions_trash'),
        ),
        migrations.AddIndex(
            model_name='recordversion',
            index=models.Index(fields=['replaced_at'], name='storage_record_versions_age'),
        ),
        migrations.AddIndex(
            model_name='recordversion',
            index=models.Index(fields=['verified_at'], name='storage_record_versions_verify'),
        ),
        migrations.AddConstraint(
            model_name='recordversion',
            constraint=models.UniqueConstraint(fields=('s3_key',), name='storage_record_versions_s3_key_key'),
        ),
        migrations.AddConstraint(
            model_name='recordversion',
            constraint=models.UniqueConstraint(condition=models.Q(('in_trash', True)), fields=('user', 'record_id'), name='storage_record_versions_one_in_trash'),
        ),
        migrations.AddConstraint(
            model_name='recordversion',
            constraint=models.CheckConstraint(condition=models.Q(('revision__gte', 1), ('size_bytes__gte', 0)), name='storage_record_versions_positive'),
        ),
        migrations.AddConstraint(
            model_name='recordversion',
            constraint=models.CheckConstraint(condition=models.Q(('table_name__regex', '^[a-z][a-z0-9_]{0,63}$')), name='storage_record_versions_table_name'),
        ),
        migrations.AddConstraint(
            model_name='recordversion',
            constraint=models.CheckConstraint(condition=models.Q(('checksum__regex', '^[0-9a-f]{64}$')), name='storage_record_versions_checksum'),
        ),
    ]
