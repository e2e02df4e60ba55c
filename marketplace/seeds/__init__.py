"""The plugins of Adiuva's own, as they are in this folder: a manifest beside the files of each package.

Their packages are made from it whenever one is missing in the blob store, always byte for byte the same: stored, not
compressed, because another zlib may compress otherwise. A published version never changes, so neither do these files:
what is new is a new version, and its migration.
"""

import io
import json
import zipfile
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent
MANIFEST = "manifest.json"
SLUGS = ("github-sync", "slack-notifier", "time-tracker")
_LONG_AGO = (1980, 1, 1, 0, 0, 0)  # the first moment that a zip archive can tell
_UNIX, _READABLE_FILE = 3, 0o100644


def manifest_of(slug: str) -> dict[str, Any]:
    manifest: dict[str, Any] = json.loads((FOLDER / slug / MANIFEST).read_text("utf-8"))
    return manifest


def package_of(slug: str) -> bytes:
    """The zip archive of the scripts beside the manifest."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_STORED) as archive:
        for path in sorted((FOLDER / slug).glob("*.js")):
            archive.writestr(_info(path.name), path.read_bytes())
    return packed.getvalue()


def _info(name: str) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name, date_time=_LONG_AGO)
    info.create_system = _UNIX
    info.external_attr = _READABLE_FILE << 16
    return info
