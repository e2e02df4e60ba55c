"""What subscriptions have earned: from Stripe's invoices, refunds and disputes to a sum for each currency and month.

What Stripe said is kept as it was said (``PaidInvoice``, ``InvoicePayment``, ``ReturnedMoney``), in any order and
however often; what it comes to is a pure function of that (``entries``), and the rows that everybody sums up
(``SubscriptionPayment``). ``books`` writes them, ``figures`` sums them up, ``comparison`` holds them against Stripe's.
"""
