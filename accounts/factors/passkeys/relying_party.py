"""The one module that speaks WebAuthn (level 3, https://www.w3.org/TR/webauthn-3/), by py_webauthn.

Shapes in and out are the JSON ones of § 5.1: ``PublicKeyCredentialCreationOptionsJSON``, ``RegistrationResponseJSON``,
``PublicKeyCredentialRequestOptionsJSON``, ``AuthenticationResponseJSON``. The library is imported at the first use: it
loads most of ``cryptography``'s X.509.
"""

import ipaddress
import json
import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from django.conf import settings

from accounts.models import Factor, User
from adiuva.api.errors import InvalidCredentials, NotConfigured, ValidationFailed

logger = logging.getLogger(__name__)

NAME = "Adiuva"
TIMEOUT_SECONDS = 300  # as long as a challenge lives
MAX_CREDENTIAL_ID = 1023  # bytes, § 7.1
# One sentence for whatever is wrong with an assertion: which step failed is for the log.
REFUSED = "The passkey does not open this account, or its challenge is used or expired."


@dataclass(frozen=True, slots=True)
class NewCredential:
    """``id`` as base64url without padding; ``public_key`` in COSE."""

    id: str
    public_key: bytes
    sign_count: int
    transports: list[str]


@dataclass(frozen=True, slots=True)
class Assertion:
    """What an authenticator that holds the private key has said."""

    sign_count: int
    user_verified: bool


def can_be_relying_party(host: str) -> bool:
    """A relying party is a domain: browsers refuse an address (§ 5.1.2 "effective domain")."""
    try:
        ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return bool(host)
    return False


def is_configured() -> bool:
    return can_be_relying_party(str(settings.WEBAUTHN_RP_ID))


def relying_party() -> str:
    """Raises ``NotConfigured`` where ``PUBLIC_URL`` names an IP address."""
    if not is_configured():
        raise NotConfigured("Passkeys need a domain, and this service's PUBLIC_URL has an IP address.")
    return str(settings.WEBAUTHN_RP_ID)


def creation_options(*, user: User, challenge: bytes, excluded: Iterable[Factor]) -> dict[str, Any]:
    """The credential is to be discoverable, so that it logs in without an address."""
    from webauthn import generate_registration_options
    from webauthn.helpers.options_to_json_dict import options_to_json_dict
    from webauthn.helpers.structs import (
        AuthenticatorSelectionCriteria,
        ResidentKeyRequirement,
        UserVerificationRequirement,
    )

    return options_to_json_dict(
        generate_registration_options(
            rp_id=relying_party(),
            rp_name=NAME,
            user_id=user.id.bytes,
            user_name=user.email,
            challenge=challenge,
            timeout=TIMEOUT_SECONDS * 1000,
            authenticator_selection=AuthenticatorSelectionCriteria(
                resident_key=ResidentKeyRequirement.REQUIRED, user_verification=UserVerificationRequirement.PREFERRED
            ),
            exclude_credentials=[_descriptor(factor) for factor in excluded],
        )
    )


def request_options(*, challenge: bytes, allowed: Iterable[Factor], verify_user: bool) -> dict[str, Any]:
    """``allowed``: of none in particular where it is empty, and the authenticator offers what it has."""
    from webauthn import generate_authentication_options
    from webauthn.helpers.options_to_json_dict import options_to_json_dict
    from webauthn.helpers.structs import UserVerificationRequirement

    verification = UserVerificationRequirement.REQUIRED if verify_user else UserVerificationRequirement.PREFERRED
    return options_to_json_dict(
        generate_authentication_options(
            rp_id=relying_party(),
            challenge=challenge,
            timeout=TIMEOUT_SECONDS * 1000,
            allow_credentials=[_descriptor(factor) for factor in allowed],
            user_verification=verification,
        )
    )


def challenge_of(credential: Mapping[str, Any]) -> bytes:
    """What the authenticator's answer says it answers; not yet verified.

    Raises:
        ValidationFailed: ``response.clientDataJSON`` is no client data (§ 5.8.1).
    """
    from webauthn import base64url_to_bytes

    try:
        return base64url_to_bytes(_client_data_of(credential)["challenge"])
    except (ValueError, TypeError, KeyError, RecursionError):
        raise ValidationFailed({"response.clientDataJSON": ["This is no client data of a credential."]}) from None


