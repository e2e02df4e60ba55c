"""`manage.py seed_demo`: one user a tier, a reviewer, and a plugin to review, for a development machine."""

import io
import zipfile
from datetime import UTC, datetime
from typing import Any, ClassVar

from django.conf import settings
from django.contrib.auth.models import Group
from django.core.management.base import CommandError
from django.db import transaction

from accounts.models import User
from adiuva.api.errors import Problem
from adiuva.api.multipart import SpooledFile
from adiuva.commands import OperatorCommand
from billing.subscriptions import set_tier
from billing.tiers import Tier
from marketplace.models import Plugin
from marketplace.submissions.service import submit

PASSWORD = "adiuva-demo-1"  # noqa: S105 - printed on purpose; refused in production
TEAM_SEATS = 5
REVIEWER = "reviewer@example.com"
REVIEWERS_GROUP = "Plugin reviewers"
AUTHOR = "demo-power@example.com"
MANIFEST: dict[str, Any] = {
    "id": "word-count",
    "name": "Word Count",
    "version": "1.0.0",
    "description": "Counts the words of a note, and how long it takes to read.",
    "category": "Writing",
    "price_cents": 199,
    "permissions": ["read:notes"],
    "entrypoint": "main.js",
}
MAIN = """const WORDS_PER_MINUTE = 220;

export async function activate(adiuva) {
  for (const note of await adiuva.notes.list()) {
    const words = note.text.split(/\\s+/).filter(Boolean).length;
    adiuva.show(note, `${words} words, ${Math.ceil(words / WORDS_PER_MINUTE)} min`);
  }
}
"""


class Command(OperatorCommand):
    help = (
        "Creates the demo users (one per tier), a plugin reviewer, and a plugin to review. "
        "Development only; running it again changes nothing."
    )
    examples: ClassVar = {
        "seed_demo": "as make run does",
    }
    troubles: ClassVar = "ENV=prod, where nobody gets a published password; nothing was made"

    def handle(self, *args: Any, **options: Any) -> None:
        if settings.IS_PROD:
            raise CommandError("Demo users have a published password: refused when ENV=prod.")
        rows = [(_demo_user(tier), tier.value) for tier in Tier]
        rows.append((_reviewer(), "staff, /admin/"))
        self.stdout.write(f"Demo accounts, all with the password {self.style.SUCCESS(PASSWORD)}:")
        for email, role in rows:
            self.stdout.write(f"  {email:<28} {role}")
        try:
            _submission()
        except Problem as problem:  # a store that does not answer keeps nobody from starting the server
            self.stderr.write(f"No plugin was submitted: {problem.detail}")


@transaction.atomic
def _demo_user(tier: Tier) -> str:
    email = f"demo-{tier.value}@example.com"
    if not User.objects.filter(email=email).exists():
        set_tier(
            user=User.objects.create_user(email=email, password=PASSWORD, email_verified_at=datetime.now(UTC)),
            tier=tier,
            seats=TEAM_SEATS if tier is Tier.TEAM else None,
        )
    return email


@transaction.atomic
def _reviewer() -> str:
    if not User.objects.filter(email=REVIEWER).exists():
        reviewer = User.objects.create_user(
            email=REVIEWER, password=PASSWORD, email_verified_at=datetime.now(UTC), is_staff=True
        )
        group, _ = Group.objects.get_or_create(name=REVIEWERS_GROUP)
        reviewer.groups.add(group)
    return REVIEWER


def _submission() -> None:
    if Plugin.objects.filter(slug=MANIFEST["id"]).exists():
        return
    package = io.BytesIO()
    with zipfile.ZipFile(package, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("main.js", MAIN)
    size = package.tell()
    submit(author=User.objects.get(email=AUTHOR), manifest=MANIFEST, package=SpooledFile(file=package, size_bytes=size))
