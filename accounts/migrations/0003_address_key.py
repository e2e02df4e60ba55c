import logging
from typing import Any

from django.db import migrations, models
from django.db.models import F

from adiuva.spelling import address_key

logger = logging.getLogger(__name__)


def compare_addresses(apps: Any, _schema_editor: Any) -> None:
    """Nearly every address is its own key. Of those that are one in two spellings the oldest account gets the key; the
    others keep their addresses and log in with these very ones (``manage.py doctor`` names them).
    """
    users = apps.get_model("accounts", "User").objects
    users.update(address_key=F("email"))
    others: dict[str, list[Any]] = {}
    for user in users.only("id", "email", "created_at").order_by("created_at", "id").iterator(chunk_size=2000):
        key = address_key(user.email)
        if key != user.email:
            others.setdefault(key, []).append(user)
    for key, spellings in others.items():
        same = [*spellings, *users.filter(email=key)]
        oldest, *younger = sorted(same, key=lambda user: (user.created_at, user.id))
        users.filter(id__in=[user.id for user in younger]).update(address_key=None)
        users.filter(id=oldest.id).update(address_key=key)
        for user in younger:
            logger.warning("account %s has the address of the older account %s in another spelling", user.id, oldest.id)


class Migration(migrations.Migration):
    dependencies = [("accounts", "0002_users_newest")]

    operations = [
        migrations.AddField("user", "address_key", models.CharField(blank=True, editable=False, max_length=512, null=True)),
        migrations.RunPython(compare_addresses, migrations.RunPython.noop),
    ]
