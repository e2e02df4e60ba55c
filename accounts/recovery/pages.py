"""The pages that links in mails lead to: each shows one button and a way into the app.

Opening one changes nothing, since scanners and previews open links; the button posts the token from a hidden field. The
token is in the address all the same, so no page sends a referrer, is kept by a cache or loads anything from elsewhere.
"""

from collections.abc import Callable
from functools import wraps
from typing import Any, Final
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.urls import path
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods
from rest_framework.exceptions import ValidationError

from accounts.models import MailToken, MailTokenPurpose
from accounts.organizations.invitations.mails import find_invitation
from accounts.organizations.invitations.views import ACCEPT
from accounts.organizations.problems import SsoRequired
from accounts.recovery.email_change import use_address_token
from accounts.recovery.mail_tokens import MAX_TOKEN, find_token
from accounts.recovery.reset import reset_password_in_browser
from accounts.recovery.texts import TEXTS, Texts
from accounts.recovery.views import RESET_CONFIRM, VERIFY
from accounts.security_events.recording import origin_of
from accounts.serializers import MAX_PASSWORD, MIN_PASSWORD, NewPasswordField
from adiuva.api.errors import RateLimited, ValidationFailed
from adiuva.locales import Locale, preferred_locale
from adiuva.pages import is_from_here, message, page

APP_SCHEME: Final = "adiuva"
_TITLES: Final = {
    MailTokenPurpose.VERIFY: "verify",
    MailTokenPurpose.CHANGE: "change",
    MailTokenPurpose.UNDO: "undo",
    MailTokenPurpose.RESET: "reset",
}
View = Callable[[HttpRequest, str], HttpResponse]


def _linked(view: View) -> Callable[[HttpRequest], HttpResponse]:
    """A page with a token. What it answers without a usable one is said in words."""

    @require_http_methods(["GET", "HEAD", "POST"])
    @never_cache
    @wraps(view)
    def show(request: HttpRequest) -> HttpResponse:
        given = request.POST if request.method == "POST" else request.GET
        raw = given.get("token", "")
        if not raw or len(raw) > MAX_TOKEN:
            response = _say(request, "incomplete", status=400)
        elif request.method == "POST" and not is_from_here(request, sends_referrer=False):
            response = _say(request, "foreign", status=403)
        else:
            response = view(request, raw)
        response.headers["Referrer-Policy"] = "no-referrer"
        return response

    return show


@_linked
def show_verify(request: HttpRequest, raw: str) -> HttpResponse:
    return _show_address(request, raw, MailTokenPurpose.VERIFY)


@_linked
def show_email(request: HttpRequest, raw: str) -> HttpResponse:
    """Of a change: to the new address, or back to the old one."""
    return _show_address(request, raw, MailTokenPurpose.CHANGE, MailTokenPurpose.UNDO)


@_linked
def show_reset(request: HttpRequest, raw: str) -> HttpResponse:
    token = find_token(raw=raw, purposes=[MailTokenPurpose.RESET])
    try:
        RESET_CONFIRM.check(request, account=_account(token) if request.method == "POST" else None)
    except RateLimited as refusal:
        return _busy(request, refusal)
    if token is None:
        return _say(request, "gone", status=410)
    if token.user.kdf is not None:
        return _show_button(request, "app", raw=raw, token=token, has_button=False)
    return _take_password(request, raw, token) if request.method == "POST" else _show_reset_form(request, raw, token)


def _take_password(request: HttpRequest, raw: str, token: MailToken) -> HttpResponse:
    try:
        password = NewPasswordField().run_validation(request.POST.get("password", ""))
        reset_password_in_browser(token=raw, new_password=password, origin=origin_of(request))
    except ValidationError:
        return _show_reset_form(request, raw, token, is_refused=True)
    except SsoRequired:
        return _say(request, "sign_on", status=403, token=token)
    except ValidationFailed as refusal:
        if "new_password" in refusal.extra["errors"]:
            return _show_reset_form(request, raw, token, is_refused=True)
        return _say(request, "gone", status=410, token=token)
    return _say(request, "reset_done", is_good=True, token=token)


