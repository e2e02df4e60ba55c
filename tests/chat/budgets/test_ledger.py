"""The rows of a budget, whatever happens in whatever order: reserved, grown, settled, lapsed, killed."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from accounts.models import User
from chat.budgets import ledger
from chat.budgets.ledger import Refused, Reservation
from chat.models import MonthlyBudget, TokenReservation
from tests.chat.budgets.rows import budget_of, let_lapse

pytestmark = pytest.mark.django_db
LIMIT = 1_000


def soon() -> datetime:
    return datetime.now(UTC) + timedelta(seconds=90)


class Turns(RuleBasedStateMachine):
    """Honest turns: none costs more than it has reserved."""

    @initialize()
    def start(self) -> None:
        self.user = User.objects.create_user(email=f"{uuid4().hex}@example.com")
        self.running: list[Reservation] = []
        self.lost: list[Reservation] = []
        self.spent = 0

    @rule(most=st.integers(1, 500), share=st.floats(0, 1))
    def begin(self, most: int, share: float) -> None:
        self.reserve(Reservation(id=uuid4(), user_id=self.user.id), most, share)

    @precondition(lambda self: self.running)
    @rule(most=st.integers(0, 500), share=st.floats(0, 1), which=st.data())
    def grow(self, most: int, share: float, which: st.DataObject) -> None:
        self.reserve(self.take(which), most, share)

    @precondition(lambda self: self.running)
    @rule(share=st.floats(0, 1), which=st.data())
    def settle(self, share: float, which: st.DataObject) -> None:
        """Also what has lapsed meanwhile: what it has cost was counted on nobody's account yet."""
        turn = self.take(which)
        room = LIMIT if TokenReservation.objects.filter(id=turn.id).exists() else LIMIT - sum(self.used())
        spent = min(int(turn.tokens * share), room)
        ledger.settle(turn, spent=spent)
        ledger.settle(turn, spent=0)  # what is told twice frees nothing twice
        self.spent += spent

    @precondition(lambda self: self.running)
    @rule(which=st.data())
    def kill(self, which: st.DataObject) -> None:
        self.lost.append(self.take(which))

    @rule()
    def lapse(self) -> None:
        """Of all that there are: those of the dead, and of turns that hang."""
        let_lapse(self.user)

    @rule()
    def give_back(self) -> None:
        for user_id in ledger.users_with_lapsed():
            ledger.free_lapsed(user_id)

    @rule()
    def look(self) -> None:
        used = ledger.used_tokens(self.user.id, counted=0)
        assert used == sum(self.used())

    @invariant()
    def nothing_is_overspent_or_stranded(self) -> None:
        if not MonthlyBudget.objects.for_user(self.user.id).exists():
            assert self.spent == 0
            return
        budget = budget_of(self.user)
        assert budget.spent == self.spent
        assert sum(budget) <= LIMIT

    def teardown(self) -> None:
        for turn in self.running:
            ledger.settle(turn, spent=0)
        let_lapse(self.user)
        ledger.free_lapsed(self.user.id)
        assert sum(self.used()) == self.spent

    def take(self, which: st.DataObject) -> Reservation:
        return self.running.pop(which.draw(st.integers(0, len(self.running) - 1)))

    def reserve(self, turn: Reservation, most: int, share: float) -> None:
        outcome = ledger.reserve(turn, limit=LIMIT, most=most, least=int(most * share), until=soon())
        if isinstance(outcome, Refused):
            assert outcome.used + int(most * share) > LIMIT or turn.tokens
            if turn.tokens:
                self.running.append(turn)
            return
        assert int(most * share) <= outcome.tokens - turn.tokens <= most
        self.running.append(outcome)

    def used(self) -> tuple[int, ...]:
        if not MonthlyBudget.objects.for_user(self.user.id).exists():
            return (0,)
        return budget_of(self.user)


@pytest.mark.slow
def test_no_order_overspends_or_strands_anything() -> None:
    run_state_machine_as_test(Turns, settings=settings(max_examples=60, stateful_step_count=25, deadline=None))


@pytest.fixture
def user(db: None) -> User:
    return User.objects.create_user(email="spender@example.com")


