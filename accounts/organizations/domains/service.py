"""Claiming a domain, proving it and letting it go: docs/api.md § 16."""

import secrets
from datetime import UTC, datetime
from typing import Final
from uuid import UUID

from django.db import IntegrityError, close_old_connections, transaction

from accounts.models import User
from accounts.organizations import seats
from accounts.organizations.access import MANAGERS, lock_with_role
from accounts.organizations.audit.recording import record
from accounts.organizations.domains import dns
from accounts.organizations.domains.lookup import spell_domain
from accounts.organizations.models import AuditType, AuditVia, Domain
from accounts.organizations.models.domains import DomainQuerySet
from accounts.organizations.problems import DomainNotVerified
from adiuva.api.errors import Conflict, NotFound

MOST_DOMAINS: Final = 100  # an organisation: claims are free, and each is a name that we can be made to ask for
_RANDOM_BYTES = 24


def list_domains(organization_id: UUID) -> DomainQuerySet:
    domains: DomainQuerySet = Domain.objects.of_organization(organization_id)
    return domains


def find_domain(*, organization_id: UUID, typed: str) -> Domain:
    """In whatever spelling. Raises ``NotFound``."""
    try:
        name = spell_domain(typed)
    except ValueError:
        raise NotFound from None
    row: Domain | None = list_domains(organization_id).filter(name=name).first()
    if row is None:
        raise NotFound
    return row


def txt_name(domain: Domain) -> str:
    return f"_adiuva.{domain.name}"


def claim_domain(*, organization_id: UUID, name: str, actor: User) -> Domain:
    """``name`` as ``spell_domain`` has it. Claimed again, it is the same row with the same value to publish.

    Raises ``Conflict`` for one that another organisation has proven, and for more than ``MOST_DOMAINS``; ``NotFound``
    and ``PermissionDenied`` for who may no longer do it.
    """
    with transaction.atomic():
        lock_with_role(user=actor, organization_id=organization_id, roles=MANAGERS)
        _require_unproven(organization_id=organization_id, name=name)
        own = list_domains(organization_id)
        known: Domain | None = own.filter(name=name).first()
        if known is not None:
            return known
        if own.count() >= MOST_DOMAINS:
            raise Conflict(f"An organisation has at most {MOST_DOMAINS} domains.")
        made: Domain = own.create(
            organization_id=organization_id,
            name=name,
            txt_value=f"adiuva-verification={secrets.token_urlsafe(_RANDOM_BYTES)}",
            created_at=datetime.now(UTC),
        )
        record(AuditType.DOMAIN_ADDED, organization_id=organization_id, actor=actor, target=name)
        return made


def verify_domain(*, domain: Domain, actor: User) -> Domain:
    """Asks the DNS, for ``dns.SECONDS`` at most. One that is verified stays so, whatever the DNS says by now.

    Raises ``DomainNotVerified``, ``Conflict`` where another organisation has proven it, ``NotFound`` where it was
    removed meanwhile; ``NotFound`` and ``PermissionDenied`` for who may no longer do it.
    """
    if domain.verified_at is not None:
        return domain
    _require_unproven(organization_id=domain.organization_id, name=domain.name)
    close_old_connections()  # the DNS may take seconds, too long to hold a pooled one
    if domain.txt_value.encode() not in {text.strip() for text in dns.read_txt(txt_name(domain))}:
        raise DomainNotVerified
    try:
        with transaction.atomic():
            return _mark_verified(domain, actor=actor)
    except IntegrityError as error:
        # Of two organisations that prove it at once the database lets one.
        raise _taken() from error


def remove_domain(*, domain: Domain, actor: User | None, via: AuditVia = AuditVia.MEMBER) -> None:
    """Anybody may prove it now. Who signs in with an address in it goes on doing so: an identity is not an address.

    ``actor``: None for the operator. Raises ``NotFound`` or ``PermissionDenied`` for one who has just lost the role.
    """
    with transaction.atomic():
        if actor is None:
            seats.lock_organization(domain.organization_id)
        else:
            lock_with_role(user=actor, organization_id=domain.organization_id, roles=MANAGERS)
        deleted, _ = list_domains(domain.organization_id).filter(pk=domain.pk).delete()
        if deleted:
            record(
                AuditType.DOMAIN_REMOVED,
                organization_id=domain.organization_id,
                actor=actor,
                via=via,
                target=domain.name,
            )


def _mark_verified(domain: Domain, *, actor: User) -> Domain:
    """The row that was claimed with the value that was found: another claim has another row, and another value."""
    lock_with_role(user=actor, organization_id=domain.organization_id, roles=MANAGERS)
    row: Domain | None = list_domains(domain.organization_id).select_for_update().filter(pk=domain.pk).first()
    if row is None:
        raise NotFound
    if row.verified_at is None:
        row.verified_at = datetime.now(UTC)
        row.save(update_fields=["verified_at"])
        record(AuditType.DOMAIN_VERIFIED, organization_id=row.organization_id, actor=actor, target=row.name)
    return row


def _require_unproven(*, organization_id: UUID, name: str) -> None:
    if Domain.objects.verified().filter(name=name).exclude(organization_id=organization_id).exists():
        raise _taken()


def _taken() -> Conflict:
    return Conflict("Another organisation has proven this domain.")
