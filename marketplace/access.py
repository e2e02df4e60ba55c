"""The gate of ``/plugins``: which tiers may pass."""

from typing import ClassVar

from rest_framework.request import Request

from accounts.authentication import identity_of
from adiuva.api.views import ApiView
from billing.entitlements import require_feature


class MarketplaceView(ApiView):
    # Methods that any tier may use: what somebody has, they may give back.
    open_methods: ClassVar[frozenset[str]] = frozenset()

    def check_permissions(self, request: Request) -> None:
        super().check_permissions(request)
        if request.method not in self.open_methods:
            require_feature(identity_of(request).user, "plugin_marketplace")
