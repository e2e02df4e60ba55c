"""Secrets of authenticator apps at rest (``adiuva.sealing``), each bound to its factor and user."""

from uuid import UUID

from adiuva.sealing import Seal, UnreadableError

__all__ = ["UnreadableError", "current_prefix", "readable_prefixes", "seal", "unseal"]

_SEAL = Seal(key="FACTOR_SECRETS_KEY", fallback_keys="FACTOR_SECRETS_FALLBACK_KEYS")
current_prefix = _SEAL.current_prefix
readable_prefixes = _SEAL.readable_prefixes


def seal(secret: str, *, factor_id: UUID, user_id: UUID) -> str:
    return _SEAL.seal(secret, binding=_binding(factor_id, user_id))


def unseal(text: str, *, factor_id: UUID, user_id: UUID) -> str:
    """Raises ``UnreadableError``."""
    return _SEAL.unseal(text, binding=_binding(factor_id, user_id))


def _binding(factor_id: UUID, user_id: UUID) -> bytes:
    return b"adiuva:factor:" + factor_id.bytes + user_id.bytes
