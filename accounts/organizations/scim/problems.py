"""Refusals that have a word of their own in SCIM (RFC 7644 § 3.12, table 9)."""

from typing import Literal

from adiuva.api.errors import Conflict, ValidationFailed

ScimType = Literal["invalidFilter", "invalidSyntax", "invalidPath", "invalidValue", "mutability", "noTarget"]


class ScimRefused(ValidationFailed):
    def __init__(self, scim_type: ScimType, detail: str) -> None:
        super().__init__({}, detail)
        self.scim_type = scim_type


class NotUnique(Conflict):
    scim_type = "uniqueness"
