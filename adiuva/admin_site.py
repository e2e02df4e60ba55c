"""The admin as this project has it: unfold's, with a login that says when it refuses."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from unfold.sites import UnfoldAdminSite

from accounts.admin_login import LoginForm, with_status


class Site(UnfoldAdminSite):
    login_form = LoginForm

    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        return with_status(request, super().login(request, extra_context))
