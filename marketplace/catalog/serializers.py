"""The shapes of docs/api.md § 9: the catalog and submissions."""

from collections.abc import Iterable
from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from adiuva.api.pagination import ListSerializer
from marketplace.catalog.service import Published
from marketplace.decision_texts import words_to_author
from marketplace.models import MessageSide, Plugin, PluginReview, PluginStatus, PluginVersion, ReviewMessage
from marketplace.submissions.manifest import PERMISSIONS


class PermissionsField(serializers.ListField):
    """What is stored was validated when it was submitted, so it is not validated again on its way out."""

    child = serializers.ChoiceField(choices=PERMISSIONS)

    def to_representation(self, data: Any) -> list[Any]:
        return list(data)


class PluginSerializer(serializers.Serializer[Any]):
    # ``marketplace.catalog.service.with_installed`` annotates ``installed``. Fields by name, which is what costs least.

    id = serializers.CharField(source="slug")
    name = serializers.CharField()
    description = serializers.CharField()
    version = serializers.CharField(help_text="Semantic Versioning 2.0.0")
    author = serializers.CharField(source="author_name", help_text="A public name, never an address.")
    category = serializers.CharField()
    price_cents = serializers.IntegerField(help_text="0 is free")
    currency = serializers.CharField()
    permissions = PermissionsField()
    install_count = serializers.IntegerField(help_text="How many users have it installed now.")
    avg_rating = serializers.FloatField(help_text="Mean of the stars; 0 without any.")
    rating_count = serializers.IntegerField()
    installed = serializers.BooleanField(help_text="By the caller, now.")

    @classmethod
    def of(cls, plugins: Iterable[Plugin]) -> Iterable[dict[str, Any]]:
        """One serializer for all rows: one for each took 5.4 ms a page of 20, this takes 0.4 ms."""
        return cls(plugins, many=True).data


class PluginListSerializer(ListSerializer):
    items = PluginSerializer(many=True)


class ManifestSerializer(serializers.Serializer[Any]):
    id = serializers.CharField(help_text="`^[a-z0-9-]+$`, at most 64 characters")
    name = serializers.CharField()
    version = serializers.CharField(help_text="Semantic Versioning 2.0.0")
    description = serializers.CharField()
    category = serializers.CharField()
    price_cents = serializers.IntegerField(help_text="0, which is free, or 50 to 100000, in eur")
    permissions = PermissionsField()
    entrypoint = serializers.CharField(help_text="A path in the package")


class PluginVersionSerializer(serializers.Serializer[Any]):
    """One that was approved."""

    version = serializers.CharField()
    published_at = serializers.DateTimeField(source="decided_at")
    permissions = PermissionsField(source="manifest.permissions")
    package_checksum = serializers.CharField(source="checksum", help_text="SHA-256")
    package_size_bytes = serializers.IntegerField(source="size_bytes")


class PluginDetailSerializer(PluginSerializer):
    manifest = ManifestSerializer(help_text="Of the live version.")
    versions = PluginVersionSerializer(many=True, help_text="The approved ones, the newest first.")
    package_checksum = serializers.CharField(help_text="SHA-256 of the live version's package")

    @staticmethod
    def of_published(published: Published) -> dict[str, Any]:
        return {
            **PluginSerializer(published.plugin).data,
            "manifest": published.live.manifest,
            "versions": PluginVersionSerializer(published.versions, many=True).data,
            "package_checksum": published.live.checksum,
        }


class CheckSerializer(serializers.Serializer[Any]):
    code = serializers.CharField()
    passed = serializers.BooleanField()
    message = serializers.CharField()
    evidence = serializers.ListField(child=serializers.CharField(), help_text="What was found, and where.")
    mode = serializers.ChoiceField(
        choices=["enforced", "shadow"], help_text="`enforced`, or `shadow`: it reports, and nothing is refused for it."
    )


@extend_schema_field(OpenApiTypes.BINARY)
class FileField(serializers.Field[Any, Any, Any, Any]):
    """A part of a form, for the schema only."""


class SubmissionSerializer(serializers.Serializer[Any]):
    """The form. Both parts may be files."""

    manifest = serializers.CharField(help_text="JSON, at most 64 KiB: a Manifest.")
    package = FileField(help_text="A zip archive")


class SubmittedSerializer(serializers.Serializer[PluginVersion]):
    id = serializers.CharField(source="plugin_id")
    version = serializers.CharField()
    status = serializers.ChoiceField(choices=[PluginStatus.PENDING_REVIEW.value])
    checks = CheckSerializer(many=True)


class MessageSerializer(serializers.Serializer[ReviewMessage]):
    # Never who wrote it: a reviewer stays unknown to the author.

    side = serializers.ChoiceField(choices=[MessageSide.REVIEW.value, MessageSide.AUTHOR.value])
    text = serializers.CharField()
    written_at = serializers.DateTimeField()


class OwnSubmissionSerializer(serializers.Serializer[Any]):
    # Wants what ``marketplace.submissions.service.list_submissions`` reads along.

    id = serializers.CharField(source="plugin_id")
    name = serializers.CharField(source="manifest.name")
    version = serializers.CharField()
    checks = CheckSerializer(many=True)
    status = serializers.SerializerMethodField()
    live = serializers.SerializerMethodField(help_text="It is what the catalog shows.")
    package_checksum = serializers.CharField(source="checksum")
    submitted_at = serializers.DateTimeField()
    decided_at = serializers.DateTimeField(allow_null=True)
    reason_code = serializers.SerializerMethodField(help_text="Of a rejection.")
    reason = serializers.SerializerMethodField(
        help_text="What the reviewer says to the author; while it is taken down, the public reason for that."
    )
    messages = MessageSerializer(
        many=True, source="conversation", help_text="What reviewers ask about it and you answer, the oldest first."
    )

    @classmethod
    def of(cls, versions: Iterable[PluginVersion]) -> Iterable[dict[str, Any]]:
        return cls(versions, many=True).data

    @extend_schema_field(serializers.ChoiceField(choices=PluginStatus.values))
    def get_status(self, version: PluginVersion) -> str:
        """Of the version; that of the plugin where this is its live version and approved."""
        is_shown = _is_live(version) and version.status == PluginStatus.APPROVED
        return str(version.plugin.status if is_shown else version.status)

    def get_live(self, version: PluginVersion) -> bool:
        return _is_live(version) and version.plugin.status == PluginStatus.APPROVED

    def get_reason_code(self, version: PluginVersion) -> str | None:
        review = _review_of(version)
        return review.reason_code or None if review else None

    def get_reason(self, version: PluginVersion) -> str | None:
        if version.status == PluginStatus.TAKEN_DOWN:
            return str(version.takedown_reason)
        if self.get_status(version) == PluginStatus.TAKEN_DOWN:
            return str(version.plugin.takedown_reason)
        review = _review_of(version)
        return (words_to_author(review) or None) if review else None


def _is_live(version: PluginVersion) -> bool:
    return version.plugin.published_at is not None and version.s3_key == version.plugin.s3_package_key


def _review_of(version: PluginVersion) -> PluginReview | None:
    return getattr(version, "review", None)


class OwnSubmissionListSerializer(ListSerializer):
    items = OwnSubmissionSerializer(many=True)
