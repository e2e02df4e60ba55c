"""Keys of an OpenID provider on loopback, and what it signs with them, rightly or wrongly."""

import base64
import functools
import hashlib
import hmac
import json
from dataclasses import dataclass
from typing import Any, Literal

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

Algorithm = Literal["RS256", "PS256", "ES256", "EdDSA"]
SignAs = Literal["", "none", "HS256"]  # HS256: the public key is the secret


@functools.cache
def _private_key(algorithm: Algorithm, number: int) -> Any:
    """Made once a run: of RSA it takes a while."""
    del number
    match algorithm:
        case "ES256":
            return ec.generate_private_key(ec.SECP256R1())
        case "EdDSA":
            return ed25519.Ed25519PrivateKey.generate()
        case _:
            return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@dataclass(frozen=True)
class SigningKey:
    algorithm: Algorithm
    kid: str
    private: Any

    @classmethod
    def make(cls, algorithm: Algorithm, *, number: int = 1) -> "SigningKey":
        """``number``: another key of that kind."""
        return cls(algorithm, f"{algorithm}-{number}", _private_key(algorithm, number))

    @property
    def jwk(self) -> dict[str, Any]:
        public = self.private.public_key()
        match self.algorithm:
            case "ES256":
                made = ECAlgorithm.to_jwk(public, as_dict=True)
            case "EdDSA":
                made = OKPAlgorithm.to_jwk(public, as_dict=True)
            case _:
                made = RSAAlgorithm.to_jwk(public, as_dict=True)
        named = {name: value for name, value in made.items() if name != "key_ops"}
        return {**named, "kid": self.kid, "use": "sig", "alg": self.algorithm}

    @property
    def public_pem(self) -> bytes:
        pem: bytes = self.private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        return pem

    def sign(self, claims: dict[str, Any], header: dict[str, Any], *, sign_as: SignAs = "") -> str:
        """``header``: beside ``alg`` and ``kid``; None takes a name away."""
        head = replace({"kid": self.kid}, header)
        match sign_as:
            case "none":
                return f"{_encode({'alg': 'none', 'typ': 'JWT', **head})}.{_encode(claims)}."
            case "HS256":  # by hand: PyJWT refuses a public key as secret
                text = f"{_encode({'alg': 'HS256', 'typ': 'JWT', **head})}.{_encode(claims)}"
                mac = hmac.new(self.public_pem, text.encode(), hashlib.sha256).digest()
                return f"{text}.{base64url(mac)}"
            case _:
                return jwt.encode(claims, self.private, algorithm=self.algorithm, headers=head)


def replace(given: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """A value of None takes a name away."""
    return {name: value for name, value in {**given, **changes}.items() if value is not None}


def base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _encode(document: dict[str, Any]) -> str:
    return base64url(json.dumps(document).encode())
