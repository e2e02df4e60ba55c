"""Reviewing and taking down are permissions of their own, and the group "Plugin reviewers" has both, and no other."""

from typing import Any

from django.db import migrations

GROUP = "Plugin reviewers"
PERMISSIONS = [
    ("review_plugins", "Can review submitted plugins"),
    ("take_down_plugins", "Can take plugins down and reinstate them"),
]


def make_group(apps: Any, schema_editor: Any) -> None:
    """Django makes permissions when all migrations are done; it takes these for its own then."""
    alias = schema_editor.connection.alias
    ContentType = apps.get_model("contenttypes", "ContentType")
    Permission = apps.get_model("auth", "Permission")
    Group = apps.get_model("auth", "Group")
    content_type, _ = ContentType.objects.using(alias).get_or_create(app_label="marketplace", model="plugin")
    permissions = [
        Permission.objects.using(alias).get_or_create(
            content_type=content_type, codename=codename, defaults={"name": name}
        )[0]
        for codename, name in PERMISSIONS
    ]
    group, _ = Group.objects.using(alias).get_or_create(name=GROUP)
    group.permissions.set(permissions)


class Migration(migrations.Migration):
    dependencies = [
        ("auth", "0012_alter_user_first_name_max_length"),
        ("contenttypes", "0002_remove_content_type_name"),
        ("marketplace", "0002_seeds"),
    ]

    operations = [
        migrations.AlterModelOptions(name="plugin", options={"permissions": PERMISSIONS}),
        migrations.AlterModelOptions(name="pluginversion", options={"verbose_name": "submission"}),
        # Undone, the group stays: its members are the operator's to keep.
        migrations.RunPython(make_group, migrations.RunPython.noop),
    ]
