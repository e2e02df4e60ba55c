"""Kinds of callers of the API, and what each of them owns."""

import secrets
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import jwt
from django.conf import settings
from django.test import Client

from accounts.organizations.models import Domain, Membership, Organization
from accounts.organizations.scim.tokens.service import create_token
from accounts.security_events.recording import Origin
from accounts.sessions import revoke_all_sessions, start_session
from billing.subscriptions import set_tier
from billing.tiers import Tier
from chat.plans.cache import plan_cache
from chat.plans.playbooks import PLAYBOOKS
from marketplace.models import DeveloperAccount, PluginVersion
from marketplace.review.messages import ask
from storage.checksums import checksum_of
from tests.accounts.keys.sealed import put
from tests.adiuva.access.requests import CONTENT, OCTETS, request_for
from tests.adiuva.access.second_factors import add_pending_app
from tests.backups.snapshots import label
from tests.marketplace.members import Member, reviewer
from tests.support.accounts import Account, make_account
from tests.support.client import Answer, ApiClient
from tests.support.organizations import join, make_organization

LIFETIME = timedelta(minutes=5)


def _forge(account: Account, *, key: str = "", **changes: Any) -> str:
    """A token as we make them, but for ``changes``."""
    now = datetime.now(UTC)
    claims = {
        "sub": str(account.user.id),
        "sid": str(account.session_id),
        "email": account.email,
        "iat": now,
        "exp": now + LIFETIME,
        "jti": secrets.token_hex(16),
        "iss": "adiuva",
        "aud": "adiuva-api",
        "token_type": "access",
    }
    return jwt.encode(claims | changes, key or settings.JWT_SECRET, algorithm="HS256")


def outsiders() -> Iterator[tuple[str, dict[str, str]]]:
    """Callers whom a private route must take for nobody, by name, with the headers they send."""

    def bearer(token: str) -> dict[str, str]:
        return {"Authorization": f"Bearer {token}"}

    account = make_account(tier="team")
    yield "no token", {}
    yield "an expired token", bearer(_forge(account, exp=datetime.now(UTC) - timedelta(seconds=11)))
    yield "a refresh token", bearer(account.refresh_token)
    yield "a token of another type", bearer(_forge(account, token_type="refresh"))
    yield "a token of another key", bearer(_forge(account, key="another-key-that-is-long-enough-to-be-one"))
    yield "a token for another audience", bearer(_forge(account, aud="somewhere-else"))
    yield "a token of another's session", bearer(_forge(account, sid=str(make_account().session_id)))
    superuser = make_account()
    superuser.user.is_staff = superuser.user.is_superuser = True
    superuser.user.save()
    browser = Client()
    browser.force_login(superuser.user)
    yield "an admin's cookie", {"Cookie": f"sessionid={browser.cookies['sessionid'].value}"}
    revoked = make_account(tier="team")
    revoke_all_sessions(user_id=revoked.user.id)
    yield "a revoked session", bearer(revoked.access_token)
    disabled = make_account(tier="team")
    disabled.user.is_active = False
    disabled.user.save()
    yield "a disabled account", bearer(disabled.access_token)


def published_plugin() -> str:
    """Approved, free, by somebody else."""
    author = Member(ApiClient(), make_account(tier="team"))
    return str(author.publishes(id=f"own-{secrets.token_hex(6)}", name=f"Plugin {secrets.token_hex(6)}").plugin_id)


