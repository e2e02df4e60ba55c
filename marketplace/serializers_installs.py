"""Shapes of wire contract § 9: what users have, and what they think of it."""

from typing import Any

from rest_framework import serializers

from marketplace.installs import Installed
from marketplace.models import Plugin
from marketplace.serializers import PermissionsField


class InstallationSerializer(serializers.Serializer[Installed]):
    plugin_id = serializers.CharField(source="installation.plugin_id")
    version = serializers.CharField(source="installation.version", help_text="Semantic Versioning 2.0.0")
    permissions = PermissionsField(source="installation.permissions", help_text="Those that were agreed to.")
    installed_at = serializers.DateTimeField(source="installation.installed_at")
    amount_cents = serializers.IntegerField(help_text="What you have paid for it; 0 where it was free.")


class RatingSerializer(serializers.Serializer[Any]):
    stars = serializers.IntegerField(min_value=1, max_value=5)


class RatedSerializer(serializers.Serializer[Plugin]):
    plugin_id = serializers.CharField(source="slug")
    stars = serializers.SerializerMethodField(help_text="Yours.")
    avg_rating = serializers.FloatField()
    rating_count = serializers.IntegerField()

    def get_stars(self, _: Plugin) -> int:
        return int(self.context["stars"])
