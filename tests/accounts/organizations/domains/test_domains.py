"""Claiming a domain, proving it and letting it go, over HTTP."""

from collections import Counter
from functools import partial
from typing import Any

import pytest

from accounts.organizations.domains import dns
from accounts.organizations.domains.service import remove_domain
from accounts.organizations.models import AuditEntry, Domain, Membership, Organization, Role
from accounts.organizations.seats import payment
from adiuva.api.errors import PermissionDenied
from billing.models import Subscription
from tests.accounts.concurrency import run_concurrently
from tests.accounts.conftest import Clock
from tests.fakes.dns_server import DnsServer, Fault
from tests.support.accounts import Account, make_account
from tests.support.client import Answer, ApiClient
from tests.support.organizations import join, make_organization

pytestmark = pytest.mark.django_db


def claim(organization: Organization, account: Account, domain: Any = "acme.example") -> Answer:
    return ApiClient().post(
        f"organizations/{organization.id}/domains", json={"domain": domain}, token=account.access_token
    )


def verify(organization: Organization, account: Account, domain: str = "acme.example") -> Answer:
    return ApiClient().post(f"organizations/{organization.id}/domains/{domain}/verify", token=account.access_token)


def listed(organization: Organization, account: Account) -> Any:
    answer = ApiClient().get(f"organizations/{organization.id}/domains", token=account.access_token)
    assert answer.status == 200, answer
    return answer.json["items"]


def remove(organization: Organization, account: Account, domain: str = "acme.example") -> Answer:
    return ApiClient().delete(f"organizations/{organization.id}/domains/{domain}", token=account.access_token)


def claimed(server: DnsServer, domain: str = "acme.example") -> tuple[Organization, Account]:
    """Whose TXT record is published."""
    organization, owner = make_organization()
    made = claim(organization, owner, domain).json
    server.publish(made["txt_name"], made["txt_value"])
    return organization, owner


def proven(server: DnsServer, domain: str = "acme.example") -> tuple[Organization, Account]:
    organization, owner = claimed(server, domain)
    assert verify(organization, owner, domain).status == 200
    return organization, owner


def events(organization: Organization) -> list[tuple[str, str]]:
    return list(AuditEntry.objects.of_organization(organization.id).order_by("at").values_list("type", "target"))


# --- claiming ---


def test_a_claim_says_what_to_publish() -> None:
    organization, owner = make_organization()
    answer = claim(organization, owner)
    assert answer.status == 201
    value = answer.json["txt_value"]
    assert answer.json == {
        "domain": "acme.example",
        "status": "pending",
        "txt_name": "_adiuva.acme.example",
        "txt_value": value,
        "verified_at": None,
    }
    assert value.startswith("adiuva-verification=")
    assert len(value) > 40
    assert events(organization) == [("domain_added", "acme.example")]


def test_claimed_again_in_another_spelling_it_is_the_same_one() -> None:
    organization, owner = make_organization()
    first, again = (claim(organization, owner, domain) for domain in ("münchen.example", "XN--Mnchen-3ya.Example."))
    assert first.status == again.status == 201
    assert first.json == again.json
    assert first.json["domain"] == "xn--mnchen-3ya.example"
    assert len(events(organization)) == 1


@pytest.mark.parametrize(
    "domain",
    [
        *("", "example", "192.0.2.1", "[192.0.2.1]", "2001:db8::1", "printer.local", "db.internal", "localhost"),
        *("acme.example/path", "acme.example:443", "ada@acme.example", "https://acme.example", "*.acme.example"),
        *("a..example", ".acme.example", "-a.example", "a_b.example", "acme example.com", "acme.example\n.com"),
        *("a" * 64 + ".example", ".".join(["a" * 60] * 5), "ü" * 2000 + ".example", "xn--zz--.example"),
        *(None, 1, ["acme.example"]),
    ],
)
def test_what_nobody_could_prove_is_no_domain(domain: Any) -> None:
    organization, owner = make_organization()
    answer = claim(organization, owner, domain)
    assert (answer.status, answer.code, list(answer.json["errors"])) == (400, "validation_error", ["domain"])


def test_two_organisations_claim_a_domain_with_values_of_their_own() -> None:
    (one, her), (other, him) = make_organization(), make_organization()
    first, second = claim(one, her), claim(other, him)
    assert first.status == second.status == 201
    assert first.json["txt_value"] != second.json["txt_value"]


