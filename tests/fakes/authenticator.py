"""An authenticator and the browser before it, in software: real ES256 credentials with the attestation "none", and
real assertions (WebAuthn level 3 §§ 6.1, 6.5, 5.8.1), in the JSON that ``PublicKeyCredential.toJSON()`` gives.

    device = Authenticator(origin="http://localhost:8000")
    registration = device.create(creation_options)
    assertion = device.get(request_options)
"""

import base64
import hashlib
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import cbor2
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

USER_PRESENT, USER_VERIFIED, ATTESTED = 0x01, 0x04, 0x40
ES256, EC2, P256 = -7, 2, 1  # COSE


def base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def from_base64url(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


@dataclass
class Passkey:
    """``sign_count`` 0 stays so: as one that is the same on several devices."""

    id: bytes
    rp_id: str
    user_handle: bytes
    key: ec.EllipticCurvePrivateKey
    sign_count: int

    def cose_key(self) -> bytes:
        numbers = self.key.public_key().public_numbers()
        x, y = numbers.x.to_bytes(32, "big"), numbers.y.to_bytes(32, "big")
        return cbor2.dumps({1: EC2, 3: ES256, -1: P256, -2: x, -3: y})


@dataclass
class Authenticator:
    """Attributes are what it lies about, where a test wants it to. ``rp_id``: None for what the options name.

    ``counts``: whether its passkeys have a signature counter.
    """

    origin: str
    rp_id: str | None = None
    verifies_user: bool = True
    counts: bool = True
    passkeys: list[Passkey] = field(default_factory=list)

    def create(self, options: Mapping[str, Any], **client_data: Any) -> dict[str, Any]:
        """``RegistrationResponseJSON``. ``client_data`` goes over what a browser would say."""
        excluded = {from_base64url(one["id"]) for one in options["excludeCredentials"]}
        if any(passkey.id in excluded for passkey in self.passkeys):
            raise RuntimeError("InvalidStateError: a passkey of this account's is here already")
        passkey = Passkey(
            id=secrets.token_bytes(16),
            rp_id=options["rp"]["id"],
            user_handle=from_base64url(options["user"]["id"]),
            key=ec.generate_private_key(ec.SECP256R1()),
            sign_count=1 if self.counts else 0,
        )
        self.passkeys.append(passkey)
        credential_data = bytes(16) + len(passkey.id).to_bytes(2, "big") + passkey.id + passkey.cose_key()
        authenticator_data = self._authenticator_data(passkey, ATTESTED) + credential_data
        attestation = cbor2.dumps({"fmt": "none", "attStmt": {}, "authData": authenticator_data})
        return self._credential(
            passkey,
            clientDataJSON=base64url(self._client_data("webauthn.create", options, client_data)),
            attestationObject=base64url(attestation),
            transports=["internal", "hybrid"],
        )

    def get(
        self, options: Mapping[str, Any], *, passkey: Passkey | None = None, names_user: bool = True, **client_data: Any
    ) -> dict[str, Any]:
        """``AuthenticationResponseJSON``, by the first passkey that the options allow, or by the one given."""
        used = passkey or self._choose(options)
        if self.counts:
            used.sign_count += 1
        client = self._client_data("webauthn.get", options, client_data)
        data = self._authenticator_data(used, 0)
        signature = used.key.sign(data + hashlib.sha256(client).digest(), ec.ECDSA(hashes.SHA256()))
        return self._credential(
            used,
            clientDataJSON=base64url(client),
            authenticatorData=base64url(data),
            signature=base64url(signature),
            userHandle=base64url(used.user_handle) if names_user else None,
        )

    def _choose(self, options: Mapping[str, Any]) -> Passkey:
        allowed = {from_base64url(one["id"]) for one in options["allowCredentials"]}
        return next(
            passkey
            for passkey in self.passkeys
            if passkey.rp_id == options["rpId"] and (not allowed or passkey.id in allowed)
        )

    def _authenticator_data(self, passkey: Passkey, flags: int) -> bytes:
        rp_id = passkey.rp_id if self.rp_id is None else self.rp_id
        flags |= USER_PRESENT | (USER_VERIFIED if self.verifies_user else 0)
        return hashlib.sha256(rp_id.encode()).digest() + bytes([flags]) + passkey.sign_count.to_bytes(4, "big")

    def _client_data(self, kind: str, options: Mapping[str, Any], told: Mapping[str, Any]) -> bytes:
        said = {"type": kind, "challenge": options["challenge"], "origin": self.origin, "crossOrigin": False}
        return json.dumps({**said, **told}).encode()

    @staticmethod
    def _credential(passkey: Passkey, **response: Any) -> dict[str, Any]:
        return {
            "id": base64url(passkey.id),
            "rawId": base64url(passkey.id),
            "type": "public-key",
            "authenticatorAttachment": "platform",
            "clientExtensionResults": {},
            "response": response,
        }
