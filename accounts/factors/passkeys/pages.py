"""``/account/passkey``, in the system's browser: passkeys inside Electron are weak, so the app opens this page.

With ``code_challenge``, ``code_challenge_method``, ``redirect_uri`` and ``state`` its button logs in, and the browser
goes back to the app with a one-time code (``accounts.handoff``). With a ticket behind ``#``, which no server sees, its
button adds a passkey to the account of the app (``accounts.factors.passkeys.tickets``).
"""

from typing import Final

from django.http import HttpRequest, HttpResponse
from django.urls import path, reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from accounts.factors.passkeys.texts import BY_LOCALE
from accounts.handoff.serializers import HandoffSerializer
from adiuva.locales import preferred_locale
from adiuva.pages import CONTENT_SECURITY_POLICY, message, page
from adiuva.server.middleware import PERMISSIONS, PERMISSIONS_HEADER

POLICY: Final = f"{CONTENT_SECURITY_POLICY}; script-src 'self'; connect-src 'self'"
_NO_PASSKEYS: Final = "publickey-credentials-get=()"
_PASSKEYS: Final = "publickey-credentials-get=(self), publickey-credentials-create=(self)"


@require_safe
@never_cache
def show_passkey(request: HttpRequest) -> HttpResponse:
    language = preferred_locale(request.headers.get("Accept-Language", ""))
    texts = BY_LOCALE[language]
    context = {"texts": texts, "language": language.value, "api": reverse("passkeys")}
    if request.GET:
        asked = HandoffSerializer(data=request.GET.dict())
        if not asked.is_valid():
            return message(request, texts.incomplete_title, texts.incomplete_text, status=400, language=language.value)
        context |= {"mode": "login", "title": texts.login_title, "asked": asked.validated_data}
    else:
        context |= {"mode": "register", "title": texts.register_title}
    response = page(request, "accounts/passkey.html", context, policy=POLICY)
    response.headers[PERMISSIONS_HEADER] = PERMISSIONS.replace(_NO_PASSKEYS, _PASSKEYS)
    response.headers["Vary"] = "Accept-Language"
    return response


urlpatterns = [path("passkey", show_passkey, name="passkey-page")]
