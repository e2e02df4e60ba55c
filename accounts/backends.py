"""The admin's login, under the same limits as the API's: it is another door to the same passwords."""

from typing import Any

from django.contrib.auth.backends import ModelBackend
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest

from accounts.guard import LOGIN
from accounts.models import User
from adiuva.api.errors import RateLimited


class GuardedBackend(ModelBackend):
    """Over the limit nobody is let in, and the form says what it says of a wrong password."""

    def authenticate(
        self, request: HttpRequest | None, username: str | None = None, password: str | None = None, **kwargs: Any
    ) -> User | None:
        if request is None or not username:
            return super().authenticate(request, username=username, password=password, **kwargs)
        try:
            LOGIN.check(request, email=username)
        except RateLimited as refusal:
            raise PermissionDenied from refusal
        user = super().authenticate(request, username=username, password=password, **kwargs)
        if user is None:
            LOGIN.count_failure(request, email=username)
        return user
