"""What ``/account/passkey`` says, by language. The names of ``errors`` are those that ``accounts/passkey.js`` shows."""

from dataclasses import dataclass

from adiuva.locales import Locale


@dataclass(frozen=True, slots=True)
class Texts:
    login_title: str
    login_text: str
    login_button: str
    login_done: str
    back_to_app: str
    register_title: str
    register_text: str
    register_button: str
    register_done: str
    account: str
    waiting: str
    incomplete_title: str
    incomplete_text: str
    no_script: str
    errors: dict[str, str]


ENGLISH = Texts(
    login_title="Log in with a passkey",
    login_text="Adiuva on this computer asks you to log in. If you have not just started that, close this page.",
    login_button="Use my passkey",
    login_done="You are logged in. Go back to Adiuva; you can close this page.",
    back_to_app="Back to Adiuva",
    register_title="Add a passkey",
    register_text="With a passkey you log in by fingerprint, face, PIN or security key, without your password.",
    register_button="Add a passkey",
    register_done="Your passkey has been added. Go back to Adiuva; you can close this page.",
    account="Account",
    waiting="Your browser is asking for your passkey …",
    incomplete_title="This link is incomplete",
    incomplete_text="Go back to Adiuva and start again from there.",
    no_script="This page needs JavaScript: browsers give passkeys to scripts only.",
    errors={
        "cancelled": "Nothing was chosen: you cancelled, it took too long, or there is no passkey for Adiuva here. "
        "Try again, or log in with your password in the app.",
        "unmade": "No passkey was made: you cancelled, or it took too long. Try again.",
        "unsupported": "This browser cannot use passkeys here. Try another one.",
        "refused": "This passkey does not open an account. It may have been removed, your device did not check that it "
        "is you, or it took too long.",
        "exists": "This device has a passkey for this account already.",
        "expired": "This link has expired or was used already. Go back to Adiuva and start again from there.",
        "full": "This account has as many second factors as it may have. Remove one in Adiuva first.",
        "limited": "Too many attempts. Wait a minute, then try again.",
        "failed": "That did not work. Check your connection and try again.",
    },
)

GERMAN = Texts(
    login_title="Mit Passkey anmelden",
    login_text="Adiuva auf diesem Computer bittet Sie, sich anzumelden. Haben Sie das nicht gerade selbst gestartet, "
    "dann schließen Sie diese Seite.",
    login_button="Meinen Passkey verwenden",
    login_done="Sie sind angemeldet. Kehren Sie zu Adiuva zurück; diese Seite können Sie schließen.",
    back_to_app="Zurück zu Adiuva",
    register_title="Passkey hinzufügen",
    register_text="Mit einem Passkey melden Sie sich per Fingerabdruck, Gesicht, PIN oder Sicherheitsschlüssel an, "
    "ohne Ihr Passwort.",
    register_button="Passkey hinzufügen",
    register_done="Ihr Passkey ist hinzugefügt. Kehren Sie zu Adiuva zurück; diese Seite können Sie schließen.",
    account="Konto",
    waiting="Ihr Browser fragt nach Ihrem Passkey …",
    incomplete_title="Dieser Link ist unvollständig",
    incomplete_text="Kehren Sie zu Adiuva zurück und beginnen Sie dort noch einmal.",
    no_script="Diese Seite braucht JavaScript: Browser geben Passkeys nur an Skripte.",
    errors={
        "cancelled": "Es wurde nichts ausgewählt: Sie haben abgebrochen, es hat zu lange gedauert, oder hier gibt es "
        "keinen Passkey für Adiuva. Versuchen Sie es noch einmal, oder melden Sie sich in der App mit Ihrem "
        "Passwort an.",
        "unmade": "Es wurde kein Passkey erstellt: Sie haben abgebrochen, oder es hat zu lange gedauert. Versuchen Sie "
        "es noch einmal.",
        "unsupported": "Dieser Browser kann hier keine Passkeys verwenden. Versuchen Sie es mit einem anderen.",
        "refused": "Dieser Passkey öffnet kein Konto. Vielleicht wurde er entfernt, Ihr Gerät hat nicht geprüft, "
        "dass Sie es sind, oder es hat zu lange gedauert.",
        "exists": "Dieses Gerät hat schon einen Passkey für dieses Konto.",
        "expired": "Dieser Link ist abgelaufen oder wurde schon verwendet. Kehren Sie zu Adiuva zurück und beginnen "
        "Sie dort noch einmal.",
        "full": "Dieses Konto hat so viele zweite Faktoren, wie es haben darf. Entfernen Sie zuerst einen in Adiuva.",
        "limited": "Zu viele Versuche. Warten Sie eine Minute und versuchen Sie es dann noch einmal.",
        "failed": "Das hat nicht geklappt. Prüfen Sie Ihre Verbindung und versuchen Sie es noch einmal.",
    },
)

ITALIAN = Texts(
    login_title="Accesso con una passkey",
    login_text="Adiuva su questo computer Le chiede di accedere. Se non è stato Lei ad avviare l’accesso, chiuda "
    "questa pagina.",
    login_button="Usa la mia passkey",
    login_done="Accesso effettuato. Torni ad Adiuva; può chiudere questa pagina.",
    back_to_app="Torna ad Adiuva",
    register_title="Aggiungere una passkey",
    register_text="Con una passkey accede con impronta, volto, PIN o chiave di sicurezza, senza password.",
    register_button="Aggiungi una passkey",
    register_done="La passkey è stata aggiunta. Torni ad Adiuva; può chiudere questa pagina.",
    account="Account",
    waiting="Il browser sta chiedendo la Sua passkey …",
    incomplete_title="Questo link è incompleto",
    incomplete_text="Torni ad Adiuva e ricominci da lì.",
    no_script="Questa pagina richiede JavaScript: i browser danno le passkey solo agli script.",
    errors={
        "cancelled": "Non è stato scelto nulla: ha annullato, è passato troppo tempo o qui non ci sono passkey per "
        "Adiuva. Riprovi, oppure acceda con la password nell’app.",
        "unmade": "Nessuna passkey è stata creata: ha annullato o è passato troppo tempo. Riprovi.",
        "unsupported": "Questo browser non può usare le passkey qui. Ne provi un altro.",
        "refused": "Questa passkey non apre nessun account. Forse è stata rimossa, il dispositivo non ha verificato "
        "che è Lei o è passato troppo tempo.",
        "exists": "Questo dispositivo ha già una passkey per questo account.",
        "expired": "Questo link è scaduto o è già stato usato. Torni ad Adiuva e ricominci da lì.",
        "full": "Questo account ha già il numero massimo di secondi fattori. Prima ne rimuova uno in Adiuva.",
        "limited": "Troppi tentativi. Aspetti un minuto, poi riprovi.",
        "failed": "Non ha funzionato. Controlli la connessione e riprovi.",
    },
)

BY_LOCALE = {Locale.ENGLISH: ENGLISH, Locale.GERMAN: GERMAN, Locale.ITALIAN: ITALIAN}
