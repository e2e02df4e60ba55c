"""What the pages behind mailed links say, in each language of mails."""

from collections.abc import Mapping
from typing import Final

from adiuva.locales import Locale

Texts = Mapping[str, str]

ENGLISH: Final = {
    "open_app": "Open in the app",
    "verify_title": "Confirm your address",
    "verify_text": "Confirm that this is the address of your Adiuva account.",
    "verify_button": "Confirm the address",
    "verify_done_title": "Address confirmed",
    "verify_done_text": "You can close this page and go back to Adiuva.",
    "change_title": "Use this address",
    "change_text": "From then on you log in to Adiuva with this address, and mails go there.",
    "change_button": "Use the new address",
    "change_done_title": "Address changed",
    "change_done_text": "Log in with the new address from now on. You can close this page and go back to Adiuva.",
    "undo_title": "Was this not you?",
    "undo_text": "Your account keeps this address, or gets it back. If the address was changed already, every device "
    "is logged out and we send you a mail to set a new password.",
    "undo_button": "Keep this address",
    "undo_done_title": "This is your address again",
    "undo_done_text": "Whoever asked for the change may know your password. Set a new one now: a mail is on its way if "
    "the address had been changed; otherwise change it in the app.",
    "reset_title": "Set a new password",
    "reset_text": "Every device is logged out. What you have stored stays.",
    "reset_label": "New password",
    "reset_hint": "At least 8 characters, not digits alone, and nothing that is easy to guess.",
    "reset_error": "This password is too short, too common, digits alone, or too much like your address. Choose "
    "another.",
    "reset_button": "Set the password",
    "reset_done_title": "Password changed",
    "reset_done_text": "Log in to the app with it. If you use a second factor, the app asks for it.",
    "sign_on_title": "Sign in with your organisation",
    "sign_on_text": "This account has no password: your organisation asks you to sign in with its provider. Open the "
    "app and sign in there.",
    "app_title": "Open the app",
    "app_text": "The password of this account also protects the key to your data, which only the app can renew. Open "
    "the link in the app, on any device.",
    "invitation_title": "You are invited",
    "invitation_text": "Accept the invitation in the app. If you do not have an account yet, you can create one there.",
    "invitation_gone_title": "This invitation no longer works",
    "invitation_gone_text": "It was used already, has expired, or was withdrawn. Ask whoever invited you for another.",
    "gone_title": "This link no longer works",
    "gone_text": "It was used already, has expired, or was replaced by a newer one. Ask for another in the app.",
    "incomplete_title": "This link is not complete",
    "incomplete_text": "Open it from the mail again, or copy all of it.",
    "taken_title": "That did not work",
    "taken_text": "Another account has this address by now. Ask for a change to another one in the app.",
    "foreign_title": "Not from here",
    "foreign_text": "Open the link in this browser and try again.",
    "busy_title": "Too many tries",
    "busy_text": "Wait a minute, then open the link again.",
}
GERMAN: Final = {
    "open_app": "In der App öffnen",
    "verify_title": "Adresse bestätigen",
    "verify_text": "Bestätigen Sie, dass dies die Adresse Ihres Adiuva-Kontos ist.",
    "verify_button": "Adresse bestätigen",
    "verify_done_title": "Adresse bestätigt",
    "verify_done_text": "Sie können diese Seite schließen und zu Adiuva zurückkehren.",
    "change_title": "Diese Adresse verwenden",
    "change_text": "Danach melden Sie sich mit dieser Adresse bei Adiuva an, und E-Mails gehen dorthin.",
    "change_button": "Neue Adresse verwenden",
    "change_done_title": "Adresse geändert",
    "change_done_text": "Melden Sie sich ab jetzt mit der neuen Adresse an. Sie können diese Seite schließen und zu "
    "Adiuva zurückkehren.",
    "undo_title": "Waren das nicht Sie?",
    "undo_text": "Ihr Konto behält diese Adresse oder bekommt sie zurück. Wurde die Adresse schon geändert, werden "
    "alle Geräte abgemeldet, und Sie bekommen eine E-Mail, um ein neues Passwort zu setzen.",
    "undo_button": "Diese Adresse behalten",
    "undo_done_title": "Dies ist wieder Ihre Adresse",
    "undo_done_text": "Wer die Änderung wollte, kennt vielleicht Ihr Passwort. Setzen Sie jetzt ein neues: Wurde die "
    "Adresse schon geändert, ist eine E-Mail dafür unterwegs; sonst ändern Sie es in der App.",
    "reset_title": "Neues Passwort setzen",
    "reset_text": "Alle Geräte werden abgemeldet. Was Sie gespeichert haben, bleibt.",
    "reset_label": "Neues Passwort",
    "reset_hint": "Mindestens 8 Zeichen, nicht nur Ziffern und nichts, was leicht zu erraten ist.",
    "reset_error": "Dieses Passwort ist zu kurz, zu verbreitet, besteht nur aus Ziffern oder ähnelt Ihrer Adresse. "
    "Wählen Sie ein anderes.",
    "reset_button": "Passwort setzen",
    "reset_done_title": "Passwort geändert",
    "reset_done_text": "Melden Sie sich damit in der App an. Wenn Sie einen zweiten Faktor verwenden, fragt die App "
    "danach.",
    "sign_on_title": "Melden Sie sich bei Ihrer Organisation an",
    "sign_on_text": "Dieses Konto hat kein Passwort: Ihre Organisation möchte, dass Sie sich bei ihrem Anbieter "
    "anmelden. Öffnen Sie die App und melden Sie sich dort an.",
    "app_title": "Öffnen Sie die App",
    "app_text": "Das Passwort dieses Kontos schützt auch den Schlüssel zu Ihren Daten, den nur die App erneuern kann. "
    "Öffnen Sie den Link in der App, auf einem beliebigen Gerät.",
    "invitation_title": "Sie sind eingeladen",
    "invitation_text": "Nehmen Sie die Einladung in der App an. Wenn Sie noch kein Konto haben, können Sie es dort "
    "anlegen.",
    "invitation_gone_title": "Diese Einladung gilt nicht mehr",
    "invitation_gone_text": "Sie wurde schon angenommen, ist abgelaufen oder wurde zurückgezogen. Bitten Sie die "
    "Person, die Sie eingeladen hat, um eine neue.",
    "gone_title": "Dieser Link gilt nicht mehr",
    "gone_text": "Er wurde schon benutzt, ist abgelaufen oder durch einen neueren ersetzt. Fordern Sie in der App "
    "einen neuen an.",
    "incomplete_title": "Dieser Link ist unvollständig",
    "incomplete_text": "Öffnen Sie ihn noch einmal aus der E-Mail, oder kopieren Sie ihn ganz.",
    "taken_title": "Das ging nicht",
    "taken_text": "Diese Adresse hat inzwischen ein anderes Konto. Wählen Sie in der App eine andere.",
    "foreign_title": "Nicht von hier",
    "foreign_text": "Öffnen Sie den Link in diesem Browser und versuchen Sie es noch einmal.",
    "busy_title": "Zu viele Versuche",
    "busy_text": "Warten Sie eine Minute und öffnen Sie den Link dann noch einmal.",
}
ITALIAN: Final = {
    "open_app": "Apri nell’app",
    "verify_title": "Confermi il Suo indirizzo",
    "verify_text": "Confermi che questo è l’indirizzo del Suo account Adiuva.",
    "verify_button": "Conferma l’indirizzo",
    "verify_done_title": "Indirizzo confermato",
    "verify_done_text": "Può chiudere questa pagina e tornare ad Adiuva.",
    "change_title": "Confermi il nuovo indirizzo",
    "change_text": "Da quel momento accederà ad Adiuva con questo indirizzo e vi riceverà le e-mail.",
    "change_button": "Usa il nuovo indirizzo",
    "change_done_title": "Indirizzo cambiato",
    "change_done_text": "D’ora in poi acceda con il nuovo indirizzo. Può chiudere questa pagina e tornare ad Adiuva.",
    "undo_title": "Non è stato Lei?",
    "undo_text": "Il Suo account mantiene questo indirizzo, oppure lo riottiene. Se l’indirizzo è già stato cambiato, "
    "tutti i dispositivi vengono disconnessi e Le inviamo un’e-mail per impostare una nuova password.",
    "undo_button": "Mantieni questo indirizzo",
    "undo_done_title": "Questo è di nuovo il Suo indirizzo",
    "undo_done_text": "Chi ha chiesto la modifica potrebbe conoscere la Sua password. Ne imposti subito una nuova: se "
    "l’indirizzo era già stato cambiato, un’e-mail è in arrivo; altrimenti la cambi nell’app.",
    "reset_title": "Imposti una nuova password",
    "reset_text": "Tutti i dispositivi vengono disconnessi. Ciò che ha salvato rimane.",
    "reset_label": "Nuova password",
    "reset_hint": "Almeno 8 caratteri, non solo cifre e niente di facile da indovinare.",
    "reset_error": "Questa password è troppo corta, troppo comune, fatta solo di cifre o troppo simile al Suo "
    "indirizzo. Ne scelga un’altra.",
    "reset_button": "Imposta la password",
    "reset_done_title": "Password cambiata",
    "reset_done_text": "La usi per accedere all’app. Se ha un secondo fattore, l’app glielo chiederà.",
    "sign_on_title": "Acceda con la Sua organizzazione",
    "sign_on_text": "Questo account non ha una password: la Sua organizzazione chiede di accedere con il proprio "
    "provider. Apra l’app e acceda da lì.",
    "app_title": "Apra l’app",
    "app_text": "La password di questo account protegge anche la chiave dei Suoi dati, che solo l’app può rinnovare. "
    "Apra il link nell’app, su qualsiasi dispositivo.",
    "invitation_title": "Ha ricevuto un invito",
    "invitation_text": "Accetti l’invito nell’app. Se non ha ancora un account, può crearne uno lì.",
    "invitation_gone_title": "Questo invito non è più valido",
    "invitation_gone_text": "È già stato accettato, è scaduto o è stato ritirato. Ne chieda uno nuovo a chi gliel’ha "
    "mandato.",
    "gone_title": "Questo link non è più valido",
    "gone_text": "È già stato usato, è scaduto o è stato sostituito da uno più recente. Ne richieda un altro nell’app.",
    "incomplete_title": "Questo link è incompleto",
    "incomplete_text": "Lo apra di nuovo dall’e-mail, oppure lo copi per intero.",
    "taken_title": "Non ha funzionato",
    "taken_text": "Nel frattempo un altro account usa questo indirizzo. Ne scelga un altro nell’app.",
    "foreign_title": "Non da qui",
    "foreign_text": "Apra il link in questo browser e riprovi.",
    "busy_title": "Troppi tentativi",
    "busy_text": "Aspetti un minuto, poi apra di nuovo il link.",
}
TEXTS: Final[Mapping[Locale, Texts]] = {
    Locale.ENGLISH: ENGLISH,
    Locale.GERMAN: GERMAN,
    Locale.ITALIAN: ITALIAN,
}
