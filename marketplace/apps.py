from django.apps import AppConfig


class MarketplaceConfig(AppConfig):
    name = "marketplace"

    def ready(self) -> None:
        from accounts import erasure
        from billing.stripe import hooks
        from marketplace import dashboard, export, ops
        from marketplace.erasure import erase_author, erase_buyer, erase_money
        from marketplace.payouts import events as payout_events
        from marketplace.purchases import completion as purchase_events
        from marketplace.review import jobs, mails
        from marketplace.submissions import service as submissions
        from marketplace.submissions.packages import Packages
        from storage.blobs import key_owners

        ops.register_gauges()
        export.register()
        dashboard.register()
        purchase_events.register()
        payout_events.register()
        mails.register()
        submissions.register_hook(jobs.look_later)
        hooks.register_offers(purchase_events.find_stub_offer)
        key_owners.register(Packages())
        erasure.register("marketplace authors", erase_author)
        erasure.register("marketplace buyers", erase_buyer)
        # What can still be sold or bought would leave money after its account is gone.
        erasure.register("marketplace money", erase_money, after=["marketplace authors", "marketplace buyers"])
