from django.apps import AppConfig, apps


class BillingConfig(AppConfig):
    name = "billing"

    def ready(self) -> None:
        from accounts import erasure, live_tier
        from billing import checks, diagnoses, gauges, glance, received, stripe_silence
        from billing.entitlements import tier_in_sql, tier_of
        from billing.erasure import erase

        apps.get_app_config("djstripe").verbose_name = "Mirror of Stripe"
        stripe_silence.keep()
        checks.drop_djstripes()
        live_tier.register(select_related=("subscription",), read=tier_of, expression=tier_in_sql)
        erasure.register("billing", erase)
        received.register()
        gauges.register()
        glance.register()
        diagnoses.register()
