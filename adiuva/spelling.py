"""What people type: addresses and passwords, each in the form in which it is kept and compared.

An address has two. The *kept* one is shown and written to; it is lower case and NFKC. The *compared* one decides whose
it is (``users.address_key``, unique): the local part case-folded, the domain as its A-labels (UTS 46, IDNA 2008), so
that ``münchen.example``, ``MÜNCHEN.example`` and ``xn--mnchen-3ya.example`` are one.
"""

import string
import unicodedata
from typing import Literal

import idna
from django.core.exceptions import ValidationError

# Canonical ordering takes time by the square of a run of combining marks: seconds for a body of 256 KiB.
LONGEST = 1024  # characters of what is typed that are looked at; four times what is kept

_ACE_PREFIX = "xn--"
# Controls, formats, surrogates, private use, not assigned, and separators of each kind.
_UNSEEN_CATEGORIES = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp", "Zs"}
# Marks, letters and a symbol of which nothing is seen all the same (Default_Ignorable_Code_Point; Braille's blank).
_UNSEEN_RANGES = (
    (0x034F, 0x034F),
    (0x115F, 0x1160),
    (0x17B4, 0x17B5),
    (0x180B, 0x180F),
    (0x2800, 0x2800),
    (0x3164, 0x3164),
    (0xFE00, 0xFE0F),
    (0xFFA0, 0xFFA0),
    (0xE0100, 0xE01EF),
)

AddressFault = Literal["invisible", "invalid"]


def normalize_email(email: str) -> str:
    """The one spelling under which an address is kept and shown: lower case, NFKC.

    NFKC makes one address of those that only look alike (a long s and an s, a fullwidth or a decomposed domain), as
    UTS 46 does for domains.
    """
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", email).strip().lower())


def address_key(email: str) -> str:
    """The form in which addresses are compared. Of one whose domain is none to IDNA, the kept spelling: it has been
    taken before that was asked.
    """
    try:
        return _compared(email)
    except idna.IDNAError:
        return normalize_email(email)


def wire_address(email: str) -> str:
    """``email`` with its domain as A-labels, as SMTP carries it; the local part stays as it was written, since it is
    its server's to compare. Raises ``ValueError`` for a domain that is none.
    """
    local, at, domain = email.rpartition("@")
    return local + at + ascii_domain(domain)


def address_fault(email: str) -> AddressFault | None:
    """Why an address is not taken: it holds something that nobody sees, or its domain is none to IDNA."""
    if any(_is_unseen(character) for character in email.strip(string.whitespace)):
        return "invisible"
    try:
        _compared(email)
    except idna.IDNAError:
        return "invalid"
    return None


def ascii_domain(domain: str) -> str:
    """As A-labels. What is plain ASCII stays as it is: hosts need not keep to what IDNA asks of labels. An address
    literal (``[192.0.2.1]``) is plain too. Raises ``idna.IDNAError``, a ``ValueError``.
    """
    if domain.isascii() and not any(label.startswith(_ACE_PREFIX) for label in domain.split(".")):
        return domain
    return idna.encode(domain, uts46=True, std3_rules=True).decode("ascii")


def password_forms(password: str) -> tuple[str, ...]:
    """NFC, which is hashed (RFC 8265 § 4.2.1: two keyboards make other characters of one text), and then, where it
    differs, what was typed: passwords were hashed as they came once.
    """
    if len(password) > LONGEST:
        return (password,)
    composed = unicodedata.normalize("NFC", password)
    return (composed,) if composed == password else (composed, password)


def _compared(email: str) -> str:
    local, at, domain = normalize_email(email).rpartition("@")
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", local.casefold()).casefold())
    return folded + at + ascii_domain(domain)


def _is_unseen(character: str) -> bool:
    if unicodedata.category(character) in _UNSEEN_CATEGORIES:
        return True
    point = ord(character)
    return any(first <= point <= last for first, last in _UNSEEN_RANGES)


def validate_address(email: str) -> None:
    """Of a model's field, beside Django's own check of an address. Raises ``ValidationError``."""
    match address_fault(email):
        case "invisible":
            raise ValidationError("The address holds an invisible character.", code="invisible")
        case "invalid":
            raise ValidationError("Enter a valid email address.", code="invalid")
