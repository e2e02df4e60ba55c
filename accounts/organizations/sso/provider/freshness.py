"""A connection's metadata and keys, asked for anew when they are old or a key is unknown.

Across processes: whoever moves ``keys_asked_at`` asks, the others go on with what is there. What a provider said stays
good while it is away, its keys for a day.
"""

import logging
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Literal

from accounts.organizations.models import Connection
from accounts.organizations.sso.provider.asking import ProviderUnreachable, UnfitProviderError, give_connection_back
from accounts.organizations.sso.provider.discovery import Metadata, discover, fetch_keys

logger = logging.getLogger(__name__)

ASKED_FOR_KEYS: Final = timedelta(minutes=1)  # at most so often
LONGEST_USE_OF_KEYS: Final = timedelta(days=1)
METADATA_LASTS: Final = timedelta(days=1)
METADATA_TRIED_AGAIN: Final = timedelta(minutes=10)
# Of a key that another process is just being told.
_WAIT_SECONDS, _LOOK_SECONDS = 3.0, 0.1

Keys = list[dict[str, str]]
Outcome = Literal["renewed", "failed", "asked already"]


def current_metadata(connection: Connection) -> Metadata:
    """Asked for once a day. The old one where the provider does not answer, or now says something unfit."""
    known, now = Metadata.of(connection.metadata), datetime.now(UTC)
    if connection.metadata_at > now - METADATA_LASTS:
        return known
    unchanged = Connection.objects.filter(id=connection.id, updated_at=connection.updated_at)
    # Before asking: of many who begin at once one asks, and after a failure nobody for a while.
    claimed_at = now - METADATA_LASTS + METADATA_TRIED_AGAIN
    if not unchanged.filter(metadata_at=connection.metadata_at).update(metadata_at=claimed_at):
        return known
    try:
        # What is registered at the provider hangs on it (``exchange.callback_url``): a PUT decides that anew.
        metadata = replace(discover(connection.issuer), names_issuer=known.names_issuer)
    except (ProviderUnreachable, UnfitProviderError) as failure:
        _tell(connection, "metadata", failure)
        return known
    unchanged.update(metadata=metadata.as_json(), metadata_at=datetime.now(UTC))
    return metadata


def current_keys(connection: Connection) -> Keys:
    """Raises ``ProviderUnreachable`` where they are too old and cannot be had anew."""
    age = datetime.now(UTC) - connection.keys_at
    if age.total_seconds() < connection.keys["seconds"]:
        return _keys_of(connection)
    outcome = _renew(connection)
    if outcome != "renewed" and age > LONGEST_USE_OF_KEYS:
        if outcome == "asked already":
            _await_others(connection)
        if datetime.now(UTC) - connection.keys_at > LONGEST_USE_OF_KEYS:
            raise ProviderUnreachable
    return _keys_of(connection)


def newer_keys(connection: Connection) -> Keys:
    """For a key that is not among ``current_keys``: those that the provider has now, unless it was asked already in
    this minute; then what it said to whoever asked.
    """
    if _renew(connection) == "asked already":
        _await_others(connection)
    return _keys_of(connection)


def _keys_of(connection: Connection) -> Keys:
    keys: Keys = connection.keys["keys"]
    return keys


def _renew(connection: Connection) -> Outcome:
    """Where they are renewed, ``connection`` has them."""
    now = datetime.now(UTC)
    # A PUT in between may have made it another provider's: its keys are not to be replaced by this one's.
    unchanged = Connection.objects.filter(id=connection.id, updated_at=connection.updated_at)
    if not unchanged.filter(keys_asked_at__lte=now - ASKED_FOR_KEYS).update(keys_asked_at=now):
        return "asked already"
    try:
        keys = fetch_keys(Metadata.of(connection.metadata))
    except (ProviderUnreachable, UnfitProviderError) as failure:
        _tell(connection, "keys", failure)
        return "failed"
    connection.keys, connection.keys_at = keys, datetime.now(UTC)
    unchanged.update(keys=connection.keys, keys_at=connection.keys_at)
    return "renewed"


def _await_others(connection: Connection) -> None:
    """Until ``connection`` has newer keys than it had, or whoever asks for them has had long enough."""
    known: Any = connection.keys_at
    end = time.monotonic() + _WAIT_SECONDS
    while True:
        told = Connection.objects.filter(id=connection.id, updated_at=connection.updated_at).first()
        if told is None or told.keys_at > known:
            connection.keys, connection.keys_at = (told or connection).keys, (told or connection).keys_at
            return
        is_being_asked = told.keys_asked_at > max(known, datetime.now(UTC) - timedelta(seconds=_WAIT_SECONDS))
        if not is_being_asked or time.monotonic() > end:
            return
        give_connection_back()
        time.sleep(_LOOK_SECONDS)


def _tell(connection: Connection, what: str, failure: Exception) -> None:
    """Nothing of what the provider says."""
    outcome = "unreachable" if isinstance(failure, ProviderUnreachable) else "unfit"
    logger.warning(
        "a provider could not be asked anew",
        extra={"connection": str(connection.id), "asked": what, "outcome": outcome},
    )
