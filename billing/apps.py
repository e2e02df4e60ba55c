from django.apps import AppConfig


class BillingConfig(AppConfig):
    name = "billing"

    def ready(self) -> None:
        from accounts import live_tier
        from billing import checks  # noqa: F401 - registers them
        from billing.entitlements import tier_of

        live_tier.register(select_related=("subscription",), read=tier_of)
