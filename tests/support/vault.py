"""What a client does with keys (docs/api.md § 13), in as little as a test needs: derive, seal, open, approve."""

import base64
import hashlib
import json
import secrets
from dataclasses import dataclass
from typing import Any

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

Kdf = dict[str, Any]
_NONCE = 12


def base64_of(data: bytes) -> str:
    return base64.b64encode(data).decode()


def new_kdf() -> Kdf:
    """The least that the server takes: a test has no time for 64 MiB."""
    salt = base64_of(secrets.token_bytes(16))
    return {"algorithm": "argon2id", "salt": salt, "memory_kib": 8192, "iterations": 1, "parallelism": 1}


@dataclass(frozen=True, slots=True)
class Derived:
    """``login_secret`` is sent as the password, ``wrapping_key`` never is."""

    login_secret: str
    wrapping_key: bytes


def derive(password: str, kdf: Kdf) -> Derived:
    secret = Argon2id(
        salt=base64.b64decode(kdf["salt"]),
        length=32,
        iterations=kdf["iterations"],
        lanes=kdf["parallelism"],
        memory_cost=kdf["memory_kib"],
    ).derive(password.encode())
    return Derived(base64_of(_expand(secret, b"login")), _expand(secret, b"wrap"))


def _expand(secret: bytes, purpose: bytes) -> bytes:
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=purpose).derive(secret)


def seal(key: bytes, content: bytes) -> bytes:
    nonce = secrets.token_bytes(_NONCE)
    return nonce + AESGCM(key).encrypt(nonce, content, None)


def unseal(key: bytes, sealed: bytes) -> bytes:
    """Raises ``InvalidTag`` for another key."""
    return AESGCM(key).decrypt(sealed[:_NONCE], sealed[_NONCE:], None)


def envelope(kind: str, ref: str, *, wrapping_key: bytes, master_key: bytes) -> dict[str, str]:
    blob = seal(wrapping_key, master_key)
    return {
        "kind": kind,
        "ref": ref,
        "blob": base64_of(blob),
        "checksum": hashlib.sha256(blob).hexdigest(),
        "key_id": "master-1",
    }


def open_envelope(envelope: dict[str, Any], *, wrapping_key: bytes) -> bytes:
    return unseal(wrapping_key, base64.b64decode(envelope["blob"]))


class NewDevice:
    """One that has no way to the master key yet."""

    def __init__(self) -> None:
        self._private = X25519PrivateKey.generate()
        self.public_key = self._private.public_key().public_bytes_raw()

    @property
    def fingerprint(self) -> str:
        return hashlib.sha256(self.public_key).hexdigest()[:20]

    def receive(self, blob: str) -> bytes:
        """The master key."""
        message = json.loads(base64.b64decode(blob))
        sender = X25519PublicKey.from_public_bytes(base64.b64decode(message["sender"]))
        key = _expand(self._private.exchange(sender), b"approval")
        return unseal(key, base64.b64decode(message["sealed"]))


def approve(public_key: bytes, *, master_key: bytes) -> str:
    """What an unlocked device answers: the master key, for the owner of ``public_key`` alone. Base64."""
    ours = X25519PrivateKey.generate()
    key = _expand(ours.exchange(X25519PublicKey.from_public_bytes(public_key)), b"approval")
    sender, sealed = ours.public_key().public_bytes_raw(), seal(key, master_key)
    return base64_of(json.dumps({"sender": base64_of(sender), "sealed": base64_of(sealed)}).encode())
