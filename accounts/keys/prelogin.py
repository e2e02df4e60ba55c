"""What a client derives its two secrets with, told to anybody who names an address (docs/api.md § 13).

Of an address without an account, and of an account without a ``kdf``, a made-up one is told, and the same one for ever:
an answer that changed would be one that was made up. So its salt is a pseudo-random function (HMAC-SHA256, RFC 2104) of
the address under a key that lives as long as the real salts do, in the same database. A configured secret would not do:
with the day of its rotation every made-up salt would change, and no real one.

A stolen database loses nothing by that key. It tells made-up salts from real ones, and so does the table of users,
which the thief has as well and which names every account there is.
"""

import base64
import hashlib
import hmac
import secrets
from typing import Any

from accounts.keys.serializers import DEFAULT_PARAMETERS, SALT_BYTES
from accounts.models import InstallationKey, User
from adiuva.spelling import address_key

_NAME = "prelogin"
_KEY_BYTES = 32


def kdf_for(*, email: str) -> dict[str, Any]:
    """The account's, or one that is made up: the same work for both."""
    made_up = made_up_kdf(email=email, key=_key())
    user = User.objects.find(email)
    return made_up if user is None or user.kdf is None else user.kdf


def made_up_kdf(*, email: str, key: bytes) -> dict[str, Any]:
    """Of each address one, however it is spelled; in all but the salt what clients use unless they have a reason."""
    digest = hmac.new(key, b"prelogin:1:" + address_key(email).encode(errors="surrogatepass"), hashlib.sha256).digest()
    return DEFAULT_PARAMETERS | {"salt": base64.b64encode(digest[:SALT_BYTES]).decode()}


def _key() -> bytes:
    """Read anew each time: no process may go on with one that a restored database does not know."""
    made = {"key": secrets.token_bytes(_KEY_BYTES)}
    # Of processes that ask for the first time at once, the primary key lets one make it and shows it to the others.
    row, _ = InstallationKey.objects.get_or_create(name=_NAME, defaults=made)
    return bytes(row.key)