def test_an_organisation_claims_a_hundred_domains_at_most() -> None:
    organization, owner = make_organization()
    row = claim(organization, owner).json
    moment = organization.created_at
    Domain.objects.bulk_create(
        Domain(organization=organization, name=f"d{n}.example", txt_value=row["txt_value"], created_at=moment)
        for n in range(99)
    )
    assert claim(organization, owner, "one-more.example").code == "conflict"
    assert claim(organization, owner).status == 201


# --- proving ---


def test_the_published_record_proves_the_domain(name_server: DnsServer) -> None:
    organization, owner = claimed(name_server)
    answer = verify(organization, owner)
    assert (answer.status, answer.json["status"]) == (200, "verified")
    assert answer.json["verified_at"] is not None
    assert listed(organization, owner) == [answer.json]
    assert events(organization) == [("domain_added", "acme.example"), ("domain_verified", "acme.example")]


def test_a_path_takes_the_domain_in_any_spelling(name_server: DnsServer) -> None:
    organization, owner = claimed(name_server, "münchen.example")
    assert verify(organization, owner, "M%C3%9CNCHEN.example.").status == 200
    assert remove(organization, owner, "XN--MNCHEN-3YA.EXAMPLE").status == 204


def test_a_record_among_others_in_several_strings_is_found(name_server: DnsServer) -> None:
    organization, owner = make_organization()
    made = claim(organization, owner).json
    value = made["txt_value"].encode()
    name_server.records[made["txt_name"]] = [(b"v=spf1 -all",), (value[:7], value[7:20], value[20:])]
    assert verify(organization, owner).status == 200


def test_an_answer_that_was_cut_off_is_fetched_over_tcp(name_server: DnsServer) -> None:
    organization, owner = claimed(name_server)
    name_server.fault = "truncated"
    assert verify(organization, owner).status == 200
    assert [transport for transport, _ in name_server.questions] == ["udp", "tcp"]


def test_another_value_proves_nothing(name_server: DnsServer) -> None:
    organization, owner = make_organization()
    made = claim(organization, owner).json
    name_server.publish(made["txt_name"], f"{made['txt_value']}x", made["txt_value"][:-1], made["txt_value"].upper())
    name_server.publish("acme.example", made["txt_value"])
    answer = verify(organization, owner)
    assert (answer.status, answer.code) == (409, "domain_not_verified")
    assert listed(organization, owner)[0]["status"] == "pending"
    assert events(organization) == [("domain_added", "acme.example")]


def test_a_name_that_is_not_there_proves_nothing(name_server: DnsServer) -> None:
    organization, owner = make_organization()
    claim(organization, owner)
    assert verify(organization, owner).code == "domain_not_verified"


@pytest.mark.parametrize(
    "fault", ["silent", "servfail", "refused", "truncated_forever", "wrong_id", "garbage", "empty"]
)
def test_a_name_server_that_fails_is_waited_for_so_long_only(
    name_server: DnsServer, fault: Fault, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dns, "SECONDS", 0.3)
    organization, owner = claimed(name_server)
    name_server.fault = fault
    assert verify(organization, owner).code == "domain_not_verified"
    name_server.fault = None
    assert verify(organization, owner).status == 200


def test_a_resolver_that_is_not_there_is_no_500(
    settings: Any, name_server: DnsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dns, "SECONDS", 0.3)
    organization, owner = claimed(name_server)
    settings.DNS_RESOLVER = "[::1]:1"
    assert verify(organization, owner).code == "domain_not_verified"


def test_a_verified_domain_stays_so_without_its_record(name_server: DnsServer) -> None:
    organization, owner = proven(name_server)
    name_server.records.clear()
    name_server.questions.clear()
    answer = verify(organization, owner)
    assert (answer.status, answer.json["status"], name_server.questions) == (200, "verified", [])
    assert len(events(organization)) == 2


def test_one_organisation_proves_a_domain(name_server: DnsServer) -> None:
    late, latecomer = claimed(name_server)
    proven(name_server)
    for answer in (verify(late, latecomer), claim(late, latecomer), claim(*make_organization())):
        assert (answer.status, answer.code) == (409, "conflict")
    assert listed(late, latecomer)[0]["status"] == "pending"
    assert remove(late, latecomer).status == 204


def test_what_was_let_go_is_for_another_to_prove(name_server: DnsServer) -> None:
    late, latecomer = claimed(name_server)
    first, owner = proven(name_server)
    assert remove(first, owner).status == 204
    assert verify(late, latecomer).status == 200
    assert claim(first, owner).code == "conflict"
    assert events(first)[-1] == ("domain_removed", "acme.example")