def verify_registration(*, credential: dict[str, Any], challenge: bytes) -> NewCredential:
    """§ 7.1. Raises ``ValidationFailed``: another origin, relying party or ceremony, or not to be understood."""
    from webauthn import verify_registration_response
    from webauthn.helpers import (
        bytes_to_base64url,
        decode_credential_public_key,
        decoded_public_key_to_cryptography,
    )

    host = relying_party()
    try:
        verified = verify_registration_response(
            credential=credential,
            expected_challenge=challenge,
            expected_rp_id=host,
            expected_origin=list(settings.WEBAUTHN_ORIGINS),
        )
        _require_own_page(credential)
        # Without an attestation nothing has tried the key yet: a point that is on no curve would never verify.
        decoded_public_key_to_cryptography(decode_credential_public_key(verified.credential_public_key))
    except Exception as error:  # noqa: BLE001 - bytes of a stranger's raise KeyError, IndexError, cbor2's errors …
        logger.info("a new passkey was refused", extra={"reason": _reason(error)})
        raise ValidationFailed(
            {"credential": ["This is no new passkey for this service: start again with new options."]}
        ) from None
    if len(verified.credential_id) > MAX_CREDENTIAL_ID:
        raise ValidationFailed({"credential": [f"Its id is longer than {MAX_CREDENTIAL_ID} bytes."]})
    return NewCredential(
        id=bytes_to_base64url(verified.credential_id),
        public_key=verified.credential_public_key,
        sign_count=verified.sign_count,
        transports=_known_transports(credential["response"].get("transports", [])),
    )


def verify_assertion(*, credential: dict[str, Any], challenge: bytes, public_key: bytes) -> Assertion:
    """§ 7.2 but for the signature counter, which its caller compares with what the database holds at that moment.

    Raises:
        InvalidCredentials: another origin, relying party, ceremony or key.
    """
    from webauthn import verify_authentication_response

    host = relying_party()
    try:
        verified = verify_authentication_response(
            credential=credential,
            expected_challenge=challenge,
            expected_rp_id=host,
            expected_origin=list(settings.WEBAUTHN_ORIGINS),
            credential_public_key=public_key,
            credential_current_sign_count=0,
        )
        _require_own_page(credential)
    except Exception as error:  # noqa: BLE001 - as above
        logger.info("a passkey was refused", extra={"reason": _reason(error)})
        raise InvalidCredentials(REFUSED) from None
    return Assertion(sign_count=verified.new_sign_count, user_verified=verified.user_verified)


def user_handle_of(credential: Mapping[str, Any]) -> bytes | None:
    """What the authenticator knows the account by; None where it keeps no accounts."""
    from webauthn import base64url_to_bytes

    handle = credential["response"].get("userHandle")
    return base64url_to_bytes(handle) if handle else None


def _client_data_of(credential: Mapping[str, Any]) -> Any:
    from webauthn import base64url_to_bytes

    return json.loads(base64url_to_bytes(credential["response"]["clientDataJSON"]))


def _require_own_page(credential: Mapping[str, Any]) -> None:
    """Nobody embeds pages of ours (§ 7.2 on ``crossOrigin``). The library lets it be. Raises ``ValueError``."""
    if _client_data_of(credential).get("crossOrigin", False) is not False:
        raise ValueError("crossOrigin")


def _descriptor(factor: Factor) -> Any:
    from webauthn import base64url_to_bytes
    from webauthn.helpers.structs import AuthenticatorTransport, PublicKeyCredentialDescriptor

    return PublicKeyCredentialDescriptor(
        id=base64url_to_bytes(str(factor.credential_id)),
        transports=[AuthenticatorTransport(name) for name in _known_transports(factor.transports)],
    )


def _known_transports(names: Iterable[str]) -> list[str]:
    """New ones may come up (§ 5.8.4), and are left out: they are hints."""
    from webauthn.helpers.structs import AuthenticatorTransport

    known = {transport.value for transport in AuthenticatorTransport}
    return sorted(known.intersection(names))


def _reason(error: Exception) -> str:
    """The library's own words say what was expected; what others raise may hold what was sent."""
    from webauthn.helpers.exceptions import WebAuthnException

    return str(error)[:200] if isinstance(error, WebAuthnException) else type(error).__name__
