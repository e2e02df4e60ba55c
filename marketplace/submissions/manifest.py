"""The manifest of a plugin (docs/api.md § 9): what each field may be. Functions say what is wrong, or None."""

import re
from typing import Any, Final

from semver import Version

from marketplace.prices import MAX_PRICE_CENTS, MIN_PRICE_CENTS

MAX_MANIFEST_BYTES: Final = 64 * 1024
MAX_ID: Final = 64
MAX_VERSION: Final = 64
MAX_PATH: Final = 255

FIELDS: Final = ("id", "name", "version", "description", "category", "price_cents", "permissions", "entrypoint")
# The most characters of each text; the least is 1, but for the description.
TEXTS: Final = {
    "id": MAX_ID,
    "name": 64,
    "version": MAX_VERSION,
    "description": 4_000,
    "category": 64,
    "entrypoint": MAX_PATH,
}

RESERVED_IDS: Final = frozenset({"mine", "earnings", "onboarding", "installed", "purchases"})
# Reserved later than the others: a plugin that has one goes on.
LATE_RESERVED_IDS: Final = frozenset({"installed", "purchases"})
RESOURCES: Final = ("tasks", "projects", "notes", "checkpoints", "calendar")
PERMISSIONS: Final = tuple(f"{verb}:{resource}" for verb in ("read", "write") for resource in RESOURCES)

_ID = re.compile(r"[a-z0-9-]+")


def id_fault(value: Any, *, is_own: bool = False) -> str | None:
    """``is_own``: its author has a plugin of that id."""
    if not isinstance(value, str) or not _ID.fullmatch(value):
        return "An id has small letters a to z, digits and hyphens only."
    if len(value) > MAX_ID:
        return f"An id has at most {MAX_ID} characters."
    is_reserved = value in RESERVED_IDS and not (is_own and value in LATE_RESERVED_IDS)
    return "This id is reserved." if is_reserved else None


def version_fault(value: Any) -> str | None:
    if not isinstance(value, str) or len(value) > MAX_VERSION or not Version.is_valid(value):
        return f"A version follows Semantic Versioning 2.0.0, as 1.4.0 does, and has at most {MAX_VERSION} characters."
    return None


def permissions_fault(value: Any) -> str | None:
    if not isinstance(value, list):
        return "Permissions are a list, which may be empty."
    unknown = sum(not isinstance(one, str) or one not in PERMISSIONS for one in value)
    if unknown:
        return f"A permission is read: or write: with one of {', '.join(RESOURCES)}."
    return None if len(set(value)) == len(value) else "Each permission may be asked for only once."


def price_fault(value: Any) -> str | None:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= MAX_PRICE_CENTS:
        return f"A price is a whole number of cents from 0 to {MAX_PRICE_CENTS}."
    return None


def small_price_fault(value: Any) -> str | None:
    """Of what is a price otherwise (``price_fault``)."""
    if price_fault(value) is None and 0 < value < MIN_PRICE_CENTS:
        return f"A price is 0 or at least {MIN_PRICE_CENTS} cents: less than that cannot be charged to a card."
    return None


def is_newer(version: str, *, than: str) -> bool:
    """By the precedence of Semantic Versioning. False also where one of them is no semantic version."""
    try:
        return Version.parse(version) > Version.parse(than)
    except ValueError:
        return False


def text_fault(field: str, value: Any) -> str | None:
    most = TEXTS[field]
    if not isinstance(value, str) or len(value) > most:
        return f"Must be a text of at most {most} characters."
    if not value.strip() and field != "description":
        return "May not be empty."
    return None


def entrypoint_path(value: Any) -> str | None:
    """The name in the package of what ``entrypoint`` points to, where it is a text: ``./main.js`` is ``main.js``."""
    return value.removeprefix("./") if isinstance(value, str) else None


def known_fields(manifest: dict[str, Any]) -> dict[str, Any]:
    """What is kept of a manifest that has passed the validators; other fields are ignored (docs/api.md § 1)."""
    return {field: manifest[field] for field in FIELDS}
