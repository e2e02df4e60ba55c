"""The admin's site with a login in two steps.

After the password, who has a second factor is asked for it; under ``STAFF_REQUIRE_SECOND_FACTOR`` who has none sets an
authenticator app up. Nobody is logged in before that, and under the setting no page opens to a session that began
without (``has_permission``): to one from before the setting was on, either.
"""

import re
from collections.abc import Mapping
from typing import Any, Literal, cast
from uuid import UUID

from django import forms
from django.conf import settings
from django.contrib import messages
from django.contrib.auth import REDIRECT_FIELD_NAME, login
from django.contrib.auth.views import LoginView
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.decorators import method_decorator
from django.utils.http import urlencode
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_protect
from django.views.decorators.debug import sensitive_post_parameters
from unfold.widgets import BASE_INPUT_CLASSES

from accounts.factors.service import has_second_factor, lock_account
from accounts.factors.totp import confirm_totp, find_pending_totp, start_totp
from accounts.factors.verification import Context, usable_methods, verify
from accounts.models import User
from accounts.security_events.recording import origin_of
from accounts.staff import pending
from accounts.staff.pending import PendingLogin
from adiuva.admin_site import Site, set_status
from adiuva.api.errors import (
    Conflict,
    InvalidCredentials,
    NotConfigured,
    NotFound,
    Problem,
    RateLimited,
    ValidationFailed,
)

WRONG = "The code is wrong, or was used before."
OVER = "That login is over. Log in again."
TOO_MANY = "Too many wrong codes. Log in again."
TYPED = {"totp", "recovery_code"}  # methods that this page can ask for


APP_DIGITS = 6


class CodeForm(forms.Form):
    code = forms.CharField(
        label="Code",
        max_length=64,
        widget=forms.TextInput(
            attrs={
                "autocomplete": "one-time-code",
                "autocapitalize": "none",
                "spellcheck": "false",
                "autofocus": "",
                "class": " ".join(BASE_INPUT_CLASSES),
            }
        ),
    )

    def __init__(self, data: Mapping[str, Any] | None = None) -> None:
        super().__init__(data, label_suffix="")

    @property
    def method(self) -> Literal["totp", "recovery_code"]:
        """Which of both a code is: apps show six digits."""
        plain = re.sub(r"[\s-]", "", self.cleaned_data["code"])
        return "totp" if plain.isdecimal() and len(plain) == APP_DIGITS else "recovery_code"


class StaffLoginView(LoginView):
    """The first step."""

    def form_valid(self, form: Any) -> HttpResponse:
        user: User = form.get_user()
        leads_to = self.get_success_url()
        if has_second_factor(user_id=user.id):
            pending.begin(self.request.session, user=user, leads_to=leads_to)
        elif settings.STAFF_REQUIRE_SECOND_FACTOR:
            waiting = start_totp(user_id=user.id, name="")
            pending.begin(self.request.session, user=user, leads_to=leads_to, factor_id=waiting.id)
        else:
            return super().form_valid(form)
        return HttpResponseRedirect(reverse("admin:second_factor"))


