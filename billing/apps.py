from django.apps import AppConfig, apps


class BillingConfig(AppConfig):
    name = "billing"

    def ready(self) -> None:
        from accounts import erasure, live_tier
        from billing import dashboard, export, notices, ops
        from billing.entitlements import RELATIONS, seldom_needed, tier_in_sql, tier_of
        from billing.erasure import erase
        from billing.organizations import seats
        from billing.revenue import events as revenue_events
        from billing.stripe.djstripe import mirror

        apps.get_app_config("djstripe").verbose_name = "Mirror of Stripe"
        mirror.forbid_calls()
        ops.drop_djstripe_checks()
        live_tier.register(
            select_related=RELATIONS, seldom_needed=seldom_needed(), read=tier_of, expression=tier_in_sql
        )
        erasure.register("billing", erase)
        export.register()
        revenue_events.register()
        notices.register()
        ops.register_gauges()
        dashboard.register()
        ops.register_examinations()
        seats.register()
