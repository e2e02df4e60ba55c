"""What the offline model makes of Italian and German. Today is Sunday, 22 November 2026."""

import time
from datetime import date
from string import Formatter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.offline_model.languages import LANGUAGES, language_of
from agents.offline_model.languages.english import ENGLISH
from agents.offline_model.languages.german import GERMAN
from agents.offline_model.languages.italian import ITALIAN
from agents.offline_model.understanding import understand
from tests.agents.support import PROJECT
from tests.agents.tools.support import turn_with

TODAY = date(2026, 11, 22)
TOMORROW = "2026-11-23"


@pytest.fixture(autouse=True)
def _offline(settings: Any) -> None:
    settings.LLM_MODEL = settings.LLM_ROUTER_MODEL = "offline/adiuva"
    settings.LLM_FALLBACK_MODEL = ""


def read(text: str) -> list[tuple[str, str, dict[str, Any]]]:
    return [(intent.tool, intent.target, intent.fields) for intent in understand(text, TODAY, [PROJECT])]


@pytest.mark.parametrize(
    ("text", "intent"),
    [
        (
            "Crea un'attività per comprare il latte domani, priorità alta",
            ("create_task", "", {"title": "Comprare il latte", "due_date": TOMORROW, "priority": "high"}),
        ),
        ("ricordami di pagare le tasse", ("create_task", "", {"title": "Pagare le tasse"})),
        ("segna comprare il latte come fatto", ("update_task", "comprare il latte", {"status": "done"})),
        ("completa l’attività comprare il latte", ("update_task", "comprare il latte", {"status": "done"})),
        (
            "rinomina comprare il latte in fare la spesa",
            ("update_task", "comprare il latte", {"title": "Fare la spesa"}),
        ),
        ("sposta comprare il latte a venerdì", ("update_task", "comprare il latte", {"due_date": "2026-11-27"})),
        ("abbassa la priorità di comprare il latte", ("update_task", "comprare il latte", {"priority": "low"})),
        ("elimina l'attività comprare il latte", ("delete_task", "comprare il latte", {})),
        ("cosa scade oggi?", ("list_tasks_due_today", "", {})),
        ("mostrami le mie attività", ("list_tasks", "", {})),
        ("commenta comprare il latte: due litri", ("add_task_comment", "comprare il latte", {"content": "due litri"})),
        ("crea un progetto Giardino", ("create_project", "", {"name": "Giardino"})),
        ("archivia il progetto Website", ("update_project", "Website", {"status": "archived"})),
        ("elimina il progetto Website", ("update_project", "Website", {"status": "archived"})),
        ("elimina definitivamente il progetto Website", ("delete_project", "Website", {})),
        ("quali traguardi ha il progetto Website?", ("list_checkpoints", "", {"project_id": PROJECT["id"]})),
        ("approva il traguardo Beta", ("update_checkpoint", "Beta", {"is_approved": True})),
        ("Neue Aufgabe Anna anrufen", ("create_task", "", {"title": "Anna anrufen"})),
        ("Neue Aufgabe Anruf bei Bob", ("create_task", "", {"title": "Anruf bei Bob"})),
        ("Neue Notiz Einkaufsliste: Milch", ("create_note", "", {"title": "Einkaufsliste", "content": "Milch"})),
        ("Neue Notiz Ein Tag am Meer", ("create_note", "", {"title": "Ein Tag am Meer"})),
        ("Erstelle ein Projekt Einzug", ("create_project", "", {"name": "Einzug"})),
        ("Lege eine Aufgabe an: Milch kaufen", ("create_task", "", {"title": "Milch kaufen"})),
        ("scrivi una nota Idee: verde", ("create_note", "", {"title": "Idee", "content": "verde"})),
        ("cosa dice la nota Idee?", ("get_note", "Idee", {})),
        ("non eliminare la nota Idee", ("", "non eliminare la nota Idee", {})),
        (
            "Erstelle eine Aufgabe, morgen Milch zu kaufen, hohe Priorität",
            ("create_task", "", {"title": "Milch kaufen", "due_date": TOMORROW, "priority": "high"}),
        ),
        ("Erinnere mich daran, Anna anzurufen", ("create_task", "", {"title": "Anna anrufen"})),
        ("Lege eine Aufgabe „Milch kaufen“ an", ("create_task", "", {"title": "Milch kaufen"})),
        ("Markiere Milch kaufen als erledigt", ("update_task", "Milch kaufen", {"status": "done"})),
        ("Hake Milch kaufen ab", ("update_task", "Milch kaufen", {"status": "done"})),
        ("Benenne Milch kaufen in Einkaufen um", ("update_task", "Milch kaufen", {"title": "Einkaufen"})),
        ("Verschiebe Milch kaufen auf Freitag", ("update_task", "Milch kaufen", {"due_date": "2026-11-27"})),
        ("Senke die Priorität von Milch kaufen", ("update_task", "Milch kaufen", {"priority": "low"})),
        ("Kannst du bitte Milch kaufen löschen?", ("delete_task", "Milch kaufen", {})),
        ("Was ist heute fällig?", ("list_tasks_due_today", "", {})),
        ("Zeig mir meine Aufgaben", ("list_tasks", "", {})),
        ("Kommentiere Milch kaufen: zwei Liter", ("add_task_comment", "Milch kaufen", {"content": "zwei Liter"})),
        ("Lege ein Projekt Garten an", ("create_project", "", {"name": "Garten"})),
        ("Projekt Website archivieren", ("update_project", "Website", {"status": "archived"})),
        ("Lösche das Projekt Website", ("update_project", "Website", {"status": "archived"})),
        ("Lösche das Projekt Website endgültig", ("delete_project", "Website", {})),
        ("Genehmige den Meilenstein Beta", ("update_checkpoint", "Beta", {"is_approved": True})),
        ("Schreib eine Notiz Ideen: grün", ("create_note", "", {"title": "Ideen", "content": "grün"})),
        ("Was steht in der Notiz Ideen?", ("get_note", "Ideen", {})),
        ("Lösche die Notiz Ideen nicht", ("", "Lösche die Notiz Ideen nicht", {})),
    ],
)
def test_one_intent(text: str, intent: tuple[str, str, dict[str, Any]]) -> None:
    assert read(text) == [intent]


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("oggi", "2026-11-22"),
        ("domani mattina", "2026-11-23"),
        ("dopodomani", "2026-11-24"),
        ("tra 3 giorni", "2026-11-25"),
        ("fra una settimana", "2026-11-29"),
        ("lunedì prossimo", "2026-11-23"),
        ("entro venerdi", "2026-11-27"),
        ("il 3 dicembre", "2026-12-03"),
        ("3/12/2027", "2027-12-03"),
        ("il 30", "2026-11-30"),
        ("fine mese", "2026-11-30"),
        ("la settimana prossima", "2026-11-29"),
        ("questo weekend", "2026-11-28"),
        ("il 31 febbraio", None),
        ("ogni tanto", None),
    ],
)
def test_italian_days(text: str, day: str | None) -> None:
    found = ITALIAN.days.find(text, TODAY)
    assert (found and found.day.isoformat()) == day


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("heute Abend", "2026-11-22"),
        ("morgen früh", "2026-11-23"),
        ("übermorgen", "2026-11-24"),
        ("in 3 Tagen", "2026-11-25"),
        ("in einer Woche", "2026-11-29"),
        ("nächsten Montag", "2026-11-23"),
        ("bis Freitag", "2026-11-27"),
        ("am 3. Dezember", "2026-12-03"),
        ("am 3.12.2027", "2027-12-03"),
        ("am 30.", "2026-11-30"),
        ("Ende des Monats", "2026-11-30"),
        ("nächste Woche", "2026-11-29"),
        ("am Wochenende", "2026-11-28"),
        ("am 31. Februar", None),
        ("jeden Morgen", None),
        ("manchmal", None),
    ],
)
def test_german_days(text: str, day: str | None) -> None:
    found = GERMAN.days.find(text, TODAY)
    assert (found and found.day.isoformat()) == day


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("create a task 'comprare il latte'", "en"),
        ("crea un'attività “buy milk”", "it"),
        ("Erstelle eine Aufgabe „buy milk“", "de"),
        ("archivialo", "it"),
        ("12345", "en"),
    ],
)
def test_the_language_is_that_of_the_request_and_not_of_a_title(text: str, code: str) -> None:
    assert language_of(text).code == code


