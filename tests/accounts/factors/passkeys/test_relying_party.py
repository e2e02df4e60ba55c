"""Which hosts can have passkeys, and what an operator is told of one that cannot."""

from typing import Any

import pytest

from accounts.factors.passkeys.relying_party import can_be_relying_party
from accounts.ops import passkeys_have_a_domain


@pytest.mark.parametrize(
    ("host", "can"),
    [
        ("localhost", True),
        ("api.example", True),
        ("xn--mnchen-3ya.example", True),
        ("127.0.0.1", False),
        ("192.0.2.7", False),
        ("[::1]", False),
        ("", False),
    ],
)
def test_a_relying_party_is_a_domain(settings: Any, host: str, can: bool) -> None:
    assert can_be_relying_party(host) is can
    settings.WEBAUTHN_RP_ID = host
    assert [found.id for found in passkeys_have_a_domain()] == ([] if can else ["accounts.W001"])
