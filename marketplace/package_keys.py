"""Under which keys packages lie in the blob store: ``_plugins/{slug}/{version}.{nonce}``.

A user's keys begin with a UUID, so none of theirs can be one of these.
"""

import re
import uuid

FOLDER = "_plugins"
SEED = "seed"  # in the nonce's place: a package of Adiuva's own, which can be made again from this repository
_KEY = re.compile(rf"{FOLDER}/[a-z0-9_][a-z0-9-]{{0,64}}/[0-9][0-9A-Za-z._-]*\.(?:[0-9a-f]{{32}}|{SEED})")


def new_key(*, slug: str, version: str) -> str:
    """Of its own for each attempt, so that no two ever write to one place."""
    return _key(slug, version, uuid.uuid4().hex)


def seed_key(*, slug: str, version: str) -> str:
    return _key(slug, version, SEED)


def is_package_key(key: str) -> bool:
    return _KEY.fullmatch(key) is not None


def _key(slug: str, version: str, end: str) -> str:
    # A name in a key must not begin with a hyphen and has no plus sign (storage.blobs.keys); neither has an underscore.
    folder = f"_{slug}" if slug.startswith("-") else slug
    return f"{FOLDER}/{folder}/{version.replace('+', '_')}.{end}"
