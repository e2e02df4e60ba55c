"""What was bought is kept on every tier, and only a take-down goes further: each state of a plugin, its versions."""

from datetime import UTC, datetime
from typing import NamedTuple

import pytest

from billing.subscriptions import set_tier
from billing.tiers import Tier
from marketplace.models import Plugin, PluginPurchase, PluginVersion, PurchaseStatus
from marketplace.review.withdrawals import withdraw_version
from tests.marketplace.members import MAIN, Member
from tests.marketplace.zip_archives import package

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("empty_catalog")]
SLUG, WHY = "word-count", "It sent notes elsewhere."
DATA = {version: package(MAIN * (number + 1)) for number, version in enumerate(["1.0.0", "2.0.0"])}

# Version 1.0.0 is approved, then 2.0.0, which asks for more; the member's is what they installed last. Then
#   plugin:  "live", "down" (the whole), "left" (by its author's erasure), "gone" (both versions withdrawn)
#   second:  what became of 2.0.0: "ok", "withdrawn", "down"
#   has:     "bought" (and installed), "installed" (for nothing), "only bought", "nothing"
#   package: the version that is sent, or a status; named: the same for ?version=2.0.0; again: POST install
TABLE = """
plugin second    has         mine  tier  package named again
live   ok        bought      1.0.0 team  1.0.0   2.0.0 200
live   ok        bought      1.0.0 free  1.0.0   2.0.0 200
live   ok        bought      2.0.0 free  2.0.0   2.0.0 200
live   ok        installed   2.0.0 team  2.0.0   2.0.0 200
live   ok        installed   2.0.0 free  403     403   403
live   ok        only-bought 2.0.0 free  403     403   201
live   ok        nothing     2.0.0 team  403     403   201
live   ok        nothing     2.0.0 free  403     403   403
live   withdrawn bought      2.0.0 free  1.0.0   2.0.0 200
live   withdrawn bought      1.0.0 free  1.0.0   2.0.0 200
live   withdrawn installed   2.0.0 team  1.0.0   2.0.0 200
live   withdrawn installed   1.0.0 team  1.0.0   404   200
live   withdrawn nothing     2.0.0 team  403     403   201
live   down      bought      2.0.0 free  1.0.0   410   200
live   down      installed   2.0.0 team  1.0.0   410   200
live   down      installed   1.0.0 team  1.0.0   410   200
live   down      nothing     2.0.0 team  403     403   201
down   ok        bought      2.0.0 team  410     410   410
down   ok        bought      2.0.0 free  410     410   410
down   ok        installed   2.0.0 team  410     410   410
down   ok        installed   2.0.0 free  403     403   403
down   ok        only-bought 2.0.0 free  410     410   410
down   ok        nothing     2.0.0 team  404     404   410
left   ok        bought      2.0.0 free  2.0.0   2.0.0 200
left   ok        only-bought 2.0.0 free  403     403   201
left   ok        installed   2.0.0 team  2.0.0   2.0.0 404
left   ok        nothing     2.0.0 team  404     404   404
gone   withdrawn bought      1.0.0 free  1.0.0   2.0.0 200
gone   withdrawn installed   1.0.0 team  1.0.0   404   404
gone   withdrawn only-bought 1.0.0 free  403     403   201
gone   withdrawn nothing     1.0.0 team  404     404   404
gone   down      bought      1.0.0 team  1.0.0   410   200
"""


class Case(NamedTuple):
    plugin: str
    second: str
    has: str
    mine: str
    tier: str
    package: str
    named: str
    again: str


CASES = [Case(*line.split()) for line in TABLE.splitlines()[2:]]


def version(number: str) -> PluginVersion:
    return PluginVersion.objects.get(version=number)


def take_down_alone(number: str) -> None:
    PluginVersion.objects.filter(version=number).update(status="taken_down", takedown_reason=WHY)


def buy(member: Member) -> None:
    now = datetime.now(UTC)
    PluginPurchase.objects.create(
        plugin_id=SLUG, user=member.user, amount_cents=499, status=PurchaseStatus.PAID, created_at=now, paid_at=now
    )


def have(member: Member, case: Case) -> None:
    if case.has in {"bought", "only-bought"}:
        buy(member)
    if case.has in {"bought", "installed"}:
        member.install(SLUG)


