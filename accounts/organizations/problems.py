"""The refusals of organisations and single sign-on: leaves of the one tree in ``adiuva.api.errors``."""

from uuid import UUID

from adiuva.api.errors import Problem, QuotaExceeded, Unauthorized


class SsoRequired(Problem):
    """The organisation asks for its provider: a login in another way begins no session.

    Carries ``organization``, its id: by the address alone the way to its provider is not always found.
    """

    status = 403
    code = "sso_required"
    title = "Single sign-on required"
    default_detail = "Your organisation asks you to sign in with its provider."

    def __init__(self, organization_id: UUID, detail: str | None = None) -> None:
        super().__init__(detail, organization=str(organization_id))


class SsoSessionOver(Unauthorized):
    """The session is older than the organisation allows: it goes on after another sign-in."""

    code = "sso_required"
    title = "Single sign-on required"
    default_detail = "This session is older than your organisation allows. Sign in with its provider again."
    challenge = 'Bearer realm="adiuva", error="invalid_token"'


class NotProvisioned(Problem):
    status = 403
    code = "not_provisioned"
    title = "Not provisioned"
    default_detail = "You are not a member of this organisation, and it does not take you in by itself."


class LinkRequired(Problem):
    """An account has this address, and an address alone proves nothing."""

    status = 403
    code = "link_required"
    title = "Link required"
    default_detail = "An account with this address exists. Log in to it, and link it to the organisation from there."


class DomainNotVerified(Problem):
    status = 409
    code = "domain_not_verified"
    title = "Domain not verified"
    default_detail = "The TXT record was not found, or says something else. It may take a while until it is seen."


def no_free_seat(*, seats: int, used: int) -> QuotaExceeded:
    return QuotaExceeded("Every seat of the organisation is taken.", resource="seats", limit=seats, used=used)
