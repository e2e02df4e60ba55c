"""The one way out to addresses that users name: looked up once, checked, and then no other is connected to.

``resolve`` makes an ``Endpoint`` of an address or refuses it. Whoever connects takes the endpoint's own addresses, with
its name in SNI, Host and the certificate's check, follows no redirect and asks no proxy of the environment:
``adiuva.egress.http.ask`` does, and so does ``agents.llm.wire.http`` for streams.
"""

from adiuva.egress.guard import (
    OF_OURS,
    OF_SIGN_ON,
    OF_USERS,
    AnswerTooLarge,
    EgressRefused,
    Endpoint,
    HostUnreachable,
    check_form,
    resolve,
)
from adiuva.egress.room import Room
from adiuva.egress.tls import client_context

__all__ = [
    "OF_OURS",
    "OF_SIGN_ON",
    "OF_USERS",
    "AnswerTooLarge",
    "EgressRefused",
    "Endpoint",
    "HostUnreachable",
    "Room",
    "check_form",
    "client_context",
    "resolve",
]