def arrange(author: Member, member: Member, case: Case) -> None:
    author.publishes(DATA["1.0.0"])
    if case.mine == "1.0.0":
        have(member, case)
    author.publishes(DATA["2.0.0"], version="2.0.0", permissions=["read:notes", "write:notes"])
    if case.mine == "2.0.0":
        have(member, case)
    if case.second == "withdrawn":
        withdraw_version(version=version("2.0.0"), author=author.user)
    elif case.second == "down":  # what rolling it back leaves
        withdraw_version(version=version("2.0.0"), author=author.user)
        take_down_alone("2.0.0")
    if case.plugin == "gone":
        withdraw_version(version=version("1.0.0"), author=author.user)
    elif case.plugin == "left":
        Plugin.objects.update(status="withdrawn", author=None)
    elif case.plugin == "down":
        Plugin.objects.update(status="taken_down", takedown_reason=WHY)
    set_tier(user=member.user, tier=Tier(case.tier))


def got(member: Member, query: str = "") -> str:
    answer = member.get(f"plugins/{SLUG}/package{query}")
    if answer.status == 410:
        assert answer.json["reason"] == WHY
    sent = [number for number, data in DATA.items() if answer.content == data]
    return sent[0] if answer.status == 200 else str(answer.status)


@pytest.mark.parametrize("case", CASES, ids=lambda case: "-".join(case[:5]))
def test_who_gets_which_package(author: Member, buyer: Member, case: Case) -> None:
    arrange(author, buyer, case)
    assert (got(buyer), got(buyer, "?version=2.0.0")) == (case.package, case.named)
    again = buyer.api.post(f"plugins/{SLUG}/install", token=buyer.token)
    if again.status == 410:
        assert again.json["reason"] == WHY
    assert str(again.status) == case.again


@pytest.mark.parametrize(("taken", "sent"), [(False, "1.0.0"), (True, "2.0.0")])
def test_an_update_waits_with_a_withdrawn_version_and_not_with_one_that_was_taken_down(
    author: Member, buyer: Member, taken: bool, sent: str
) -> None:
    author.publishes(DATA["1.0.0"])
    buyer.install(SLUG)
    author.publishes(DATA["2.0.0"], version="2.0.0", permissions=["read:notes", "write:notes"])
    if taken:
        take_down_alone("1.0.0")
    else:
        withdraw_version(version=version("1.0.0"), author=author.user)
    assert got(buyer) == sent


def test_who_has_bought_sees_the_plugin_on_any_tier(author: Member, buyer: Member) -> None:
    author.publishes(DATA["1.0.0"])
    buy(buyer)
    set_tier(user=buyer.user, tier=Tier.FREE)
    seen = buyer.get(f"plugins/{SLUG}").json
    assert (seen["name"], seen["manifest"]["version"], seen["installed"]) == ("Word Count", "1.0.0", False)
    withdraw_version(version=version("1.0.0"), author=author.user)
    assert buyer.get(f"plugins/{SLUG}").json["versions"] == []
    take_down_alone("1.0.0")
    answer = buyer.get(f"plugins/{SLUG}")
    assert (answer.status, answer.json["reason"]) == (410, WHY)
    assert buyer.api.post(f"plugins/{SLUG}/install", token=buyer.token).json["reason"] == WHY
    PluginPurchase.objects.update(status=PurchaseStatus.REFUNDED)
    assert buyer.get(f"plugins/{SLUG}").code == "feature_not_available"


def test_what_was_taken_down_stays_down_for_buyers_whose_author_has_left(author: Member, buyer: Member) -> None:
    author.publishes(DATA["1.0.0"])
    buy(buyer)
    Plugin.objects.update(status="withdrawn", takedown_reason=WHY)
    assert buyer.api.post(f"plugins/{SLUG}/install", token=buyer.token).status == 410


def test_a_purchase_that_is_paid_back_after_the_gate_buys_nothing_on_a_lower_tier(
    author: Member, buyer: Member, monkeypatch: pytest.MonkeyPatch
) -> None:
    author.publishes(DATA["1.0.0"], price_cents=499)
    set_tier(user=buyer.user, tier=Tier.FREE)
    monkeypatch.setattr("marketplace.catalog.admission.has_bought", lambda *_: True)
    assert buyer.api.post(f"plugins/{SLUG}/install", token=buyer.token).code == "feature_not_available"
    assert not PluginPurchase.objects.exists()