class StaffSite(Site):
    def has_permission(self, request: HttpRequest) -> bool:
        if not super().has_permission(request):
            return False
        return not settings.STAFF_REQUIRE_SECOND_FACTOR or pending.is_verified(request.session)

    def get_urls(self) -> list[URLPattern]:  # type: ignore[override]  # two supertypes that disagree
        second = path("login/second-factor/", self.second_factor, name="second_factor")
        return [second, *super().get_urls()]

    @method_decorator([never_cache])
    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """As ``AdminSite.login``, with a view of ours."""
        index = reverse("admin:index", current_app=self.name)
        if request.method == "GET" and self.has_permission(request):
            return HttpResponseRedirect(index)
        context = {
            **self.each_context(request),
            "title": "Log in",
            "subtitle": None,
            "app_path": request.get_full_path(),
            "username": request.user.get_username(),
            **(extra_context or {}),
        }
        if REDIRECT_FIELD_NAME not in request.GET and REDIRECT_FIELD_NAME not in request.POST:
            context[REDIRECT_FIELD_NAME] = index
        request.current_app = self.name
        view = StaffLoginView.as_view(
            extra_context=context, authentication_form=self.login_form, template_name="admin/login.html"
        )
        return set_status(request, cast(HttpResponse, view(request)))

    @method_decorator([never_cache, csrf_protect, sensitive_post_parameters()])
    def second_factor(self, request: HttpRequest) -> HttpResponse:
        """The second step: asks for a code, or sets an app up where the account has none."""
        found = pending.find(request.session)
        if found is None:
            return _back_to_login(request, OVER if request.method == "POST" else "")
        waiting, user = found
        if has_second_factor(user_id=user.id):
            return self._ask(request, waiting, user)
        return self._set_up(request, waiting, user)

    def _ask(self, request: HttpRequest, waiting: PendingLogin, user: User) -> HttpResponse:
        methods = TYPED & set(usable_methods(user_id=user.id))
        form = CodeForm(request.POST or None)
        refused: Problem | None = None
        if request.method == "POST" and form.is_valid():
            context = Context(origin=origin_of(request), staff_session=str(request.session.session_key))
            try:
                verify(user=user, method=form.method, code=form.cleaned_data["code"], context=context)
            except InvalidCredentials:
                if not pending.count_failure(request.session, waiting):
                    return _back_to_login(request, TOO_MANY)
                form.add_error("code", WRONG)
            except (RateLimited, NotConfigured) as refusal:
                refused = refusal
                form.add_error(None, refusal.detail)
            else:
                _log_in(request, user)
                return HttpResponseRedirect(waiting.leads_to)
        answer = self._page(request, "accounts/second_factor.html", form=form, can_type=bool(methods), methods=methods)
        if refused is not None:
            answer.status_code = refused.status
            for name, value in refused.headers.items():
                answer.headers[name] = value
        return answer

    def _set_up(self, request: HttpRequest, waiting: PendingLogin, user: User) -> HttpResponse:
        app = find_pending_totp(user=user, factor_id=UUID(waiting.factor_id)) if waiting.factor_id else None
        if app is None:
            request.session.flush()
            return _back_to_login(request, OVER)
        form = CodeForm(request.POST or None)
        if request.method == "POST" and form.is_valid():
            try:
                codes = _confirm(request, user, app.id, form.cleaned_data["code"])
            except ValidationFailed:
                if not pending.count_failure(request.session, waiting):
                    return _back_to_login(request, TOO_MANY)
                form.add_error("code", "The code is wrong. Does the clock of the device with the app go right?")
            except (Conflict, NotFound):  # done elsewhere, in this very moment
                request.session.flush()
                return _back_to_login(request, OVER)
            else:
                _log_in(request, user)
                return self._page(
                    request, "accounts/recovery_codes.html", recovery_codes=codes, leads_to=waiting.leads_to
                )
        return self._page(request, "accounts/set_up_second_factor.html", form=form, app=app)

    def _page(self, request: HttpRequest, template: str, **context: Any) -> TemplateResponse:
        request.current_app = self.name
        return TemplateResponse(
            request,
            template,
            {
                **self.each_context(request),
                "title": "Second factor",
                "subtitle": None,
                "login_url": reverse("admin:login"),
                **context,
            },
        )


def _confirm(request: HttpRequest, user: User, factor_id: UUID, code: str) -> list[str]:
    """The recovery codes. Only while the account has no other factor: that one would have to be shown."""
    with transaction.atomic():
        lock_account(user.id)
        if has_second_factor(user_id=user.id):
            raise Conflict("The account has a second factor.")
        return confirm_totp(user_id=user.id, factor_id=factor_id, code=code, origin=origin_of(request), session_id=None)


def _log_in(request: HttpRequest, user: User) -> None:
    login(request, user, backend=settings.AUTHENTICATION_BACKENDS[0])
    pending.mark_verified(request.session)


def _back_to_login(request: HttpRequest, why: str) -> HttpResponse:
    if why:
        messages.error(request, why)
    query = urlencode({REDIRECT_FIELD_NAME: reverse("admin:index")})
    return HttpResponseRedirect(f"{reverse('admin:login')}?{query}")
