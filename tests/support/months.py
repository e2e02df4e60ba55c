"""A service as it is after some months: users of all tiers, what they use, store, pay and owe. The same every time."""

import hashlib
import random
import uuid
from datetime import UTC, date, datetime, timedelta

from accounts.models import Session, User
from backups.models import Backup
from billing.models import OperatorAlert, Subscription
from billing.revenue.models import SubscriptionPayment
from chat.models import DailyUsage
from marketplace.models import (
    DeveloperAccount,
    LedgerEntry,
    PaymentReturn,
    Plugin,
    PluginPurchase,
    PluginVersion,
    RevenueEvent,
    Transfer,
)
from marketplace.payouts.ledger import split
from storage.models import StorageRecord, StorageUsage, StoredVector

TIERS = ("free", "free", "free", "free", "free", "pro", "pro", "power", "power", "team")
PRICES = {"pro": 900, "power": 1900, "team": 4900}
MIB = 1024**2
ZEROS = hashlib.sha256(b"").hexdigest()


class Months:
    """``Months(users=60).build()``; ``now`` is the end of what happens."""

    def __init__(self, *, users: int, plugins: int | None = None, now: datetime | None = None) -> None:
        self.count, self.now, self.days = users, now or datetime.now(UTC), 330
        self.plugins = max(1, users // 6) if plugins is None else plugins
        self.dice = random.Random(7)  # noqa: S311 - the same town every time
        self.users: list[User] = []

    def build(self) -> None:
        self._users()
        self._subscriptions()
        self._usage()
        self._storage()
        self._plugins()
        self._alerts()

    def _ago(self, **span: float) -> datetime:
        return self.now - timedelta(**span)

    def _users(self) -> None:
        """More and more: the square root of an even spread."""
        self.users = [
            User(
                id=uuid.UUID(int=self.dice.getrandbits(128), version=4),
                email=f"person-{index:04}@example.com",
                password="!",
                tier=TIERS[index % len(TIERS)],
            )
            for index in range(self.count)
        ]
        User.objects.bulk_create(self.users)
        for user in self.users:
            user.created_at = self._ago(days=self.days * (1 - self.dice.random() ** 0.5))
        User.objects.bulk_update(self.users, ["created_at"])
        Session.objects.bulk_create(
            Session(
                user=user,
                user_agent="Adiuva/1.0 (Linux)",
                created_at=user.created_at,
                last_used_at=self.now,
                expires_at=self.now + timedelta(days=30),
            )
            for user in self.users
        )

    def _subscriptions(self) -> None:
        paying = [user for user in self.users if user.tier != "free"]
        rows, payments = [], []
        for index, user in enumerate(paying):
            owes_days = {3: 2, 9: 12}.get(index % 12)
            rows.append(
                Subscription(
                    user=user,
                    tier=user.tier,
                    stripe_subscription_id=f"sub_{user.id.hex[:14]}",
                    status="past_due" if owes_days else "active",
                    past_due_since=self._ago(days=owes_days) if owes_days else None,
                    current_period_end=self.now + timedelta(days=index % 30),
                )
            )
            day = user.created_at
            while day < self.now:
                invoice_id = f"in_{user.id.hex[:10]}{day:%y%m%d}"
                payments.append(
                    SubscriptionPayment(
                        source=invoice_id,
                        invoice_id=invoice_id,
                        kind="payment",
                        amount_cents=PRICES[user.tier],
                        currency="eur",
                        paid_at=day,
                    )
                )
                day += timedelta(days=30)
        Subscription.objects.bulk_create(rows)
        SubscriptionPayment.objects.bulk_create(payments)

    def _usage(self) -> None:
        rows = []
        for user in self.users:
            for ago in range(45):
                day: date = self._ago(days=ago).date()
                if self.dice.random() > (0.12 if day.weekday() >= 5 else 0.35) or ago == 11:
                    continue
                turns = self.dice.randint(1, 24)
                rows.append(
                    DailyUsage(
                        user=user,
                        day=day,
                        turns=turns,
                        input_tokens=turns * self.dice.randint(900, 2400),
                        output_tokens=turns * self.dice.randint(60, 700),
                    )
                )
        DailyUsage.objects.bulk_create(rows)

    def _storage(self) -> None:
        usage, records, vectors, backups = [], [], [], []
        for user in self.users:
            if user.tier == "free":
                continue
            scale = {"pro": 2, "power": 9, "team": 14}[user.tier]
            used = 0
            for seq in range(1, 4):
                size = self.dice.randint(1, 40) * scale * MIB
                used += size
                records.append(
                    StorageRecord(
                        user=user,
                        id=uuid.UUID(int=self.dice.getrandbits(128), version=4),
                        table_name="notes",
                        s3_key=f"{user.id}/{seq}",
                        checksum=ZEROS,
                        size_bytes=size,
                        revision=1,
                        seq=seq,
                        created_at=self.now,
                        updated_at=self.now,
                    )
                )
            if self.dice.random() < 0.6:
                size = self.dice.randint(1, 30) * scale * MIB
                used += size
                vectors.append(StoredVector(user=user, id=uuid.uuid4(), blob=b"", checksum=ZEROS, size_bytes=size))
            kept = 0
            for number in range(self.dice.randint(0, 2)):
                size = self.dice.randint(20, 90) * scale * MIB
                kept += size
                at = self._ago(days=7 * number)
                backups.append(
                    Backup(
                        user=user,
                        s3_key=f"{user.id}/b{number}",
                        version="1",
                        timestamp=at,
                        checksum=ZEROS,
                        size_bytes=size,
                        created_at=at,
                    )
                )
            usage.append(StorageUsage(user=user, storage_bytes=used, backup_bytes=kept, last_seq=3))
        StorageUsage.objects.bulk_create(usage)
        StorageRecord.objects.bulk_create(records)
        StoredVector.objects.bulk_create(vectors)
        Backup.objects.bulk_create(backups)

    def _plugins(self) -> None:
        authors = [user for user in self.users if user.tier in {"power", "team"}] or self.users[:1]
        for index, author in enumerate((authors * self.plugins)[: self.plugins]):
            self._plugin(index, author)
        DeveloperAccount.objects.bulk_create(
            DeveloperAccount(user=author, stripe_account_id=f"acct_{author.id.hex[:14]}", created_at=self.now)
            for author in authors
        )

    def _plugin(self, index: int, author: User) -> None:
        slug, at = f"helper-{index:02}", self._ago(days=self.days - index)
        price = self.dice.choice([199, 299, 499, 999])
        plugin = Plugin.objects.create(
            slug=slug,
            author=author,
            author_name=f"dev-{author.id.hex[:8]}",
            name=f"Helper {index}",
            category="Productivity",
            version="1.0.0",
            price_cents=price,
            permissions=["read:tasks"],
            status="approved",
            s3_package_key=f"_plugins/{slug}/1.0.0",
            created_at=at,
            published_at=at,
        )
        fails = index % 3 == 0
        for number, status in (("1.0.0", "approved"), ("1.1.0", "pending_review")):
            PluginVersion.objects.create(
                plugin=plugin,
                version=number,
                manifest={"name": plugin.name, "price_cents": price, "permissions": ["read:tasks"]},
                checks=[{"code": "secrets", "passed": not fails, "message": "Keys or passwords.", "evidence": []}],
                s3_key=f"_plugins/{slug}/{number}.zip",
                checksum=ZEROS,
                size_bytes=1000,
                status=status,
                submitted_by=author,
                submitted_at=self._ago(hours=7 * index + 3),
                decided_at=self.now if status == "approved" else None,
            )
        self._sales(plugin, author, index)

    def _sales(self, plugin: Plugin, author: User, index: int) -> None:
        for number in range(self.dice.randint(1, 2 + self.count // 4)):
            at = self._ago(days=self.days * (1 - self.dice.random() ** 0.6))
            share = split(plugin.price_cents, has_developer=True)
            purchase = PluginPurchase.objects.create(
                plugin=plugin,
                user=None,
                amount_cents=plugin.price_cents,
                status="paid",
                payment_intent_id=f"pi_{plugin.slug}_{number}",
                created_at=at,
                paid_at=at,
            )
            event = RevenueEvent.objects.create(
                plugin=plugin,
                developer=author,
                purchase=purchase,
                amount_cents=plugin.price_cents,
                developer_share_cents=share.developer,
                platform_share_cents=share.platform,
                created_at=at,
            )
            self._book(event, f"sale:{purchase.pk}", at, 1)
            state = {0: "failing", 1: "waiting"}.get(number) if index % 4 == 0 else None
            Transfer.objects.create(
                revenue_event=event,
                source=f"sale:{purchase.pk}",
                amount_cents=share.developer,
                status="pending" if state else "done",
                stripe_id=None if state else f"tr_{event.pk.hex}",
                attempts=0 if state == "waiting" else 2,
                last_failure="upstream_unavailable" if state == "failing" else "",
                created_at=at,
                done_at=None if state else at,
            )
            if number % 5 == 4:
                back = min(at + timedelta(days=3), self.now)
                self._book(event, f"re_{plugin.slug}_{number}", back, -1)
                PaymentReturn.objects.create(
                    stripe_id=f"re_{plugin.slug}_{number}",
                    payment_intent_id=f"pi_{plugin.slug}_{number}",
                    kind="refund",
                    amount_cents=plugin.price_cents,
                    is_with_buyer=True,
                    said_at=back,
                )

    def _book(self, event: RevenueEvent, source: str, at: datetime, sign: int) -> None:
        amounts = {
            "buyer": -event.amount_cents,
            "developer": event.developer_share_cents,
            "platform": event.platform_share_cents,
        }
        LedgerEntry.objects.bulk_create(
            LedgerEntry(revenue_event=event, source=source, account=account, amount_cents=sign * cents, booked_at=at)
            for account, cents in amounts.items()
        )

    def _alerts(self) -> None:
        for index in range(max(2, self.count // 20)):
            alert = OperatorAlert.objects.create(
                kind="unknown_price", reference=f"price_{index}", message="A price that stands for no tier."
            )
            resolved = self.now if index % 2 else None
            OperatorAlert.objects.filter(pk=alert.pk).update(created_at=self._ago(hours=30), resolved_at=resolved)
