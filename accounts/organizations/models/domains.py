"""Domains of organisations: claimed by anybody, proven by one."""

from typing import ClassVar
from uuid import UUID

from django.db import models
from django.db.models import Q

from accounts.organizations.models.members import Organization


class DomainQuerySet(models.QuerySet["Domain"]):
    def of_organization(self, organization_id: UUID) -> "DomainQuerySet":
        return self.filter(organization_id=organization_id)

    def verified(self) -> "DomainQuerySet":
        return self.filter(verified_at__isnull=False)


class Domain(models.Model):
    """``name`` is in lower case and ASCII (A-labels, RFC 5890); ``txt_value`` is what its TXT record must say."""

    id = models.BigAutoField(primary_key=True)
    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="domains")
    name = models.CharField(max_length=253)
    txt_value = models.CharField(max_length=100, editable=False)
    created_at = models.DateTimeField()
    verified_at = models.DateTimeField(null=True, blank=True)

    objects: ClassVar = DomainQuerySet.as_manager()

    class Meta:
        db_table = "organization_domains"
        ordering = ("name", "id")
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(name__regex=r"^[a-z0-9._-]+$"), name="organization_domains_spelling"),
            models.UniqueConstraint(fields=["organization", "name"], name="organization_domains_once"),
            models.UniqueConstraint(
                fields=["name"], condition=Q(verified_at__isnull=False), name="organization_domains_one_organization"
            ),
        ]

    def __str__(self) -> str:
        return self.name
