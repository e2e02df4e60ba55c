"""Times on the wire."""

from datetime import UTC, datetime


def rfc_3339(moment: datetime) -> str:
    """As DRF writes times here; ``strftime`` would not pad a year before 1000."""
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"
