"""German for what a batch does, and with which records."""

import re

from agents.offline_model.building.words.german.when import COUNT, NUMBERS
from agents.offline_model.building.words.vocabulary import DeedWords, RecordWords, all_anywhere, anywhere, whole
from agents.offline_model.clauses import QUOTE
from agents.offline_model.languages.dates import alternatives
from agents.offline_model.languages.german import PRIORITIES, STATUSES

_TARGET = r"(?P<target>.+?)"
_OF = r"(?:von |aller |der |des |für |bei )?"
_PRIO = r"(?:Priorität|Prio)"
_LEVEL = rf"(?P<priority>{alternatives(PRIORITIES)})"
_STATUS = rf"(?P<status>{alternatives(STATUSES)})"
_SHIFT = r"(?P<shift>(?:\d{1,3}|ein|eine[nrm]?|zwei|drei|vier|fünf|sechs|sieben|zehn) (?:Tage?|Wochen?|Monate?))"
_HOW = r"(?P<how>(?: (?:nach|anhand|je nach|aufgrund|sodass|damit) .+)?)"
_SAYING = rf"(?: ?(?::|,? ?(?:mit (?:dem )?Text|der (?:sagt|fragt))\b:?)? ?(?P<text>{QUOTE}|.+?))?"
_DOCUMENT = (
    r"(?:\w+ ){0,2}?\w*(?:notiz|bericht|zusammenfassung|überblick|übersicht|rückblick|wochenplan|tagesplan|plan"
    r"|liste|tagebucheintrag|protokoll)"
)
_DEEDS = (
    ("consider", rf"(?:gehe?|schaue?|sieh) {_TARGET} (?:durch|an)"),
    ("consider", rf"(?:nimm|suche?|finde|wähle?) {_TARGET}(?: heraus| aus)?"),
    ("comment", rf"füge? {_TARGET} (?:einen |den |diesen )?(?:kurzen )?Kommentar{_SAYING} hinzu"),
    ("comment", rf"(?:schreibe?|setze?) (?:zu |an |unter )?{_TARGET} (?:einen |den )?(?:kurzen )?Kommentar{_SAYING}"),
    ("comment", rf"füge? (?:einen |den |diesen )?(?:kurzen )?Kommentar{_SAYING} hinzu"),
    ("comment", rf"(?:schreibe?|setze?|ergänze?) (?:einen |den )?(?:kurzen )?Kommentar{_SAYING}(?: dazu)?"),
    ("comment", rf"kommentiere? {_TARGET}(?:(?: mit|:) ?(?P<text>.+))?"),
    (
        "tag",
        (
            rf"(?:tagge|versieh|kennzeichne|markiere) {_TARGET} mit (?:dem )?(?:Tag|Schlagwort|Label"
            r"|Etikett) (?P<value>.+)"
        ),
    ),
    ("priority", rf"(?:setze?|ändere?|stelle?) (?:die )?{_PRIO} {_OF}{_TARGET} auf {_LEVEL}(?: {_PRIO})?"),
    ("priority", rf"(?:setze?|ändere?|stelle?) (?P<target>ihre|seine|deren|die) {_PRIO} auf {_LEVEL}"),
    ("priority", rf"(?:markiere?|setze?|stufe?|kennzeichne?) {_TARGET} (?:als|auf|mit) {_LEVEL}(?: {_PRIO})?(?: ein)?"),
    ("raise", rf"erhöhe? (?:die )?{_PRIO} {_OF}{_TARGET}(?: um eine Stufe)?"),
    ("lower", rf"senke? (?:die )?{_PRIO} {_OF}{_TARGET}(?: um eine Stufe)?"),
    ("extract", rf"(?:mache?|erstelle?) (?:die )?Aufgaben aus {_TARGET}"),
    ("priority", rf"gib {_TARGET} (?:eine )?{_LEVEL} {_PRIO}"),
    ("prioritise", rf"priorisiere? {_TARGET}(?: neu)?{_HOW}"),
    ("prioritise", rf"{_TARGET}{_HOW} (?:neu )?priorisier(?:en|st)"),
    (
        "prioritise",
        rf"(?:gib|weise?) {_TARGET} (?:eine |die )?(?:passende |richtige |sinnvolle )?{_PRIO}(?: zu)?{_HOW}",
    ),
    (
        "prioritise",
        (
            r"(?:prüfe?|überprüfe?|bestimme?|setze?|vergib|aktualisiere?) (?:die |ihre |eine )?"
            rf"{_PRIO}(?:en)? {_OF}{_TARGET}{_HOW}"
        ),
    ),
    ("prioritise", rf"(?:prüfe?|überprüfe?|bestimme?|setze?|aktualisiere?) (?P<target>ihre|seine|die) {_PRIO}"),
    ("prioritise", rf"(?:bestimme?|setze?|vergib) (?:eine )?{_PRIO}(?:en)?"),
    ("status", rf"(?:markiere?|setze?|kennzeichne?|stelle?) {_TARGET} (?:als|auf) {_STATUS}"),
    ("done", rf"(?:erledige?|schließe?|beende?|hake?) {_TARGET}(?: ab)?"),
    ("reopen", rf"öffne {_TARGET} (?:wieder|erneut)"),
    ("approve", rf"(?:genehmige?|bestätige?) {_TARGET}"),
    ("approve", rf"{_TARGET} (?:genehmigen|bestätigen)"),
    ("no due", rf"(?:entferne?|lösche?) (?:die )?(?:Fälligkeit|Frist|Fälligkeitsdatum)(?:en)? {_OF}{_TARGET}"),
    ("shift", rf"(?:verschiebe?|schiebe?) (?:die Fälligkeit {_OF})?{_TARGET} um {_SHIFT}(?: nach hinten| weiter)?"),
    (
        "to day",
        (
            rf"(?:verschiebe?|setze?|lege?|schiebe?) (?:die Fälligkeit {_OF}"
            rf"|das Fälligkeitsdatum {_OF})?{_TARGET} auf (?P<day>(?:den )?(?:heute|morgen|übermorgen|(?:nächste"
            r"|kommende|diese)\w* .+|\w+tag|mittwoch))"
        ),
    ),
    (
        "to project",
        rf"(?:verschiebe?|lege?|schiebe?) {_TARGET} in(?:s| das) (?:Projekt )?(?P<project>.+)",
    ),
    ("archive", rf"archiviere? {_TARGET}"),
    ("archive", rf"{_TARGET} archivier(?:en|st)"),
    ("restore", rf"(?:reaktiviere?|stelle?) {_TARGET}(?: wieder her)?"),
    ("delete", rf"(?:lösche?|entferne?|wirf) {_TARGET}(?: weg| endgültig)?"),
    ("delete", rf"{_TARGET} (?:löschen|löschst|entfernen|entfernst)"),
    ("summarise each", r"fasse? (?P<target>jede[snr]? .+?) zusammen"),
    ("summarise", rf"fasse? {_TARGET}(?: in (?:einer|einem) (?:neuen |kurzen )?(?:Notiz|Bericht))? zusammen"),
    ("summarise", rf"{_TARGET} zusammenfassen"),
    (
        "write note",
        (
            r"(?:schreibe?|erstelle?|verfasse?|mache?|lege?) (?:mir )?(?:eine[nr]? |die |den "
            rf"|das )?(?:neue[n]? )?{_DOCUMENT}(?P<about>(?: (?:über|zu|zum|mit|von|aus|für|darüber) .+| darüber"
            r"| dazu|: ?.+|, .+)?)"
        ),
    ),
    (
        "write note",
        (
            rf"(?:eine[nr]? |die |den |das )?(?:neue[n]? )?{_DOCUMENT}(?P<about>(?: (?:über|zu|zum|mit|von"
            r"|aus) .+)?) schreiben"
        ),
    ),
    ("write note", r"plane (?:mir )?(?:meinen|meine|den|die) (?:Tag|Woche|Monat)(?P<about>.*)"),
    (
        "create task",
        (
            r"(?:erstelle?|lege?|füge?|mache?|trage?) (?:mir )?(?:eine )?(?:neue )?(?:Aufgabe"
            r"|Erinnerung)(?: an)?(?:,| zu)?:? ?(?P<title>.+)"
        ),
    ),
    ("create task", r"erinnere? mich (?:daran,? |an )?(?P<title>.+)"),
    ("create project", r"(?:erstelle?|lege?) (?:ein )?(?:neues )?Projekt:? ?(?P<title>.+)"),
    (
        "create checkpoint",
        (
            r"(?:erstelle?|lege?|schlage?) (?:einen )?(?:neuen )?(?:Meilenstein"
            r"|Checkpoint):? ?(?P<title>.+?)(?: im Projekt (?P<project>.+))?"
        ),
    ),
    ("tell", rf"(?:zeige?|liste?|nenne?|sage?) (?:mir )?{_TARGET}(?: auf)?"),
    (
        "rework",
        (
            r"(?P<verb>übersetze?|korrigiere?|überarbeite?|kürze?|verbessere?|formuliere?|bereinige?|kategorisiere?"
            rf"|schätze?|prüfe?|gliedere?|beschreibe?|aktualisiere?) {_TARGET}(?P<how>(?: (?:ins?|auf|nach|für|neu"
            r"|sodass) ?.*)?)"
        ),
    ),
)

