"""What somebody reads in the system's browser where a sign-on does not go on, and no app waits that could say so."""

from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

from django.http import HttpRequest, HttpResponse

from adiuva.locales import Locale, preferred_locale
from adiuva.pages import message

_PROBLEM, _PAGE = "application/problem+json", "text/html"


@dataclass(frozen=True, slots=True)
class Text:
    title: str
    text: str


@dataclass(frozen=True, slots=True)
class Texts:
    incomplete: Text
    unknown: Text
    limited: Text
    failed: Text


TEXTS: Final[dict[Locale, Texts]] = {
    Locale.ENGLISH: Texts(
        incomplete=Text(
            "This sign-in cannot continue",
            "The link is incomplete, has already been used, or is older than ten minutes. Go back to Adiuva and start "
            "again from there.",
        ),
        unknown=Text(
            "Single sign-on is not set up here",
            "Your organisation does not use single sign-on, or no longer does. Go back to Adiuva and log in with your "
            "password.",
        ),
        limited=Text("Too many attempts", "Wait a minute, then start again from Adiuva."),
        failed=Text(
            "That did not work", "Single sign-on cannot be used at the moment. Try again from Adiuva in a while."
        ),
    ),
    Locale.GERMAN: Texts(
        incomplete=Text(
            "Diese Anmeldung kann nicht fortgesetzt werden",
            "Der Link ist unvollständig, wurde schon verwendet oder ist älter als zehn Minuten. Kehren Sie zu Adiuva "
            "zurück und beginnen Sie dort noch einmal.",
        ),
        unknown=Text(
            "Single Sign-on ist hier nicht eingerichtet",
            "Ihre Organisation verwendet Single Sign-on nicht oder nicht mehr. Kehren Sie zu Adiuva zurück und melden "
            "Sie sich mit Ihrem Passwort an.",
        ),
        limited=Text("Zu viele Versuche", "Warten Sie eine Minute und beginnen Sie dann in Adiuva noch einmal."),
        failed=Text(
            "Das hat nicht geklappt",
            "Single Sign-on kann gerade nicht verwendet werden. Beginnen Sie später in Adiuva noch einmal.",
        ),
    ),
    Locale.ITALIAN: Texts(
        incomplete=Text(
            "Impossibile proseguire con l’accesso",
            "Il link è incompleto, è già stato usato o ha più di dieci minuti. Torni ad Adiuva e ricominci da lì.",
        ),
        unknown=Text(
            "Single sign-on non configurato",
            "La Sua organizzazione non usa il single sign-on, o non lo usa più. Torni ad Adiuva e acceda con la "
            "password.",
        ),
        limited=Text("Troppi tentativi", "Aspetti un minuto, poi ricominci da Adiuva."),
        failed=Text(
            "Non ha funzionato",
            "Al momento non è possibile usare il single sign-on. Riprovi più tardi da Adiuva.",
        ),
    ),
}


def show_refusal(request: HttpRequest, *, status: int) -> HttpResponse | None:
    """None for who wants a problem document: whoever does not say to like a page better."""
    if request.get_preferred_type([_PROBLEM, "application/json", _PAGE]) != _PAGE:
        return None
    language = preferred_locale(request.headers.get("Accept-Language", ""))
    text = _choose(TEXTS[language], status)
    return message(request, text.title, text.text, status=status, language=language.value)


def _choose(texts: Texts, status: int) -> Text:
    match status:
        case HTTPStatus.BAD_REQUEST:
            return texts.incomplete
        case HTTPStatus.NOT_FOUND:
            return texts.unknown
        case HTTPStatus.TOO_MANY_REQUESTS:
            return texts.limited
        case _:
            return texts.failed
