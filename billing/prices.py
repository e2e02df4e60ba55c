"""Which prices of Stripe's are ours: what each stands for, and which are sold.

Prices at Stripe never change, so every rise is a new one, and ``STRIPE_PRICE_…`` holds a list: ids and lookup keys.
A key is passed on from one price to the next, and a price may leave the list while people still pay it. So what a
price stood for is kept (``KnownPrice``), and today's list comes first.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal, Self

from django.conf import settings
from django.db import transaction
from django.db.models import Q

from billing.models import KnownPrice, PriceInterval
from billing.tiers import PAID_TIERS, Tier

Interval = Literal["month", "year"]
INTERVALS: tuple[Interval, ...] = ("month", "year")
ID_PREFIX = "price_"  # of the ids that Stripe makes; a lookup key is the operator's own word


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """One of Stripe's. ``lookup_key`` and ``product_id`` are empty where there is none; ``interval`` is Stripe's word,
    ``other`` for several of them (``interval_count``), and empty where nothing was said.
    """

    id: str
    lookup_key: str = ""
    product_id: str = ""
    interval: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SoldPrice:
    """What a checkout buys. ``name`` is as the operator wrote it, ``price_id`` None while Stripe has not told us whose
    lookup key that is.
    """

    name: str
    price_id: str | None
    interval: Interval


@dataclass(frozen=True, slots=True)
class PriceBook:
    """What is known of prices at one moment: ``PriceBook.load()`` asks the database once."""

    _known: Mapping[str, KnownPrice] = field(default_factory=dict)

    @classmethod
    def load(cls) -> Self:
        return cls({price.price_id: price for price in KnownPrice.objects.all()})

    def listed_tier(self, price: Price) -> Tier | None:
        """By today's lists."""
        for tier, names in tier_lists().items():
            if price.id in names or (price.lookup_key and price.lookup_key in names):
                return tier
        return None

    def tier_of(self, price: Price) -> Tier | None:
        """By today's lists, or by what it stood for while it was in one."""
        known = self._known.get(price.id)
        return self.listed_tier(price) or (Tier(known.tier) if known is not None and known.tier else None)

    def is_of_our_product(self, price: Price) -> bool:
        """Whether one of our prices is of the same product: then it is a price of ours that no list names."""
        return bool(price.product_id) and any(
            known.product_id == price.product_id and known.tier for known in self._known.values()
        )

    def has_news(self, price: Price) -> bool:
        """Whether it is one of ours, and something about it is new."""
        known = self._known.get(price.id)
        if known is None:
            return self.listed_tier(price) is not None or self.is_of_our_product(price)
        return any(getattr(known, name) != value for name, value in _columns(price, known).items())

    def without_moved_key(self, price: Price) -> Price:
        """With the key that is known of it, or that no other price is known to have."""
        known = self._known.get(price.id)
        if known is not None:
            return replace(price, lookup_key=known.lookup_key)
        is_taken = any(one.lookup_key == price.lookup_key for one in self._known.values())
        return replace(price, lookup_key="") if is_taken else price

    def sold(self, tier: Tier) -> list[SoldPrice]:
        """The first monthly and the first yearly one of the tier's list, in that order."""
        every = [self._describe(name) for name in tier_lists().get(tier, ())]
        firsts = (next((one for one in every if one and one.interval == wanted), None) for wanted in INTERVALS)
        return [one for one in firsts if one is not None]

    def lacking(self, tier: Tier) -> list[str]:
        """The names in the tier's list of which Stripe has told us nothing yet."""
        return [name for name in tier_lists().get(tier, ()) if self._find(name) is None]

    def _find(self, name: str) -> KnownPrice | None:
        by_key = (known for known in self._known.values() if known.lookup_key == name)
        return self._known.get(name) or next(by_key, None)

    def _describe(self, name: str) -> SoldPrice | None:
        known = self._find(name)
        if known is None:
            price_id = name if name.startswith(ID_PREFIX) else None
            return SoldPrice(name=name, price_id=price_id, interval=guess_interval(name))
        interval = next((one for one in INTERVALS if one == known.interval), None)
        return SoldPrice(name=name, price_id=known.price_id, interval=interval) if interval is not None else None


def tier_lists() -> Mapping[Tier, tuple[str, ...]]:
    """What the operator has set: names of prices by tier."""
    return {tier: tuple(settings.STRIPE_PRICES.get(tier, ())) for tier in PAID_TIERS}


def guess_interval(name: str) -> Interval:
    """By its name, until Stripe says so: "year" or "annual" in it means a year."""
    return "year" if any(word in name.lower() for word in ("year", "annual")) else "month"


def learn(prices: Iterable[Price], *, book: PriceBook, from_event: bool = False) -> None:
    """Keeps what Stripe has shown of prices of ours, and what they stand for today.

    ``from_event``: what an event carries may be old, and a lookup key has moved on since. So it moves none; Stripe is
    asked of them at each start and each night.
    """
    for price in sorted(prices, key=lambda price: price.id):  # two at once lock rows in one order
        told = book.without_moved_key(price) if from_event else price
        if book.has_news(told):
            _keep(told)


@transaction.atomic
def _keep(price: Price) -> None:
    if price.lookup_key:
        # A key is on one price at a time: it has been passed on to this one.
        KnownPrice.objects.filter(~Q(price_id=price.id), lookup_key=price.lookup_key).update(lookup_key="")
    before = KnownPrice.objects.select_for_update(no_key=True).filter(price_id=price.id).first()
    KnownPrice.objects.update_or_create(price_id=price.id, defaults=_columns(price, before))


def _columns(price: Price, before: KnownPrice | None) -> dict[str, str]:
    """A tier that a price once stood for it goes on standing for, until a list says something else."""
    tier = PriceBook().listed_tier(price) or (before.tier if before is not None else "")
    interval = price.interval or (before.interval if before is not None else guess_interval(price.id))
    if interval not in INTERVALS:
        interval = PriceInterval.OTHER
    product_id = price.product_id or (before.product_id if before is not None else "")
    return {"lookup_key": price.lookup_key, "product_id": product_id, "interval": interval, "tier": tier}