def reserve(user: User, most: int, least: int | None = None, limit: int = LIMIT) -> Reservation:
    new = Reservation(id=uuid4(), user_id=user.id)
    outcome = ledger.reserve(new, limit=limit, most=most, least=most if least is None else least, until=soon())
    assert isinstance(outcome, Reservation)
    return outcome


def test_who_asks_last_gets_what_is_left(user: User) -> None:
    reserve(user, 700)

    assert reserve(user, 700, least=300).tokens == 300
    assert budget_of(user) == (0, LIMIT)


def test_less_than_the_least_is_refused_and_says_what_is_used(user: User) -> None:
    reserve(user, 700)
    turn = Reservation(id=uuid4(), user_id=user.id)

    assert ledger.reserve(turn, limit=LIMIT, most=700, least=301, until=soon()) == Refused(700, may_come_back=True)
    assert budget_of(user) == (0, 700)


def test_what_a_turn_holds_itself_does_not_come_back(user: User) -> None:
    turn, other = reserve(user, 600), reserve(user, 300)

    def refuse(least: int) -> object:
        return ledger.reserve(turn, limit=LIMIT, most=least, least=least, until=soon())

    assert refuse(400) == Refused(900, may_come_back=True)
    assert refuse(401) == Refused(900)
    ledger.settle(other, spent=100)
    assert refuse(400) == Refused(700)


def test_what_lapsed_is_freed_for_who_asks_next(user: User) -> None:
    reserve(user, LIMIT)
    let_lapse(user)

    assert reserve(user, LIMIT).tokens == LIMIT
    assert budget_of(user) == (0, LIMIT)


def test_a_late_settlement_counts_and_frees_nothing_twice(user: User) -> None:
    late = reserve(user, 600)
    let_lapse(user)
    other = reserve(user, 900)

    ledger.settle(late, spent=500)

    assert budget_of(user) == (500, 900)
    ledger.settle(other, spent=0)
    assert budget_of(user) == (500, 0)


def test_a_turn_whose_reservation_was_freed_reserves_it_all_again(user: User) -> None:
    turn = reserve(user, 300)
    let_lapse(user)
    ledger.free_lapsed(user.id)

    grown = ledger.reserve(turn, limit=LIMIT, most=200, least=200, until=soon())

    assert isinstance(grown, Reservation)
    assert grown.tokens == 500
    assert budget_of(user) == (0, 500)


def test_a_reservation_is_prolonged_and_never_shortened(user: User) -> None:
    turn, far = reserve(user, 300), soon() + timedelta(hours=1)

    ledger.reserve(turn, limit=LIMIT, most=0, least=0, until=far)
    ledger.reserve(turn, limit=LIMIT, most=0, least=0, until=soon())

    assert TokenReservation.objects.get(id=turn.id).expires_at == far


def test_a_turn_belongs_to_the_month_in_which_it_began(user: User, monkeypatch: pytest.MonkeyPatch) -> None:
    this = ledger.this_month()
    with monkeypatch.context() as patch:
        patch.setattr(ledger, "this_month", lambda: (this - timedelta(days=1)).replace(day=1))
        turn = reserve(user, 300)

    grown = ledger.reserve(turn, limit=LIMIT, most=200, least=200, until=soon())
    assert isinstance(grown, Reservation)
    ledger.settle(grown, spent=450)

    row = MonthlyBudget.objects.get(user=user)
    assert (row.month, row.spent, row.reserved) == (turn.month, 450, 0)
    assert ledger.after(row.month) == this


def test_a_limit_that_is_lowered_refuses_and_one_that_is_raised_lets_through(user: User) -> None:
    ledger.settle(reserve(user, 600), spent=600)
    turn = Reservation(id=uuid4(), user_id=user.id)

    assert ledger.reserve(turn, limit=500, most=10, least=1, until=soon()) == Refused(600)
    assert reserve(user, 10, limit=2_000).tokens == 10


def test_another_users_budget_is_another(user: User) -> None:
    other = User.objects.create_user(email="other@example.com")
    reserve(user, LIMIT)

    assert reserve(other, LIMIT).tokens == LIMIT
