"""Which permissions a plugin's code needs, by what it says: the permission's name, or the call that asks for it.

No more than a reading: code that builds such names at run time gets past it, and the app asks for each call anyway.
What it catches is the honest mistake, and the permission that was left out to look harmless.
"""

import re
from collections.abc import Iterator
from typing import Final

from marketplace.checks.embedded import SCRIPT_SUFFIXES, suffix_of
from marketplace.manifest import RESOURCES

_RESOURCES: Final = b"|".join(resource.encode() for resource in RESOURCES)
_NAMED = re.compile(rb"[\"'`]((?:read|write):(?:" + _RESOURCES + rb"))[\"'`]")
# adiuva.tasks.create(…): the object that a plugin is given.
_CALLED = re.compile(rb"\badiuva\s{0,8}\??\.\s{0,8}(" + _RESOURCES + rb")\s{0,8}\??\.\s{0,8}([A-Za-z]{1,32})")
_READS = re.compile(r"all|count|find|get|list|onChange|query|search|subscribe|watch")
_WRITES = re.compile(r"add|archive|clear|complete|create|delete|insert|move|patch|put|remove|save|set|update|upsert")


def permissions_used(name: str, data: bytes) -> Iterator[str]:
    """``"read:tasks"`` and the like, in no order."""
    if suffix_of(name) not in SCRIPT_SUFFIXES:
        return
    for permission in {match[1] for match in _NAMED.finditer(data)}:
        yield permission.decode()
    for resource_bytes, method_bytes in {match.groups() for match in _CALLED.finditer(data)}:
        resource, method = resource_bytes.decode(), method_bytes.decode()
        if _READS.fullmatch(method):
            yield f"read:{resource}"
        elif _WRITES.fullmatch(method):
            yield f"write:{resource}"