@pytest.mark.parametrize(
    ("agent", "query", "said"),
    [
        (
            "task_agent",
            "ricordami di nuotare domani",
            "Ho creato l'attività “Nuotare”, scadenza domani (lunedì 23 novembre).",
        ),
        ("note_agent", "elimina la nota Pasta", "Ho eliminato la nota “Pasta”."),
        (
            "project_agent",
            "elimina il progetto Giardino",
            "Non ho trovato nessun progetto chiamato “Giardino”. Quale progetto intendi?",
        ),
        (
            "task_agent",
            "Erinnere mich morgen daran, zu schwimmen",
            "Ich habe die Aufgabe „Schwimmen“ angelegt, fällig morgen (Montag, 23. November).",
        ),
        ("checkpoint_agent", "Genehmige den Meilenstein Launch", "Ich habe “Launch” bestätigt."),
        ("note_agent", "Welche Notizen gibt es?", "Ich habe 2 Notizen gefunden:\n- Kick-off minutes\n- Pasta"),
    ],
)
async def test_answers_in_the_users_language(agent: str, query: str, said: str) -> None:
    assert (await turn_with(agent, query)).text == said


def test_the_answers_of_all_languages_fit_one_another() -> None:
    def fields(template: str) -> set[str]:
        return {name for _, name, _, _ in Formatter().parse(template) if name}

    for language in LANGUAGES:
        assert language.answers.keys() == ENGLISH.answers.keys()
        for key, template in language.answers.items():
            assert fields(template) == fields(ENGLISH.answers[key]), (language.code, key)
        assert len(language.answers["weekdays"].split()) == 7
        assert len(language.answers["months"].split()) == 12


_TEXT = """
crea un' attività per domani segna come fatto elimina il progetto nota : e di la priorità alta tutte erstelle eine
Aufgabe bis morgen und füge hinzu Kommentar zu lösche das Projekt nicht um auf : am 3. Dezember Notiz erinnern
"""


@given(st.lists(st.sampled_from(_TEXT.split()), max_size=30).map(" ".join))
def test_any_shuffle_of_their_words_is_understood_somehow(text: str) -> None:
    for intent in understand(text, TODAY, [PROJECT]):
        assert intent.fields.get("title", "x").strip()


@pytest.mark.parametrize(
    "text",
    [
        "crea un'attività per " + "il la di " * 440,
        "aggiungi " + "al progetto " * 330,
        "sposta " + "a il di " * 440,
        "che cosa " + "oggi devo fare " * 260,
        "nota " + "che " * 990,
        "erstelle eine Aufgabe " + "zu für bis " * 350,
        "füge " + "zu der Notiz " * 300,
        "verschiebe " + "auf um am " * 390,
        "was " + "heute fällig " * 300,
        "lege " + "an hinzu ein " * 300,
        "lösche " + "die der das " * 330,
        "im Projekt " * 360,
        "am 3. " * 660,
    ],
)
def test_no_text_takes_long(text: str) -> None:
    started = time.process_time()
    understand(text, TODAY, [PROJECT])
    assert time.process_time() - started < 0.5
