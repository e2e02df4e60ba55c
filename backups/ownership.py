"""What snapshots tell the registry of blob owners (``storage.blob_owners``)."""

import re

from backups.models import Backup
from storage.blob_owners import RowsWithBlobs
from storage.usage import Kind

_UUID = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_BACKUP_KEY = re.compile(rf"{_UUID}/_backup/{_UUID}")

backups = RowsWithBlobs(
    name="backup",
    kind=Kind.BACKUP,
    rows=Backup.objects.all,
    claims=lambda key: _BACKUP_KEY.fullmatch(key) is not None,
)