def test_the_audit_says_who_did_it(name_server: DnsServer) -> None:
    organization, owner = make_organization()
    admin = join(organization, role=Role.ADMIN)
    made = claim(organization, admin).json
    name_server.publish(made["txt_name"], made["txt_value"])
    assert verify(organization, owner).status == 200
    assert remove(organization, admin).status == 204
    entries = AuditEntry.objects.of_organization(organization.id).order_by("at")
    assert list(entries.values_list("type", "via", "actor", "target")) == [
        ("domain_added", "member", admin.user.pk, "acme.example"),
        ("domain_verified", "member", owner.user.pk, "acme.example"),
        ("domain_removed", "member", admin.user.pk, "acme.example"),
    ]


def test_who_has_just_lost_the_role_removes_nothing(name_server: DnsServer) -> None:
    organization, _ = make_organization()
    admin = join(organization, role=Role.ADMIN)
    claim(organization, admin)
    domain = Domain.objects.get()
    Membership.objects.filter(user=admin.user).update(role=Role.MEMBER)
    with pytest.raises(PermissionDenied):
        remove_domain(domain=domain, actor=admin.user)
    assert Domain.objects.exists()


def test_a_claim_made_anew_asks_for_another_value(name_server: DnsServer) -> None:
    organization, owner = claimed(name_server)
    remove(organization, owner)
    claim(organization, owner)
    assert verify(organization, owner).code == "domain_not_verified"


def test_of_two_that_prove_a_domain_at_once_one_does(name_server: DnsServer) -> None:
    pairs = [claimed(name_server) for _ in range(3)]
    answers = run_concurrently(*(partial(verify, *pair) for pair in pairs for _ in range(2)))
    codes = Counter(answer.status for answer in answers)
    assert codes == {200: 2, 409: 4}
    assert Domain.objects.verified().count() == 1
    assert AuditEntry.objects.filter(type="domain_verified").count() == 1


@pytest.mark.django_db(transaction=True)
def test_of_claims_at_once_one_makes_the_row() -> None:
    organization, owner = make_organization()
    answers = run_concurrently(*(partial(claim, organization, owner) for _ in range(4)))
    assert {answer.status for answer in answers} == {201}
    assert len({answer.json["txt_value"] for answer in answers}) == 1
    assert len(events(organization)) == 1


def test_an_account_has_twenty_tries_a_minute(name_server: DnsServer, limits_clock: Clock) -> None:
    organization, owner = make_organization()
    claim(organization, owner)
    tries = [verify(organization, owner) for _ in range(21)]
    assert {answer.status for answer in tries[:-1]} == {409}
    assert (tries[-1].status, tries[-1].code) == (429, "rate_limited")
    assert len(name_server.questions) == 20


# --- who may ---


@pytest.mark.parametrize("role", [Role.MEMBER, None])
def test_who_does_not_manage_the_organisation_sees_and_changes_no_domain(
    name_server: DnsServer, role: Role | None
) -> None:
    organization, _ = claimed(name_server)
    somebody = join(organization, role=role) if role else make_account(tier="team")
    refused = ("permission_denied", 403) if role else ("not_found", 404)
    path = f"organizations/{organization.id}/domains"
    answers = [
        ApiClient().get(path, token=somebody.access_token),
        claim(organization, somebody, "other.example"),
        claim(organization, somebody, 1),  # the role goes before what is wrong with the body
        verify(organization, somebody),
        verify(organization, somebody, "other.example"),
        remove(organization, somebody),
    ]
    assert {(answer.code, answer.status) for answer in answers} == {refused}
    assert name_server.questions == []


def test_an_admin_may_do_all_of_it(name_server: DnsServer) -> None:
    organization, _ = make_organization()
    admin = join(organization, role=Role.ADMIN)
    made = claim(organization, admin).json
    name_server.publish(made["txt_name"], made["txt_value"])
    assert verify(organization, admin).status == 200
    assert remove(organization, admin).status == 204


def test_a_domain_of_another_organisation_is_not_there(name_server: DnsServer) -> None:
    proven(name_server)
    organization, owner = make_organization()
    for answer in (verify(organization, owner), remove(organization, owner), remove(organization, owner, "a b")):
        assert (answer.status, answer.code) == (404, "not_found")


def test_while_nothing_is_paid_domains_can_be_looked_at_and_removed_only(name_server: DnsServer) -> None:
    organization, owner = claimed(name_server)
    Subscription.objects.filter(organization=organization).update(organization=None)
    assert payment().seats(organization.id) == 0
    assert claim(organization, owner, 1).code == "feature_not_available"
    assert verify(organization, owner).code == "feature_not_available"
    assert len(listed(organization, owner)) == 1
    assert remove(organization, owner).status == 204
