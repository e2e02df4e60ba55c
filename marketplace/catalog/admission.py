"""Who may call the marketplace's routes: what every view of it is made of.

The catalog is for the tiers that have the feature. What is somebody's own stays theirs on every tier: what they have
bought and not been paid back, and what they have written. Which tier it is, and what was bought, is read on every
request.
"""

from typing import ClassVar, Final
from uuid import UUID

from rest_framework.request import Request

from accounts.authentication import identity_of
from accounts.models import User
from accounts.recovery.verification import require_verified_email
from adiuva.api.views import ApiView
from billing.entitlements import require_feature, tier_of
from billing.tiers import TIERS
from marketplace.models import Plugin, PluginPurchase, PurchaseStatus

FEATURE: Final = "plugin_marketplace"


def may_enter(user: User) -> bool:
    """No query: the live tier came along with the user."""
    return TIERS[tier_of(user)].includes(FEATURE)


def require_entry(user: User, *, slug: str) -> None:
    """Passes on the tiers of the marketplace, and for whose plugin it is.

    Raises:
        FeatureNotAvailable: also where there is no such plugin.
    """
    if not may_enter(user) and not is_theirs(user.pk, slug):
        require_feature(user, FEATURE)


def is_theirs(user_id: UUID, slug: str) -> bool:
    """Bought and not paid back, or written by them."""
    return has_bought(user_id, slug) or Plugin.objects.with_id(slug).for_author(user_id).exists()


def has_bought(user_id: UUID, slug: str) -> bool:
    """``slug`` may be any text a client sends."""
    plugins = Plugin.objects.with_id(slug)
    paid = PluginPurchase.objects.for_user(user_id).filter(plugin__in=plugins, status=PurchaseStatus.PAID)
    return bool(paid.exists())


class MarketplaceView(ApiView):
    # Methods that any tier may use: for who writes plugins, and for what somebody has.
    open_methods: ClassVar[frozenset[str]] = frozenset()
    # Methods that any tier may use on a plugin that is theirs.
    kept_methods: ClassVar[frozenset[str]] = frozenset()
    # Methods that ask for a verified address, before anything of the body is read.
    verified_methods: ClassVar[frozenset[str]] = frozenset()

    def check_permissions(self, request: Request) -> None:
        super().check_permissions(request)
        if not self.handler_exists(request):
            return  # 405 on any tier
        user, method = identity_of(request).user, "GET" if request.method == "HEAD" else request.method
        if method in self.kept_methods:
            require_entry(user, slug=self.kwargs["slug"])
        elif method not in self.open_methods:
            require_feature(user, FEATURE)
        if method in self.verified_methods:
            require_verified_email(user)
