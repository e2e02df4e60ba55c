from django.apps import AppConfig


class MarketplaceConfig(AppConfig):
    name = "marketplace"

    def ready(self) -> None:
        from accounts import erasure
        from billing.stripe.stub import payments
        from marketplace import (
            gauges,
            glance,
            leaving_authors,
            leaving_buyers,
            money_erasure,
            money_events,
            payment_events,
            stub_offers,
            system_checks,  # noqa: F401 - registers itself
        )
        from marketplace.ownership import Packages
        from storage.blobs import owners

        gauges.register()
        glance.register()
        payment_events.register()
        money_events.register()
        payments.register(stub_offers.find)
        owners.register(Packages())
        erasure.register("marketplace authors", leaving_authors.erase_author)
        erasure.register("marketplace buyers", leaving_buyers.erase_buyer)
        erasure.register("marketplace money", money_erasure.erase)
