"""What we show a provider to be its client: sealed at rest, for one connection, issuer and client.

A row that is changed by hand to another issuer opens nothing, so that the secret goes to nobody else.
"""

import hashlib
from uuid import UUID

from accounts.organizations.models import Connection
from adiuva.sealing import Seal, UnreadableError

__all__ = ["UnreadableError", "open_secret", "readable_prefixes", "seal_secret"]

_SEAL = Seal(key="SSO_SECRETS_KEY", fallback_keys="SSO_SECRETS_FALLBACK_KEYS")
readable_prefixes = _SEAL.readable_prefixes


def seal_secret(secret: str, *, connection_id: UUID, issuer: str, client_id: str) -> str:
    return _SEAL.seal(secret, binding=_binding(connection_id, issuer, client_id))


def open_secret(connection: Connection) -> str:
    """One that an old server key has sealed is sealed anew. Raises ``UnreadableError``."""
    text = connection.client_secret
    secret = _SEAL.unseal(text, binding=_binding(connection.id, connection.issuer, connection.client_id))
    if not text.startswith(_SEAL.current_prefix()):
        sealed = seal_secret(
            secret, connection_id=connection.id, issuer=connection.issuer, client_id=connection.client_id
        )
        Connection.objects.filter(id=connection.id, client_secret=text).update(client_secret=sealed)
    return secret


def _binding(connection_id: UUID, issuer: str, client_id: str) -> bytes:
    return b"adiuva:sso:" + connection_id.bytes + hashlib.sha256(f"{issuer}\0{client_id}".encode()).digest()