WHAT = DeedWords(
    preface=anywhere(
        r"(?:^(?:ich (?:möchte|will|brauche|hätte gern)|(?:baue?|erstelle?|mache?|lege?)(?: mir)?)?,? ?(?:einen "
        r"|ein |eine )(?:neuen? )?(?:Ablauf|Automatik|Automatisierung|Routine|Stapel|Batch"
        r"|Regel)(?: namens (?P<name>\ue000\d+\ue001|\w+))?(?: an)?,? ?(?:der|die|das|um|und|:)?|^(?:ich (?:möchte"
        r"|will),? (?:dass du )?|du sollst|bitte|automatisch|hallo|hey|auch|dann|und|immer|kannst du|könntest du"
        r"|mal)\b)"
    ),
    verbs=anywhere(
        r"archiviere?|erhöhe?|senke?|beende?|bereinige?|bestätige?|bestimme?|entferne?|erinnere?|erledige?|ergänze?"
        r"|erstelle?|fasse?|finde|formuliere?|füge?|gehe?|genehmige?|gib|gliedere?|hake?|kategorisiere?"
        r"|kennzeichne?|kommentiere?|korrigiere?|kürze?|lege?|liste?|lösche?|mache?|markiere?|nenne?|nimm|öffne"
        r"|plane|priorisiere?|prüfe?|reaktiviere?|sage?|schätze?|schau|schicke?|schiebe?|schließe?|schreibe?|sende"
        r"|setze?|sieh|stelle?|stufe?|suche?|tagge|trage?|überarbeite?|überprüfe?|übersetze?|verbessere?|verfasse?"
        r"|verschiebe?|versieh|wähle?|weise?|zeige?|aktualisiere?|beschreibe?"
    ),
    joins=re.compile(r",? ?\b(?:und dann|und danach|und auch|und|danach|dann|anschließend)\b|,", re.IGNORECASE),
    deeds=whole(_DEEDS),
    pronoun=anywhere(
        r"sie|es|ihn|ihnen|ihm|ihr|ihre|seine|deren|die|das|diese[snrm]?|alle|jede[snrm]?|davon"
        r"|diese[snrm]? (?:Aufgaben?|Notiz(?:en)?|Projekte?|Meilensteine?)|die (?:Aufgabe|Notiz)|das Projekt"
        r"|den Meilenstein"
    ),
    it_at_an_end=anywhere(r"(?:sie|es|ihn)$"),
    beyond=anywhere(
        r"e-?mails?|mails?|sms|slack|whatsapp|telegram|webhooks?|https?\b\S*|kalender\w*|telefon\w*|anruf\w*|ruf"
        r"|rufe|google|wetter|nachrichten|börse\w*|aktien\w*|bestelle?|kaufe?|spiele?|musik|licht\w*|heizung"
        r"|drucke?|internet|überweise?"
    ),
)

_UNIT = r"(?P<unit>Tage|Tag|Wochen|Woche|Monate|Monat|Jahre|Jahr)n?"
_MAYBE_COUNT = rf"(?:(?P<count>\d{{1,3}}|{alternatives(NUMBERS)}) )?"
_SINCE = r"(?:mehr als |über |mindestens |länger als )?"

WHICH = RecordWords(
    ages=all_anywhere(
        (
            ("overdue", rf"(?:die )?(?:seit )?{_SINCE}{COUNT} {_UNIT} überfällig(?:e[nr]?)?(?: sind)?"),
            (
                "updated",
                (
                    rf"(?:die )?(?:ich )?(?:seit )?{_SINCE}{COUNT} {_UNIT} nicht (?:mehr )?(?:geändert|bearbeitet"
                    r"|angefasst|aktualisiert|verändert)(?:e[nr]?)?(?: wurden?| habe| worden sind)?"
                ),
            ),
            ("updated", rf"(?:die )?vor {_SINCE}{COUNT} {_UNIT} (?:geändert|bearbeitet)(?:e[nr]?)?(?: wurden?)?"),
            ("created", rf"(?:die )?(?:älter als|älter wie) {COUNT} {_UNIT}(?: sind)?"),
            (
                "created",
                rf"(?:die )?(?:vor )?{_SINCE}{COUNT} {_UNIT} (?:alt|erstellt|angelegt)(?:e[nr]?)?(?: sind| wurden?)?",
            ),
            (
                "ahead",
                (
                    r"(?:die )?(?:in den |innerhalb der |in |binnen |innerhalb von )(?:nächsten "
                    rf"|kommenden )?{COUNT} {_UNIT} fällig(?:e[nr]?)?(?: sind| werden)?"
                ),
            ),
            (
                "ahead",
                (
                    r"(?:die )?(?:in den|innerhalb der|der) (?:nächsten"
                    rf"|kommenden) {_MAYBE_COUNT}{_UNIT}(?: fällig(?: sind| werden)?)?"
                ),
            ),
            (
                "made",
                (
                    rf"(?:der|aus den|in den|von den) (?:letzten|vergangenen) {_MAYBE_COUNT}{_UNIT}(?: (?:erstellt"
                    r"|angelegt|geschrieben)(?:en)?(?: wurden?)?)?"
                ),
            ),
        )
    ),
    vague_age=anywhere(r"alte?n?|ältere?n?|älteste?n?|veraltete?n?"),
    recent=anywhere(r"neue?[nrs]?|neuere?n?|neueste?n?"),
    empty=all_anywhere(
        (
            ("description", r"ohne (?:eine )?Beschreibung|die keine Beschreibung haben"),
            ("content", r"leere?[nr]?|ohne (?:Text|Inhalt)"),
        )
    ),
    what=anywhere(r"was(?= (?:heute|morgen|diese|fällig|überfällig))|(?:das,? )?was (?:ich|wir)|alles,? was ich"),
)
