"""Installing, uninstalling and rating a plugin, and what somebody has installed and bought (docs/api.md § 9)."""

from collections.abc import Iterable
from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.authentication import identity_of
from adiuva.api.openapi.responses import problem
from adiuva.api.pagination import ListSerializer, page_parameters, requested_page
from billing.views import UPSTREAM
from marketplace.catalog.admission import MarketplaceView
from marketplace.catalog.ratings import rate, require_may_rate
from marketplace.catalog.serializers import PermissionsField
from marketplace.models import Plugin, PluginPurchase
from marketplace.purchases.installs import Installed, install, uninstall
from marketplace.purchases.kept import Bought, Kept, list_installed, list_purchases, with_refunds


class InstallationSerializer(serializers.Serializer[Installed]):
    plugin_id = serializers.CharField(source="installation.plugin_id")
    version = serializers.CharField(source="installation.version", help_text="Semantic Versioning 2.0.0")
    permissions = PermissionsField(source="installation.permissions", help_text="Those that were agreed to.")
    installed_at = serializers.DateTimeField(source="installation.installed_at")
    amount_cents = serializers.IntegerField(help_text="What you have paid for it; 0 where it was free.")


class KeptSerializer(serializers.Serializer[Any]):
    plugin_id = serializers.CharField()
    version = serializers.CharField(help_text="The one that was installed, Semantic Versioning 2.0.0")
    latest_version = serializers.CharField(allow_null=True, help_text="The live one; null where nothing is live.")
    permissions = PermissionsField(help_text="Those that were agreed to.")
    permissions_added = PermissionsField(
        help_text="What the live version asks for beyond them. Install it again to agree; until then the package is "
        "that of the installed version, unless that was taken down."
    )
    installed_at = serializers.DateTimeField()
    withdrawn_reason = serializers.CharField(
        allow_null=True,
        help_text="The public reason for which the plugin or this version was taken down; `author` where its author "
        "has withdrawn it; else null.",
    )

    @classmethod
    def of(cls, installations: Iterable[Any]) -> Iterable[dict[str, Any]]:
        return cls([Kept.of(one) for one in installations], many=True).data


class KeptListSerializer(ListSerializer):
    items = KeptSerializer(many=True)


class PurchaseSerializer(serializers.Serializer[Any]):
    plugin_id = serializers.CharField(source="purchase.plugin_id")
    amount_cents = serializers.IntegerField(source="purchase.amount_cents", help_text="What was paid.")
    currency = serializers.CharField(source="purchase.currency")
    purchased_at = serializers.DateTimeField(source="purchase.paid_at")
    refunded_cents = serializers.IntegerField(help_text="What is back with you; all of it ends the purchase.")
    receipt_url = serializers.SerializerMethodField(help_text="Stripe's page of the receipt; null where there is none.")

    @classmethod
    def of(cls, purchases: Iterable[PluginPurchase]) -> Iterable[dict[str, Any]]:
        return cls(with_refunds(purchases), many=True).data

    def get_receipt_url(self, bought: Bought) -> str | None:
        return bought.purchase.receipt_url or None


class PurchaseListSerializer(ListSerializer):
    items = PurchaseSerializer(many=True)


class RatingSerializer(serializers.Serializer[Any]):
    stars = serializers.IntegerField(min_value=1, max_value=5)


class RatedSerializer(serializers.Serializer[Plugin]):
    plugin_id = serializers.CharField(source="slug")
    stars = serializers.SerializerMethodField(help_text="Yours.")
    avg_rating = serializers.FloatField()
    rating_count = serializers.IntegerField()

    def get_stars(self, _: Plugin) -> int:
        return int(self.context["stars"])


ITEMS, MOST_ITEMS = 20, 100
GATED = {
    403: problem("feature_not_available, with `required_tier` `power`"),
    404: problem("not_found"),
    410: problem("taken_down"),
}


class InstallView(MarketplaceView):
    open_methods = frozenset({"DELETE"})
    kept_methods = frozenset({"POST"})

    @extend_schema(
        operation_id="installPlugin",
        summary="Install a plugin, buying it first if it costs something",
        request=None,
        responses={
            201: InstallationSerializer,
            200: InstallationSerializer,
            402: problem("payment_required: with checkout_url, a page to pay on, to be opened in a browser"),
            **GATED,
            409: problem(
                "conflict: its payment is on its way, its price changed this moment, or is too small to be charged"
            ),
            **UPSTREAM,
        },
    )
    def post(self, request: Request, slug: str) -> Response:
        """201 when it was not installed before, 200 when it was; nothing is ever charged twice.

        A saved card is charged. Without one, or when the bank asks its customer to confirm, the answer is 402 with a
        page to pay on; once that is paid the plugin is installed, and another call says so. After a 504 it may have
        been paid: call again. What you bought is installed again for free, unless it was refunded. Your own plugins
        are free. What is yours, bought or written, is installed on any tier; anything else asks for power or team.

        Installing it again takes the version that is live now.
        """
        installed = install(user=identity_of(request).user, slug=slug)
        return Response(InstallationSerializer(installed).data, status=201 if installed.is_new else 200)

    @extend_schema(
        operation_id="uninstallPlugin",
        summary="Uninstall a plugin",
        request=None,
        responses={204: None, 404: problem("not_found: it is not installed")},
    )
    def delete(self, request: Request, slug: str) -> Response:
        """On any tier. A purchase is kept."""
        uninstall(user=identity_of(request).user, slug=slug)
        return Response(status=204)


class RatingView(MarketplaceView):
    @extend_schema(
        operation_id="ratePlugin",
        summary="Rate a plugin that you have or had installed",
        request=RatingSerializer,
        responses={
            200: RatedSerializer,
            400: problem("validation_error"),
            **GATED,
            403: problem(
                "feature_not_available, with `required_tier` `power`; "
                "permission_denied: it is your own, or you never had it installed"
            ),
        },
    )
    def put(self, request: Request, slug: str) -> Response:
        """One rating each; the last one counts."""
        user = identity_of(request).user
        require_may_rate(user=user, slug=slug)
        serializer = RatingSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        stars = serializer.validated_data["stars"]
        plugin = rate(user=user, slug=slug, stars=stars)
        return Response(RatedSerializer(plugin, context={"stars": stars}).data)


class InstalledView(MarketplaceView):
    open_methods = frozenset({"GET"})

    @extend_schema(
        operation_id="listInstalledPlugins",
        summary="List what you have installed, newest first",
        parameters=page_parameters(limit=ITEMS, most=MOST_ITEMS),
        responses={200: KeptListSerializer, 400: problem("validation_error")},
    )
    def get(self, request: Request) -> Response:
        """On any tier, with what has become of it: a newer version, permissions it asks for, why it is gone."""
        page = requested_page(request, limit=ITEMS, most=MOST_ITEMS)
        return Response(page.of(list_installed(identity_of(request).user), KeptSerializer.of))


class PurchasesView(MarketplaceView):
    open_methods = frozenset({"GET"})

    @extend_schema(
        operation_id="listPluginPurchases",
        summary="List what you have bought, newest first",
        parameters=page_parameters(limit=ITEMS, most=MOST_ITEMS),
        responses={200: PurchaseListSerializer, 400: problem("validation_error")},
    )
    def get(self, request: Request) -> Response:
        """On any tier. What was bought and not refunded is installed again for nothing."""
        page = requested_page(request, limit=ITEMS, most=MOST_ITEMS)
        return Response(page.of(list_purchases(identity_of(request).user), PurchaseSerializer.of))
