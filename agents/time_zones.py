"""What a client may call its time zone: an IANA name, an offset from UTC, or an abbreviation of one meaning."""

import re
from datetime import timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo

_OFFSET = re.compile(r"(?:UTC|GMT)? ?([+\-\u2212])(\d{1,2})(?:(?::|(?<=\d\d))([0-5]\d))?", re.ASCII | re.IGNORECASE)
_FARTHEST = timedelta(hours=14)  # Kiribati; there is nothing beyond

# In minutes east of UTC: what operating systems say of a zone, as far as every zone of the IANA database that uses the
# abbreviation today means the same by it (a test compares). CST, IST, BST and PST have several meanings; CET, EET, WET,
# EST, MST and HST are IANA names.
ABBREVIATIONS = {
    "WEST": 60, "CEST": 120, "SAST": 120, "EEST": 180, "EAT": 180, "MSK": 180, "PKT": 300, "WIB": 420, "WITA": 480,
    "AWST": 480, "HKT": 480, "JST": 540, "KST": 540, "ACST": 570, "AEST": 600, "ACDT": 630, "AEDT": 660, "NZST": 720,
    "NZDT": 780, "NST": -210, "NDT": -150, "AST": -240, "ADT": -180, "EDT": -240, "MDT": -360, "PDT": -420,
    "AKST": -540, "AKDT": -480,
}  # fmt: skip


def zone_named(name: str) -> tzinfo | None:
    """None for what is no time zone. ``UTC+2`` and ``+02:00`` are east of Greenwich, unlike IANA's ``Etc/GMT+2``."""
    if name in ABBREVIATIONS:
        return timezone(timedelta(minutes=ABBREVIATIONS[name]), name)
    if offset := _OFFSET.fullmatch(name):
        sign, hours, minutes = offset.groups()
        ahead = timedelta(hours=int(hours), minutes=int(minutes or 0))
        if ahead > _FARTHEST:
            return None
        return timezone(ahead if sign == "+" else -ahead)
    if name.upper() == "Z":
        return ZoneInfo("UTC")
    try:
        return ZoneInfo(name)
    # ZoneInfo opens the name as a file: a folder ("Europe"), a long name and a NUL each fail in their own way.
    except (ValueError, OSError, LookupError):
        return None
