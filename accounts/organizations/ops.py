"""For the operator: whether what organisations' providers know us by can be read. Its key comes from JWT_SECRET."""

from adiuva.observability import probes
from adiuva.observability.probes import DoctorOptions, Finding
from adiuva.sealing import count_by_key


def examine_client_secrets(_options: DoctorOptions) -> Finding:
    from accounts.organizations.models import Connection
    from accounts.organizations.sso.client_secrets import readable_prefixes

    lost, old = count_by_key(Connection.objects.all(), "client_secret", prefixes=readable_prefixes())
    if lost:
        return Finding(
            "fail",
            f"{lost} client secrets of single sign-on cannot be read, so nobody signs in there: put the JWT_SECRET "
            "that sealed them into JWT_SECRET_FALLBACKS, or have the organisations set them again",
        )
    if old:
        return Finding("ok", f"{old} client secrets of single sign-on still need JWT_SECRET_FALLBACKS")
    return Finding("ok", "every client secret of single sign-on is sealed under today's JWT_SECRET")


def register_examinations() -> None:
    probes.register_examination("sso", examine_client_secrets)
