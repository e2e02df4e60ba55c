"""What docs/api.md § 13 has a client derive and open, in another language than the client: that the two agree is no
accident of one implementation, and data can be opened without it.
"""

import base64
from typing import Any

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

IV_BYTES = 12


def secrets_of(password: str, kdf: dict[str, Any]) -> tuple[str, bytes]:
    """(what is sent as ``password``, the key of the password's envelope)."""
    secret = Argon2id(
        salt=base64.b64decode(kdf["salt"]),
        length=32,
        iterations=kdf["iterations"],
        lanes=kdf["parallelism"],
        memory_cost=kdf["memory_kib"],
    ).derive(password.encode())
    login = base64.urlsafe_b64encode(_hkdf(secret, "adiuva/1/login")).rstrip(b"=").decode()
    return login, _hkdf(secret, "adiuva/1/password")


def master_key_of(envelope: dict[str, Any], key: bytes) -> bytes:
    """Raises ``cryptography.exceptions.InvalidTag``."""
    blob = base64.b64decode(envelope["blob"])
    assert blob[0] == 1
    place = "\n".join(("adiuva/1", "envelope", envelope["kind"], envelope["ref"], envelope["key_id"]))
    return _open(blob[1:], key, place)


def note_of(sealed: bytes, master_key: bytes, record_id: str) -> str:
    """As the client's `Vault` seals it."""
    return _open(sealed, _hkdf(master_key, "adiuva/1/use/vault"), f"notes/{record_id}").decode()


def _hkdf(secret: bytes, info: str) -> bytes:
    return HKDF(SHA256(), 32, b"", info.encode()).derive(secret)


def _open(sealed: bytes, key: bytes, place: str) -> bytes:
    return AESGCM(key).decrypt(sealed[:IV_BYTES], sealed[IV_BYTES:], place.encode())