class Owner:
    """Somebody with one of everything, made on the team tier and then set to ``tier``."""

    def __init__(self, tier: str, *, plugin: str = "", is_staff: bool = False) -> None:
        """``plugin``: the one that they install."""
        self._slug = plugin
        self.account = make_account(tier="team")
        self._tier = tier
        if is_staff:
            self.account.user.is_staff = self.account.user.is_superuser = True
            self.account.user.save()

    def own(self, kinds: set[str]) -> dict[str, str]:
        """The ids of one of each of ``kinds`` (the placeholders of paths); then the tier is as it shall be."""
        makers: dict[str, Callable[[], str]] = {
            "session": self._session,
            "kind": lambda: "recovery",
            "ref": self._envelope,
            "key_request": self._key_request,
            "factor": lambda: add_pending_app(self.account),
            "record": self._record,
            "revision": lambda: "1",
            "backup": self._backup,
            "upload": self._upload,
            "batch": self._batch,
            "run": self._run,
            "plan": self._plan,
            "plugin": self._plugin,
            "own_plugin": self._own_plugin,
            "version": lambda: "1.0.0",
            "template": lambda: "tpl_task_agent_default",
            "organization": lambda: str(self._organization().id),
            "domain": self._domain,
            "member": lambda: str(join(self._organization()).user.id),
            "invitation": self._invitation,
            "scim_token": self._scim_token,
        }
        ids = {kind: makers[kind]() for kind in kinds}
        if "revision" in kinds:
            changed = b"sealed anew"
            headers = OCTETS | {"X-Checksum": checksum_of(changed)}
            self._send("PUT", f"storage/records/{ids['record']}", changed, headers)
        if not kinds:
            self._backup()  # `GET /backup` names none
        DeveloperAccount.objects.filter(user=self.account.user).delete()
        set_tier(user=self.account.user, tier=Tier(self._tier))
        return ids

    def _session(self) -> str:
        start_session(user=self.account.user, origin=Origin(ip=None, user_agent="another device"))
        sessions = self.account.user.sessions.exclude(id=self.account.session_id)
        return str(sessions.get().id)

    def _envelope(self) -> str:
        """Beside another one: the last cannot be deleted."""
        for name in ("password/main", "recovery/phrase"):
            answer = put(self.account, name)
            assert answer.status == 200, answer
        return "phrase"

    def _key_request(self) -> str:
        """Asked by another device than the one that answers."""
        device = start_session(user=self.account.user, origin=Origin(ip=None, user_agent="a new device"))
        body = request_for("POST keys/requests", self.account)
        answer = ApiClient().post("keys/requests", token=device.access_token, **body)
        assert answer.status in {200, 201}, answer
        return str(answer.json["id"])

    def _record(self) -> str:
        made = self._send("POST", "storage/records?table_name=notes", CONTENT, OCTETS)
        return str(made.json["id"])

    def _upload(self) -> str:
        request = request_for("POST storage/uploads", self.account)
        made = self._send("POST", "storage/uploads", b"", request["headers"])
        return str(made.headers["Location"].rpartition("/")[2])

    def _backup(self) -> str:
        # Of another time than what ``requests`` sends: the same again would be stored once.
        headers = {"Content-Type": OCTETS["Content-Type"], **label(CONTENT, Timestamp="2026-11-21T00:00:00Z")}
        return str(self._send("PUT", "backup", CONTENT, headers).json["id"])

    def _batch(self) -> str:
        return str(self._post("batches")["id"])

    def _run(self) -> str:
        return str(self._post("batches/{batch}/runs", batch=self._batch())["run_id"])

    def _organization(self) -> Organization:
        """That they own, made once."""
        membership = Membership.objects.filter(user=self.account.user).first()
        return membership.organization if membership else make_organization(self.account)[0]

    def _domain(self) -> str:
        """Proven, so that nobody asks the DNS."""
        name, now = f"{secrets.token_hex(8)}.example", datetime.now(UTC)
        Domain.objects.create(
            organization=self._organization(), name=name, txt_value="value", created_at=now, verified_at=now
        )
        return name

    def _scim_token(self) -> str:
        return str(create_token(organization_id=self._organization().id, actor=self.account.user)[0].id)

    def _post(self, path: str, **ids: str) -> Any:
        request = request_for(f"POST {path}", self.account)
        answer = ApiClient().post(path.format(**ids), token=self.account.access_token, **request)
        assert answer.status == 201, answer
        return answer.json

    def _plan(self) -> str:
        plan = replace(next(iter(PLAYBOOKS.values())), plan_id=str(uuid4()))
        plan_cache.remember(plan, user_id=self.account.user.id)
        return plan.plan_id

    def _plugin(self) -> str:
        answer = ApiClient().post(f"plugins/{self._slug}/install", token=self.account.access_token)
        assert answer.status in {200, 201}, answer
        return self._slug

    def _own_plugin(self) -> str:
        """Submitted, and asked about."""
        answer = Member(ApiClient(), self.account).submit(
            id=f"own-{secrets.token_hex(6)}", name=f"Plugin {secrets.token_hex(6)}"
        )
        assert answer.status == 201, answer
        version = PluginVersion.objects.get(plugin=answer.json["id"])
        ask(version=version, reviewer=reviewer(), text="What does it count?")
        return str(version.plugin_id)

    def _invitation(self) -> str:
        path = "organizations/{organization}/invitations"
        return str(self._post(path, organization=str(self._organization().id))["id"])

    def _send(self, method: str, path: str, body: bytes, headers: dict[str, str]) -> Answer:
        answer = ApiClient().request(method, path, body=body, headers=headers, token=self.account.access_token)
        assert answer.status in {200, 201}, answer
        return answer
