"""Whose a domain is, and hence which organisation may speak for an address. Nobody's account is asked.

A domain is *spelled* here in one way, that of its row: A-labels in lower case (UTS 46, IDNA 2008), without the dot at
its end. The domain of an address is spelled by the same function, so the two cannot disagree.
"""

import re
from typing import Final
from uuid import UUID

from accounts.organizations.models import Domain, Organization
from adiuva.egress.guard import is_local_name
from adiuva.spelling import LONGEST, ascii_domain, normalize_email

MOST_NAME_CHARACTERS: Final = 253  # RFC 1035 § 2.3.4, without the dot at the end
_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")  # RFC 1123 § 2.1


def spell_domain(typed: str) -> str:
    """Raises ``ValueError`` for what is no domain that somebody could prove: an IP address, a single label (as those of
    the root are), a name of the local network, one that is too long.
    """
    if len(typed) > LONGEST:
        raise ValueError("The domain is too long.")
    name = ascii_domain(normalize_email(typed)).removesuffix(".")
    labels = name.split(".")
    if len(name) > MOST_NAME_CHARACTERS or not all(_LABEL.fullmatch(label) for label in labels):
        raise ValueError("This is no domain.")
    # A last label of digits makes an IPv4 address of it, or what some programs take for one (RFC 1123 § 2.1).
    if is_local_name(name) or labels[-1].isdigit():
        raise ValueError("This is no domain that could be proven.")
    return name


def domain_of(email: str) -> str | None:
    """As it would be in a row of ``Domain``; None where it could be in none."""
    local, _, domain = email.rpartition("@")
    if not local:
        return None
    try:
        return spell_domain(domain)
    except ValueError:
        return None


def organization_of_address(email: str) -> Organization | None:
    """The one that has proven the domain of the address, with its ``connection`` where it has one. A subdomain is
    another domain.
    """
    name = domain_of(email)
    if name is None:
        return None
    row = Domain.objects.verified().filter(name=name).select_related("organization__connection").first()
    return row.organization if row is not None else None


def is_proven(organization_id: UUID, email: str) -> bool:
    """Whether the organisation has proven the domain of the address."""
    name = domain_of(email)
    return name is not None and Domain.objects.of_organization(organization_id).verified().filter(name=name).exists()
