"""Cursors of the change feed at any position, without the reading that leads there."""

from uuid import UUID, uuid4

from storage.epochs import settled_epoch
from storage.records.cursors import Cursor


def cursor_at(user_id: UUID, position: int, *, epoch: UUID | None = None, run_after: int = 0) -> str:
    """As the server would hand it out: in the present epoch, or in ``epoch``."""
    row = settled_epoch()
    cursor = Cursor(epoch=epoch or row.epoch or uuid4(), position=position, run_after=run_after)
    return cursor.seal(key=bytes(row.cursor_key), user_id=user_id)
