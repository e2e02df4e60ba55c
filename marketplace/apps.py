from django.apps import AppConfig


class MarketplaceConfig(AppConfig):
    name = "marketplace"

    def ready(self) -> None:
        from accounts import erasure
        from billing.stripe.stub import payments
        from marketplace import (
            dashboard,
            ops,
        )
        from marketplace import (
            erasure as leaving_authors,
        )
        from marketplace import (
            erasure as leaving_buyers,
        )
        from marketplace import (
            erasure as money_erasure,
        )
        from marketplace.payouts import events
        from marketplace.purchases import events as payment_events
        from marketplace.purchases import events as stub_offers
        from marketplace.submissions.packages import Packages
        from storage.blobs import owners

        ops.register_gauges()
        dashboard.register()
        payment_events.register()
        events.register()
        payments.register(stub_offers.find_stub_offer)
        owners.register(Packages())
        erasure.register("marketplace authors", leaving_authors.erase_author)
        erasure.register("marketplace buyers", leaving_buyers.erase_buyer)
        erasure.register("marketplace money", money_erasure.erase_money)
