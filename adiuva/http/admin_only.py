"""Django's session, login and message middleware for the admin, stepping aside everywhere else.

The API has no cookies: nothing there reads a session. The classes stay subclasses of Django's, which is what the
admin's system checks look for.
"""

from typing import Any

from django.contrib.auth.middleware import AuthenticationMiddleware as DjangoAuthentication
from django.contrib.messages.middleware import MessageMiddleware as DjangoMessages
from django.contrib.sessions.middleware import SessionMiddleware as DjangoSession
from django.http import HttpRequest

ADMIN_PREFIX = "/admin/"


class _AdminOnly:
    get_response: Any

    def __call__(self, request: HttpRequest) -> Any:
        """In async mode both branches give a coroutine, which Django awaits."""
        if request.path.startswith(ADMIN_PREFIX):
            return super().__call__(request)  # type: ignore[misc]
        return self.get_response(request)


class SessionMiddleware(_AdminOnly, DjangoSession):
    pass


class AuthenticationMiddleware(_AdminOnly, DjangoAuthentication):
    pass


class MessageMiddleware(_AdminOnly, DjangoMessages):
    pass
