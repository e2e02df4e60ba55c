"""An index for the catalog's search, where there is PostgreSQL. The expression is the one of marketplace.catalog.service."""

from typing import Any

from django.db import migrations

_TEXT = " || ' ' || ".join(f'''COALESCE("{field}", '')''' for field in ("name", "slug", "category", "description"))
_CREATE = (
    'CREATE INDEX "plugins_full_text" ON "plugins" USING gin '
    f"((to_tsvector('simple'::regconfig, {_TEXT}) || to_tsvector('english'::regconfig, {_TEXT})))"
)


def create(_: Any, schema_editor: Any) -> None:
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute(_CREATE)


def drop(_: Any, schema_editor: Any) -> None:
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute('DROP INDEX "plugins_full_text"')


class Migration(migrations.Migration):
    dependencies = [("marketplace", "0003_reviewers")]

    operations = [migrations.RunPython(create, drop)]
