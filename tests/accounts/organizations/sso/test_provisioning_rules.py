"""``decide_provisioning`` whole: a pure rule over six facts."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from accounts.organizations.sso.provisioning import Decision, Holder, Newcomer, decide_provisioning

newcomers = st.builds(
    Newcomer,
    is_verified=st.booleans(),
    is_proven=st.booleans(),
    holder=st.sampled_from(Holder),
    is_invited=st.booleans(),
    just_in_time=st.booleans(),
    has_seat=st.booleans(),
)
ADMITTED = {Decision.LINK, Decision.INVITED, Decision.JOIN}


@given(newcomers)
def test_nobody_comes_in_without_a_verified_address_in_a_proven_domain(newcomer: Newcomer) -> None:
    if decide_provisioning(newcomer) in ADMITTED:
        assert newcomer.is_verified
        assert newcomer.is_proven


@given(newcomers)
def test_an_account_that_somebody_has_is_never_given_to_who_has_its_address(newcomer: Newcomer) -> None:
    decision = decide_provisioning(newcomer)
    assert (decision is Decision.LINK) <= (newcomer.holder is Holder.DIRECTORY)
    assert (decision in {Decision.INVITED, Decision.JOIN}) <= (newcomer.holder is Holder.NOBODY)


@given(newcomers)
def test_a_new_account_needs_a_seat_and_that_somebody_wants_it(newcomer: Newcomer) -> None:
    decision = decide_provisioning(newcomer)
    if decision in {Decision.INVITED, Decision.JOIN}:
        assert newcomer.has_seat
    assert (decision is Decision.INVITED) <= newcomer.is_invited
    assert (decision is Decision.JOIN) <= newcomer.just_in_time


@given(newcomers)
def test_what_the_provider_does_not_say_is_refused_in_the_same_words_whoever_has_the_address(
    newcomer: Newcomer,
) -> None:
    """So that it tells nobody which accounts there are: an address that was not shown to be one's own."""
    if not (newcomer.is_verified and newcomer.is_proven):
        decisions = {decide_provisioning(replace(newcomer, holder=holder)) for holder in Holder}
        assert len(decisions) == 1


@given(newcomers)
def test_an_invitation_never_closes_a_door_that_is_open_without_it(newcomer: Newcomer) -> None:
    if decide_provisioning(replace(newcomer, is_invited=False)) in ADMITTED:
        assert decide_provisioning(replace(newcomer, is_invited=True)) in ADMITTED
