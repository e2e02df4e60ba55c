"""The DNS, as far as proving a domain needs it: the TXT records of a name.

What goes wrong there is the same to us as a record that is not there: the name does not exist, its servers are silent
or broken, the resolver is. Whoever asked may ask again.
"""

import logging
from typing import Final
from urllib.parse import urlsplit

from django.conf import settings

logger = logging.getLogger(__name__)

SECONDS: Final = 5.0  # for everything: several tries over UDP, and TCP where an answer was cut off
_A_TRY: Final = 2.0  # after which a datagram is taken for lost


def read_txt(name: str) -> list[bytes]:
    """The texts at ``name``, each with its strings joined (RFC 7208 § 3.3). Empty where there are none, or none can be
    had within ``SECONDS``.
    """
    # At the first use: nothing else needs it.
    import dns.exception  # noqa: PLC0415
    import dns.resolver  # noqa: PLC0415

    try:
        resolver = dns.resolver.Resolver(configure=not settings.DNS_RESOLVER)
        if settings.DNS_RESOLVER:
            place = urlsplit(f"//{settings.DNS_RESOLVER}")  # its form is checked at the start
            resolver.nameservers = [str(place.hostname)]
            resolver.port = place.port or resolver.port
        resolver.timeout = _A_TRY
        # The dot makes it absolute: the system's search list is for names of its network.
        answer = resolver.resolve(f"{name}.", "TXT", lifetime=SECONDS, search=False)
    except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
        return []
    except dns.exception.DNSException as error:
        logger.info("no answer about a domain", extra={"domain": name, "error": type(error).__name__})
        return []
    return [b"".join(record.strings) for record in answer]
