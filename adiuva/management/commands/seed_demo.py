"""`manage.py seed_demo`: one user a tier and a reviewer, for a development machine."""

from typing import Any

from django.conf import settings
from django.contrib.auth.models import Group
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from accounts.models import User
from billing.subscriptions import set_tier
from billing.tiers import Tier

PASSWORD = "adiuva-demo-1"  # noqa: S105 - printed on purpose; refused in production
REVIEWER = "reviewer@example.com"
REVIEWERS_GROUP = "Plugin reviewers"


class Command(BaseCommand):
    help = "Makes the demo users (one a tier) and a plugin reviewer. Development only; again changes nothing."

    def handle(self, *args: Any, **options: Any) -> None:
        if settings.IS_PROD:
            raise CommandError("Demo users have a published password: refused when ENV=prod.")
        rows = [(_demo_user(tier), tier.value) for tier in Tier]
        rows.append((_reviewer(), "staff, /admin/"))
        self.stdout.write(f"Demo accounts, all with the password {self.style.SUCCESS(PASSWORD)}:")
        for email, role in rows:
            self.stdout.write(f"  {email:<28} {role}")


@transaction.atomic
def _demo_user(tier: Tier) -> str:
    email = f"demo-{tier.value}@example.com"
    if not User.objects.filter(email=email).exists():
        set_tier(user=User.objects.create_user(email=email, password=PASSWORD), tier=tier)
    return email


@transaction.atomic
def _reviewer() -> str:
    if not User.objects.filter(email=REVIEWER).exists():
        reviewer = User.objects.create_user(email=REVIEWER, password=PASSWORD, is_staff=True)
        group, _ = Group.objects.get_or_create(name=REVIEWERS_GROUP)
        reviewer.groups.add(group)
    return REVIEWER
