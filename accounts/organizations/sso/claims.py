"""What a provider has proven of somebody, as a one-time code carries it (``accounts.handoff.codes``)."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any
from uuid import UUID


@dataclass(frozen=True, slots=True)
class ProviderClaims:
    """Who somebody is: ``subject`` at ``issuer``, by way of a connection. The address is only what the provider calls
    it; ``provider_session_id`` is the ``sid`` of the ID token, empty where it has none.
    """

    connection_id: UUID
    issuer: str
    subject: str
    email: str | None
    email_verified: bool
    provider_session_id: str

    def as_subject(self) -> dict[str, Any]:
        return asdict(self) | {"connection_id": str(self.connection_id)}

    @classmethod
    def from_subject(cls, subject: Mapping[str, Any]) -> "ProviderClaims":
        """Of what ``as_subject`` gave."""
        return cls(**{**subject, "connection_id": UUID(subject["connection_id"])})
