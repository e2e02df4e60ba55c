"""A family of refresh tokens under any history: whichever token is presented, whenever, wherever it was stolen."""

from datetime import timedelta

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

from accounts import sessions
from accounts.models import RefreshToken
from tests.accounts.elapsed_time import let_time_pass
from tests.support.accounts import make_account
from tests.support.client import Answer, ApiClient

pytestmark = pytest.mark.thorough

GRACE = timedelta(seconds=30)
# No sum of these comes near the 30 seconds: the test's own run time must not decide.
WAITS = [timedelta(seconds=8), timedelta(seconds=25), timedelta(seconds=31), timedelta(hours=2), timedelta(days=31)]


class Family(RuleBasedStateMachine):
    """``tokens`` from the first to the current one; ``since[i]``: how long ago token i was rotated."""

    @initialize()
    def log_in(self) -> None:
        self.api = ApiClient()
        account = make_account()
        self.user_id, self.session_id = account.user.id, account.session_id
        self.tokens = [account.refresh_token]
        self.access_token = account.access_token
        self.since: list[timedelta] = []
        self.age = timedelta(0)
        self.alive = True

    @rule(wait=st.sampled_from(WAITS))
    def pass_time(self, wait: timedelta) -> None:
        let_time_pass(self.session_id, wait)
        self.since = [since + wait for since in self.since]
        self.age += wait

    @rule()
    def refresh_with_the_current_token(self) -> None:
        answer = self._present(self.tokens[-1])
        if not self.alive or self.age > timedelta(days=30):
            assert (answer.status, answer.code) == (401, "invalid_token")
            return
        assert answer.status == 200
        assert answer.json["refresh_token"] not in self.tokens
        self.tokens.append(answer.json["refresh_token"])
        self.access_token = answer.json["access_token"]
        self.since.append(timedelta(0))
        self.age = timedelta(0)

    @precondition(lambda self: len(self.tokens) > 1)
    @rule()
    def repeat_the_last_refresh(self) -> None:
        answer = self._present(self.tokens[-2])
        if self.since[-1] > GRACE:
            assert (answer.status, answer.code) == (401, "token_reused")
            self.alive = False
        elif not self.alive:
            assert (answer.status, answer.code) == (401, "invalid_token")
        else:
            assert answer.status == 200
            assert answer.json["refresh_token"] == self.tokens[-1]

    @precondition(lambda self: len(self.tokens) > 2)
    @rule(data=st.data())
    def reuse_an_older_ancestor(self, data: st.DataObject) -> None:
        ancestor = data.draw(st.sampled_from(self.tokens[:-2]))
        answer = self._present(ancestor)
        assert (answer.status, answer.code) == (401, "token_reused")
        self.alive = False

    @precondition(lambda self: len(self.tokens) > 3)  # or most families would die young
    @rule()
    def revoke(self) -> None:
        assert sessions.revoke_session(user_id=self.user_id, session_id=self.session_id) == self.alive
        self.alive = False

    @invariant()
    def exactly_one_token_is_current(self) -> None:
        family = RefreshToken.objects.filter(session_id=self.session_id)
        assert family.filter(rotated_at__isnull=True).count() == 1
        assert family.count() == len(self.tokens)

    @invariant()
    def the_access_token_lives_exactly_as_long_as_the_family(self) -> None:
        assert (sessions.live_session_ids([self.session_id]) == {self.session_id}) is self.alive

    def _present(self, token: str) -> Answer:
        cache.clear()  # a history of many refreshes takes longer than a minute
        return self.api.post("auth/refresh", json={"refresh_token": token})


@pytest.mark.django_db
def test_a_family_has_one_current_token_and_a_revoked_one_never_comes_back() -> None:
    run_state_machine_as_test(
        Family,
        settings=settings(
            max_examples=40, stateful_step_count=16, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )
