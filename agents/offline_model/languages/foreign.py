"""Languages that the offline model tells apart, to say so in them, but does not understand."""

from collections.abc import Mapping
from dataclasses import dataclass

from agents.offline_model.languages.dates import split_words
from agents.offline_model.languages.language import weigh_words


@dataclass(frozen=True, slots=True)
class Foreign:
    marks: frozenset[str]
    answer: str


FOREIGN: Mapping[str, Foreign] = {
    "fr": Foreign(
        frozenset(
            split_words(
                "ajoute ajouter au aujourd'hui aux avec bonjour ce cette combien comme comment crée cree créer dans "
                "de demain des du efface effacer en est et fait faire faut il je la le les ma marque marquer merci mes "
                "mois moi mon montre ne nouvelle nouveau où par pas peux pour pouvez pourquoi projet projets que "
                "quel quelle quelles quels qu' qu'est qui rappelle salut semaine sont supprime supprimer sur tâche "
                "taches tâches terminée terminées toutes tous tout tu un une vous"
            )
        ),
        "Je suis l’assistant hors ligne intégré et je ne comprends que des demandes simples en anglais, en allemand "
        "et en italien. Je n’ai rien changé. En anglais, par exemple : “create a task to buy milk tomorrow”, “what "
        "is due today?” ou “mark buy milk as done”.",
    ),
    "es": Foreign(
        frozenset(
            split_words(
                "agrega ahora al añade archiva borra borrar buenas buenos cambia como cómo con crea crear cuál "
                "cuáles cuántas cuántos cuando de del días el elimina eliminar en es esta este gracias haz hay hecha "
                "hechas hecho hola hoy la las lista los mañana marca marcar me mi mis mueve muéstrame muestra "
                "muestrame necesito nota notas nueva nuevo para pendientes por proyecto proyectos puedes que qué "
                "quiero recuérdame semana son tarea tareas tengo toda todas todo todos una un y"
            )
        ),
        "Soy el asistente integrado sin conexión y solo entiendo peticiones sencillas en inglés, alemán e italiano. "
        "No he cambiado nada. En inglés, por ejemplo: “create a task to buy milk tomorrow”, “what is due today?” o "
        "“mark buy milk "
        "as done”.",
    ),
    "pt": Foreign(
        frozenset(
            split_words(
                "adicione ainda amanhã apaga apague até bom como concluída concluídas criar crie cria da das de dia "
                "dos em eu exclua feita feitas fazer hoje isso marcar marque meu meus minha minhas mostra mostre "
                "mover não notas nova novo o obrigado olá os para pode por projeto projetos quais qual quando que "
                "quero são tarefa tarefas tenho toda todas todo todos um uma você"
            )
        ),
        "Sou o assistente integrado sem ligação e só entendo pedidos simples em inglês, alemão e italiano. Não "
        "alterei nada. Em inglês, por exemplo: “create a task to buy milk tomorrow”, “what is due today?” ou “mark "
        "buy milk as "
        "done”.",
    ),
    "nl": Foreign(
        frozenset(
            split_words(
                "aan alle bedankt dag dank de een ga goedemorgen hallo het hoe ik is jij kun kunt laat maak maken met "
                "mijn moet morgen niet nieuwe nieuw notitie notities op project projecten taak taken toe toon vandaag "
                "verplaats verwijder voeg voor wanneer wat welke wie wijzig wis zet zien"
            )
        ),
        "Ik ben de ingebouwde offline-assistent en begrijp alleen eenvoudige verzoeken in het Engels, Duits en "
        "Italiaans. Ik heb niets gewijzigd. In het Engels bijvoorbeeld: “create a task to buy milk tomorrow”, “what "
        "is due today?” of “mark buy milk as done”.",
    ),
}


def weigh_foreign(text: str) -> tuple[int, str]:
    """How much ``text`` looks like one of these, and what to answer in it."""
    return max((weigh_words(text, language.marks), language.answer) for language in FOREIGN.values())
