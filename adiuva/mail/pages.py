"""``/dev/mail``: what a development server has written instead of sending it. There is no such page in production, nor
where mails go to a server.
"""

from email.message import EmailMessage
from typing import Any, Final
from uuid import UUID

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import path
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from adiuva.mail.backends.files import MailFile, find_file, list_files
from adiuva.pages import CONTENT_SECURITY_POLICY, page

SHOWN = 100
PAGE_POLICY: Final = f"{CONTENT_SECURITY_POLICY}; frame-src 'self'"
# Nothing of a mail runs or loads; its links open beside the page.
MAIL_POLICY: Final = (
    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'self';"
    " sandbox allow-popups allow-popups-to-escape-sandbox"
)
HEADERS = ("Subject", "From", "To", "Date", "Message-ID", "Auto-Submitted", "Content-Language")


@require_safe
@never_cache
def show_mails(request: HttpRequest) -> HttpResponse:
    _require_files()
    files = list_files()
    mails = [
        {"id": file.mail, "written_at": file.written_at, "to": message["To"], "subject": message["Subject"]}
        for file in files[:SHOWN]
        for message in [file.read()]
    ]
    context = {"title": "Mail", "mails": mails, "folder": settings.MAIL_DIR, "more": max(0, len(files) - SHOWN)}
    return page(request, "mail/list.html", context, policy=PAGE_POLICY)


@require_safe
@never_cache
def show_mail(request: HttpRequest, mail_id: UUID) -> HttpResponse:
    file = _find(mail_id)
    message = file.read()
    headers = [(name, message[name]) for name in HEADERS if message[name]]
    context: dict[str, Any] = {
        "title": message["Subject"],
        "language": "en",
        "id": file.mail,
        "headers": headers,
        "text": _part(message, "plain"),
    }
    return page(request, "mail/mail.html", context, policy=PAGE_POLICY)


@require_safe
@never_cache
def show_html(_request: HttpRequest, mail_id: UUID) -> HttpResponse:
    """The mail's own HTML and nothing else, for a frame of ``show_mail``."""
    html = _part(_find(mail_id).read(), "html").replace("<head>", '<head><base target="_blank">', 1)
    return HttpResponse(html, headers={"Content-Security-Policy": MAIL_POLICY, "X-Frame-Options": "SAMEORIGIN"})


def _require_files() -> None:
    if settings.IS_PROD or not settings.EMAIL_BACKEND.startswith("adiuva.mail.backends.files."):
        raise Http404


def _find(mail_id: UUID) -> MailFile:
    _require_files()
    file = find_file(mail_id)
    if file is None:
        raise Http404
    return file


def _part(message: EmailMessage, kind: str) -> str:
    part = message.get_body((kind,))
    return part.get_content() if part is not None else ""


urlpatterns = [
    path("", show_mails, name="dev-mails"),
    path("/<uuid:mail_id>", show_mail, name="dev-mail"),
    path("/<uuid:mail_id>/html", show_html, name="dev-mail-html"),
]
