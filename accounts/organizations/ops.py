"""For the operator: whether what organisations' providers know us by can be read. Its key comes from JWT_SECRET."""

import functools
import operator

from django.db.models import Q

from adiuva.observability import probes
from adiuva.observability.probes import DoctorOptions, Finding


def examine_client_secrets(_options: DoctorOptions) -> Finding:
    from accounts.organizations.models import Connection
    from accounts.organizations.sso.client_secrets import readable_prefixes

    begins_with = [Q(client_secret__startswith=prefix) for prefix in readable_prefixes()]
    connections = Connection.objects.all()
    lost = connections.exclude(functools.reduce(operator.or_, begins_with)).count()
    if lost:
        return Finding(
            "fail",
            f"{lost} client secrets of single sign-on cannot be read, so nobody signs in there: put the JWT_SECRET "
            "that sealed them into JWT_SECRET_FALLBACKS, or have the organisations set them again",
        )
    old = connections.exclude(begins_with[0]).count()
    if old:
        return Finding("ok", f"{old} client secrets of single sign-on still need JWT_SECRET_FALLBACKS")
    return Finding("ok", "every client secret of single sign-on is sealed under today's JWT_SECRET")


def register_examinations() -> None:
    probes.register_examination("sso", examine_client_secrets)
