"""Who owns what after any history of invitations, acceptances, changes of role and removals, by whoever tries."""

import pytest
from django.core.cache import cache
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from accounts.organizations.models import Invitation, Membership, Role
from tests.accounts.organizations.actions import accept, invite, remove, set_role, token_for
from tests.support.accounts import make_account
from tests.support.client import Answer
from tests.support.organizations import join, make_organization

pytestmark = pytest.mark.thorough

SEATS = 4
people = st.integers(0, 4)  # for all of them there is no room
roles = st.sampled_from(["owner", "admin", "member"])
GIVES = {"owner": {"owner", "admin", "member"}, "admin": {"admin", "member"}, "member": {"member"}}


class Team(RuleBasedStateMachine):
    """``roles`` of those who are in; ``waiting``: for whom an invitation waits, its role, its maker, its token."""

    @initialize()
    def found(self) -> None:
        self.organization, owner = make_organization(seats=SEATS)
        admin, member = join(self.organization, role=Role.ADMIN), join(self.organization)
        self.people = [owner, admin, member, make_account(), make_account()]
        self.roles = {0: "owner", 1: "admin", 2: "member"}
        self.waiting: dict[int, tuple[str, int, str]] = {}
        self.tokens: list[tuple[int, str]] = []

    @rule(data=st.data(), whom=people, role=roles)
    def invite(self, data: st.DataObject, whom: int, role: str) -> None:
        by = self._draw_member(data)
        answer = invite(self.people[by], self.organization, self.people[whom].email, role)
        expected = self._refusal(by)
        if expected is None and role == "owner" and self.roles[by] != "owner":
            expected = 403
        if expected is None and whom in self.roles:
            expected = 409
        if expected is None and len(self._seated() | {whom}) > SEATS:
            expected = 402
        assert answer.status == (expected or 201)
        if expected is None:
            token = token_for(answer.json["id"])
            self.waiting[whom] = (role, by, token)
            self.tokens.append((whom, token))

    @precondition(lambda self: self.tokens)
    @rule(by=people, data=st.data())
    def accept_anothers(self, by: int, data: st.DataObject) -> None:
        self._accept(by, *data.draw(st.sampled_from(self.tokens)))

    @precondition(lambda self: self.waiting)
    @rule(data=st.data())
    def accept_ones_own(self, data: st.DataObject) -> None:
        whom = data.draw(st.sampled_from(sorted(self.waiting)))
        self._accept(whom, whom, self.waiting[whom][2])

    def _accept(self, by: int, whom: int, token: str) -> None:
        cache.clear()
        answer = accept(self.people[by], token)
        if whom not in self.waiting or self.waiting[whom][2] != token:
            assert answer.status == 400
        elif by != whom:
            assert answer.status == 403
        else:
            assert answer.status == 200
            self.roles[whom] = self.waiting.pop(whom)[0]

    @rule(data=st.data(), role=roles)
    def change(self, data: st.DataObject, role: str) -> None:
        by, whom = self._draw_member(data), self._draw_member(data)
        expected = self._refusal(by) or self._refusal_of(by, whom)
        if expected is None and role == "owner" and self.roles[by] != "owner":
            expected = 403
        if expected is None and role != self.roles[whom] and self._is_last_owner(whom):
            expected = 409
        self._assert(set_role(self.people[by], self.organization, self.people[whom], role), expected or 200)
        if expected is None:
            self.roles[whom] = role
            self._forget_invitations(whom, but=GIVES[role])

    @rule(data=st.data())
    def remove(self, data: st.DataObject) -> None:
        by, whom = self._draw_member(data), self._draw_member(data)
        expected = None if by == whom else self._refusal(by) or self._refusal_of(by, whom)
        if expected is None and self._is_last_owner(whom):
            expected = 409
        self._assert(remove(self.people[by], self.organization, self.people[whom]), expected or 204)
        if expected is None:
            del self.roles[whom]
            self._forget_invitations(whom, but={"member"})

    @invariant()
    def somebody_owns_it(self) -> None:
        assert "owner" in Membership.objects.filter(organization=self.organization).values_list("role", flat=True)

    @invariant()
    def no_seat_is_taken_twice(self) -> None:
        assert len(self._seated()) <= SEATS

    @invariant()
    def everybody_is_what_they_were_made_by_who_may(self) -> None:
        members = Membership.objects.filter(organization=self.organization).values_list("user_id", "role")
        assert dict(members) == {self.people[one].user.id: role for one, role in self.roles.items()}
        waiting = Invitation.objects.filter(organization=self.organization, state="pending")
        assert set(waiting.values_list("email", "role")) == {
            (self.people[one].email, role) for one, (role, _, _) in self.waiting.items()
        }

    def _seated(self) -> set[int]:
        """The first one pays, wherever they are."""
        return {0} | self.roles.keys() | self.waiting.keys()

    def _draw_member(self, data: st.DataObject) -> int:
        cache.clear()  # a history takes longer than the minute of a rate
        return data.draw(st.sampled_from(sorted(self.roles)))

    def _refusal(self, by: int) -> int | None:
        """Of who may change nobody."""
        return 403 if self.roles[by] == "member" else None

    def _refusal_of(self, by: int, whom: int) -> int | None:
        return 403 if self.roles[whom] == "owner" != self.roles[by] else None

    def _is_last_owner(self, whom: int) -> bool:
        return [one for one, role in self.roles.items() if role == "owner"] == [whom]

    def _forget_invitations(self, by: int, *, but: set[str]) -> None:
        self.waiting = {
            whom: (role, maker, token)
            for whom, (role, maker, token) in self.waiting.items()
            if maker != by or role in but
        }

    def _assert(self, answer: Answer, expected: int) -> None:
        assert answer.status == expected, answer


@pytest.mark.django_db
def test_rights_come_from_who_has_them_and_an_owner_is_always_there() -> None:
    run_state_machine_as_test(
        Team,
        settings=settings(
            max_examples=12, stateful_step_count=16, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )
