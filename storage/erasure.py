"""What an account has stored, and its end: its rows first, and last everything that lies under its prefix."""

from collections.abc import Callable
from uuid import UUID

from adiuva.api.errors import UpstreamError
from storage.blobs.factory import get_blob_store
from storage.blobs.key_owners import owners
from storage.quota import lock_usage_row

PASSES = 10


def erase_rows(user_id: UUID) -> None:
    """The hook of ``accounts.erasure``, for every blob owner's items. May run again. The index of its vectors is
    ``storage.vectors.search``' to erase, after this.

    The account is closed already. A commit that was let in before holds the lock that is waited for here, and its row
    goes with the others; one that comes later is refused (``lock_usage``) and takes its blob along.
    """
    with lock_usage_row(user_id) as usage:
        for owner in owners():
            owner.forget(user_id)
        if usage is not None:
            usage.delete()


def sweep_blobs(user_id: UUID, is_over: Callable[[], bool]) -> bool:
    """The sweep of ``accounts.erasure``. ``erase_rows`` comes before it: no row is left without its blob.

    Raises:
        UpstreamError, UpstreamUnavailable, UpstreamTimeout: something is left; the erasure is tried again.
    """
    store = get_blob_store()
    prefix = f"{user_id}/"
    # A store may skip entries of a listing from which things are deleted meanwhile: until one finds nothing.
    for _ in range(PASSES):
        found = 0
        for blob in store.list_keys(prefix):
            if found and is_over():
                return False
            store.delete(blob.key)
            found += 1
        if found == 0:
            return True
    raise UpstreamError("The blob store keeps listing what was deleted.")
