"""What snapshots tell the registry of blob owners (``storage.blob_owners``)."""

import re

from backups.models import Backup
from storage.blob_keys import A_UUID
from storage.blob_owners import RowsWithBlobs
from storage.usage import Kind

_BACKUP_KEY = re.compile(rf"{A_UUID}/_backup/{A_UUID}")

backups = RowsWithBlobs(
    name="backup",
    kind=Kind.BACKUP,
    rows=Backup.objects.all,
    claims=lambda key: _BACKUP_KEY.fullmatch(key) is not None,
)
