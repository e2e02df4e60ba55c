"""What a directory asks for, out of what it sends: filters, resources and patches (RFC 7644 § 3.4.2.2 and § 3.5).

Functions of their arguments alone. Attribute names and operators are compared without case (RFC 7643 § 2.1). What is
not kept here (names, addresses, phone numbers, extensions) is passed over, as long as it is written as SCIM writes it:
directories send all that they have.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, Literal

from accounts.organizations.scim.problems import ScimRefused
from adiuva.api import json as strict_json
from adiuva.api.errors import ValidationFailed

USER_SCHEMA: Final = "urn:ietf:params:scim:schemas:core:2.0:User"
MOST_USER_NAME_CHARACTERS, MOST_EXTERNAL_ID_CHARACTERS = 254, 255
MOST_OPERATIONS = 100
MOST_PATH_CHARACTERS = 1000  # of a filter or a path; what is kept is far shorter
MOST_COUNT, DEFAULT_COUNT = 200, 100

Attribute = Literal["userName", "externalId", "active"]
_KEPT: Final[Mapping[str, Attribute]] = {"username": "userName", "externalid": "externalId", "active": "active"}
_READ_ONLY: Final = frozenset({"id", "meta", "schemas"})
_OPERATIONS: Final = frozenset({"add", "replace", "remove"})
_CORE_PREFIX = f"{USER_SCHEMA}:".lower()
_NAME = r"[A-Za-z$][\w$-]*"
# RFC 7644 § 3.5.2, figure 7: an attribute, a filter over its values, one of their parts.
_PATH = re.compile(rf"({_NAME})(\[.+\])?(?:\.({_NAME}))?", re.ASCII | re.DOTALL)
_EXTENSION = re.compile(r"urn:[\w.:;%+$-]+(\[.+\])?(\.[\w$-]+)?", re.ASCII | re.IGNORECASE | re.DOTALL)
_FILTER = re.compile(r'\s*+([^\s"]++)\s++(\w++)\s++("(?:[^"\\]|\\.)*+")\s*+', re.ASCII | re.DOTALL)


@dataclass(frozen=True, slots=True)
class Filter:
    attribute: Literal["userName", "externalId"]
    value: str


@dataclass(frozen=True, slots=True)
class Changes:
    """What a request says of a user; None: nothing. An empty ``external_id`` takes it away."""

    user_name: str | None = None
    external_id: str | None = None
    active: bool | None = None


# --- queries ---------------------------------------------------------------------------------------------------


def read_filter(text: Any) -> Filter:
    """``userName eq "…"`` or ``externalId eq "…"``. Raises ``ScimRefused`` (``invalidFilter``) for any other."""
    match = _FILTER.fullmatch(text) if isinstance(text, str) and len(text) <= MOST_PATH_CHARACTERS else None
    attribute = _KEPT.get(_without_core(match[1]).lower()) if match else None
    if match is None or match[2].lower() != "eq" or attribute not in {"userName", "externalId"}:
        raise ScimRefused("invalidFilter", 'A filter is userName eq "…" or externalId eq "…".')
    try:
        value = strict_json.loads(match[3])
    except ValidationFailed:
        raise ScimRefused("invalidFilter", "The value of the filter is no JSON string.") from None
    return Filter(attribute=attribute, value=value)


def read_start(value: Any) -> int:
    """``startIndex``: RFC 7644 § 3.4.2.4 takes what is less than 1 for 1."""
    return max(1, _integer("startIndex", value, default=1))


def read_count(value: Any) -> int:
    """``count``: what is negative is 0, and then nothing but the total is told."""
    return min(max(0, _integer("count", value, default=DEFAULT_COUNT)), MOST_COUNT)


def _integer(name: str, value: Any, *, default: int) -> int:
    if value is None:
        return default
    if isinstance(value, int) and not isinstance(value, bool):
        return min(value, 2**31)
    if isinstance(value, str) and re.fullmatch(r"[+-]?[0-9]{1,10}", value):
        return int(value)
    raise ScimRefused("invalidValue", f"{name} is a whole number.")


# --- resources -------------------------------------------------------------------------------------------------


def read_user(body: Mapping[str, Any]) -> Changes:
    """The body of a POST or a PUT. What it leaves out, or says to be null, it says nothing of (RFC 7644 § 3.5.1); but
    a null ``externalId`` takes it away.

    Raises ``ScimRefused`` (``invalidValue``), also where there is no userName.
    """
    changes = Changes()
    for attribute, value in _kept_attributes(body):
        if value is not None or attribute == "externalId":
            changes = _with(changes, attribute, value)
    if changes.user_name is None:
        raise ScimRefused("invalidValue", "userName is required.")
    return changes


def read_patch(body: Mapping[str, Any]) -> Changes:
    """What all operations of a PATCH come to, one after the other.

    Raises ``ScimRefused``: ``invalidSyntax``, ``invalidPath``, ``invalidValue``, ``mutability`` or ``noTarget``.
    """
    operations = {name.lower(): value for name, value in body.items()}.get("operations")
    if not isinstance(operations, list) or not 1 <= len(operations) <= MOST_OPERATIONS:
        raise ScimRefused("invalidSyntax", f"Operations is a list of 1 to {MOST_OPERATIONS}.")
    changes = Changes()
    for operation in operations:
        changes = _apply(operation, changes)
    return changes


def _apply(operation: Any, changes: Changes) -> Changes:
    if not isinstance(operation, dict):
        raise ScimRefused("invalidSyntax", "An operation is an object.")
    parts = {name.lower(): value for name, value in operation.items()}
    verb, path, value = parts.get("op"), parts.get("path"), parts.get("value")
    if not isinstance(verb, str) or verb.lower() not in _OPERATIONS:
        raise ScimRefused("invalidSyntax", "An operation's op is add, replace or remove.")
    if path is not None and not isinstance(path, str):
        raise ScimRefused("invalidPath", "A path is a string.")
    if verb.lower() == "remove":
        if path is None:
            raise ScimRefused("noTarget", "What is to be removed has a path.")
        return _without(changes, read_path(path))
    if path is None or path.lower() == USER_SCHEMA.lower():
        if not isinstance(value, dict):
            raise ScimRefused("invalidSyntax", "Without a path the value is an object.")
        for attribute, given in _kept_attributes(value):
            changes = _with(changes, attribute, given)
        return changes
    target = read_path(path)
    return changes if target is None else _with(changes, target, value)


def read_path(path: str) -> Attribute | None:
    """The attribute that a path leads to; None for one that is not kept here.

    Raises ``ScimRefused``: ``invalidPath`` for what is no path, or one into an attribute without parts; ``mutability``
    for what only we write.
    """
    name = _without_core(path)
    match = _PATH.fullmatch(name) if len(name) <= MOST_PATH_CHARACTERS else None
    if match is None:
        if len(name) <= MOST_PATH_CHARACTERS and _EXTENSION.fullmatch(name):
            return None
        raise ScimRefused("invalidPath", "The path is none of RFC 7644, figure 7.")
    attribute = match[1].lower()
    if attribute in _READ_ONLY:
        raise ScimRefused("mutability", f"{match[1]} is read only.")
    if attribute in _KEPT and (match[2] or match[3]):
        raise ScimRefused("invalidPath", f"{match[1]} has one value, without parts.")
    return _KEPT.get(attribute)


def _kept_attributes(body: Mapping[str, Any]) -> Iterator[tuple[Attribute, Any]]:
    """Those of a resource's members that are kept, however their names are written: in any case, with the schema's
    URN before them, or in an object that has the URN for a name.
    """
    seen: set[str] = set()
    for name, value in body.items():
        inner = value if name.lower() == USER_SCHEMA.lower() and isinstance(value, dict) else {name: value}
        for written, given in inner.items():
            attribute = _KEPT.get(_without_core(written).lower())
            if attribute is None:
                continue
            if attribute in seen:
                raise ScimRefused("invalidSyntax", f"{attribute} is there twice.")
            seen.add(attribute)
            yield attribute, given


def _with(changes: Changes, attribute: Attribute, value: Any) -> Changes:
    match attribute:
        case "userName":
            return replace(changes, user_name=_text(attribute, value, most=MOST_USER_NAME_CHARACTERS, least=1))
        case "externalId":
            text = "" if value is None else _text(attribute, value, most=MOST_EXTERNAL_ID_CHARACTERS, least=0)
            return replace(changes, external_id=text)
        case "active":
            return replace(changes, active=_boolean(value))


def _without(changes: Changes, attribute: Attribute | None) -> Changes:
    match attribute:
        case None:
            return changes
        case "externalId":
            return replace(changes, external_id="")
        case _:  # RFC 7644 § 3.5.2.2. And who has no ``active`` would be neither let in nor kept out.
            raise ScimRefused("mutability", f"{attribute} cannot be taken away.")


def _text(attribute: Attribute, value: Any, *, most: int, least: int) -> str:
    if not isinstance(value, str) or not least <= len(value) <= most:
        raise ScimRefused("invalidValue", f"{attribute} is a string of {least} to {most} characters.")
    return value


def _boolean(value: Any) -> bool:
    """Entra writes ``"False"`` (learn.microsoft.com, "Known issues with SCIM 2.0 compliance")."""
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.lower() in {"true", "false"}:
        return value.lower() == "true"
    raise ScimRefused("invalidValue", "active is true or false.")


def _without_core(name: str) -> str:
    return name[len(_CORE_PREFIX) :] if name.lower().startswith(_CORE_PREFIX) else name