@_linked
def show_invitation(request: HttpRequest, raw: str) -> HttpResponse:
    """Only the app can accept one: a member has keys to make."""
    if request.method == "POST":
        return HttpResponse(status=405, headers={"Allow": "GET, HEAD"})
    try:
        ACCEPT.check(request, account=None)
    except RateLimited as refusal:
        return _busy(request, refusal)
    if find_invitation(raw=raw) is None:
        return _say(request, "invitation_gone", status=410)
    return _show_button(request, "invitation", raw=raw, token=None, has_button=False)


def _show_address(request: HttpRequest, raw: str, *purposes: MailTokenPurpose) -> HttpResponse:
    token = find_token(raw=raw, purposes=purposes)
    try:
        VERIFY.check(request, account=_account(token) if request.method == "POST" else None)
    except RateLimited as refusal:
        return _busy(request, refusal)
    if token is None:
        return _say(request, "gone", status=410)
    if request.method != "POST":
        return _show_button(request, _name(token), raw=raw, token=token)
    try:
        use_address_token(token=raw, origin=origin_of(request))
    except ValidationFailed:
        is_gone = find_token(raw=raw, purposes=purposes) is None or token.purpose == MailTokenPurpose.VERIFY
        return _say(request, "gone" if is_gone else "taken", status=410 if is_gone else 409, token=token)
    return _say(request, f"{_name(token)}_done", is_good=True, token=token)


def _show_button(
    request: HttpRequest, name: str, *, raw: str, token: MailToken | None, has_button: bool = True
) -> HttpResponse:
    texts = _texts(request, token)
    return page(
        request,
        "account/link.html",
        _describe(request, texts, name, raw=raw, token=token)
        | {"button": texts[f"{name}_button"] if has_button else ""},
    )


def _show_reset_form(request: HttpRequest, raw: str, token: MailToken, *, is_refused: bool = False) -> HttpResponse:
    texts = _texts(request, token)
    context = _describe(request, texts, "reset", raw=raw, token=token) | {
        "label": texts["reset_label"],
        "hint": texts["reset_hint"],
        "error": texts["reset_error"] if is_refused else "",
        "button": texts["reset_button"],
        "least": MIN_PASSWORD,
        "most": MAX_PASSWORD,
    }
    return page(request, "account/reset.html", context, status=400 if is_refused else 200)


def _describe(request: HttpRequest, texts: Texts, name: str, *, raw: str, token: MailToken | None) -> dict[str, Any]:
    return {
        "language": _language(request, token),
        "title": texts[f"{name}_title"],
        "text": texts[f"{name}_text"],
        "email": token.email if token else "",
        "token": raw,
        "app_link": f"{APP_SCHEME}://{request.path.strip('/')}?{urlencode({'token': raw})}",
        "app_text": texts["open_app"],
    }


def _say(
    request: HttpRequest, name: str, *, is_good: bool = False, status: int = 200, token: MailToken | None = None
) -> HttpResponse:
    texts = _texts(request, token)
    return message(
        request,
        texts[f"{name}_title"],
        texts[f"{name}_text"],
        is_good=is_good,
        status=status,
        language=_language(request, token),
    )


def _busy(request: HttpRequest, refusal: RateLimited) -> HttpResponse:
    response = _say(request, "busy", status=429)
    for header, value in refusal.headers.items():
        response.headers[header] = value
    return response


def _account(token: MailToken | None) -> str | None:
    return str(token.user_id) if token else None


def _name(token: MailToken) -> str:
    return _TITLES[MailTokenPurpose(token.purpose)]


def _language(request: HttpRequest, token: MailToken | None) -> Locale:
    """The account's, in which the mail was; the browser's where there is no account to ask."""
    return Locale(token.user.locale) if token else preferred_locale(request.headers.get("Accept-Language", ""))


def _texts(request: HttpRequest, token: MailToken | None) -> Texts:
    return TEXTS[_language(request, token)]


urlpatterns = [
    path("verify", show_verify, name="account-verify"),
    path("reset", show_reset, name="account-reset"),
    path("email", show_email, name="account-email"),
    path("invitation", show_invitation, name="account-invitation"),
]
