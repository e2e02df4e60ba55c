"""German, formal."""

from adiuva.mail.texts.shapes import Language, Text

GERMAN = Language(
    code="de",
    greeting="Guten Tag!",
    link_below="Falls die Schaltfläche nicht funktioniert, kopieren Sie diesen Link in Ihren Browser:",
    app_link="Oder in der Adiuva-App:",
    footer="Diese Nachricht wurde automatisch von Adiuva unter {host} versandt. Antworten darauf werden nicht gelesen.",
    never="Wir fragen niemals per E-Mail nach Ihrem Passwort, einem Code oder Ihrer Wiederherstellungsphrase.",
    months=(
        *("Januar", "Februar", "März", "April", "Mai", "Juni", "Juli", "August", "September", "Oktober"),
        *("November", "Dezember"),
    ),
    moment="{day}. {month} {year}, {clock} Uhr (UTC)",
    decimal=",",
    thousands=".",
    is_currency_first=False,
    words={"totp": "Authenticator-App", "passkey": "Passkey"},
    texts={
        "verification": Text(
            subject="Bestätigen Sie Ihre E-Mail-Adresse",
            title="Bestätigen Sie Ihre E-Mail-Adresse",
            paragraphs=(
                "Bitte bestätigen Sie, dass diese Adresse Ihnen gehört. Über sie kommen Sie wieder in Ihr Konto, falls"
                " Sie einmal Ihr Passwort vergessen.",
            ),
            button="Adresse bestätigen",
            after=(
                "Der Link ist drei Tage lang gültig und funktioniert einmal.",
                "Sie haben sich nicht bei Adiuva registriert? Dann hat sich vermutlich jemand bei der eigenen Adresse"
                " vertippt, und Sie können diese Nachricht ignorieren.",
            ),
        ),
        "password_reset": Text(
            subject="Setzen Sie Ihr Passwort zurück",
            title="Wählen Sie ein neues Passwort",
            paragraphs=(
                "Jemand, hoffentlich Sie, möchte das Passwort des Adiuva-Kontos mit dieser Adresse zurücksetzen.",
                "Ihre verschlüsselten Daten bleiben erhalten. Um sie mit dem neuen Passwort zu lesen, benötigen Sie"
                " Ihre Wiederherstellungsphrase oder ein Gerät, das sie noch öffnen kann.",
            ),
            button="Passwort zurücksetzen",
            after=(
                "Der Link ist 30 Minuten lang gültig und funktioniert einmal. Mit dem Wechsel des Passworts werden alle"
                " Ihre Geräte abgemeldet.",
                "Das waren nicht Sie? Dann ignorieren Sie diese Nachricht: Nichts ändert sich, und Ihr Passwort bleibt,"
                " wie es ist.",
            ),
        ),
        "email_change": Text(
            subject="Bestätigen Sie Ihre neue E-Mail-Adresse",
            title="Bestätigen Sie Ihre neue Adresse",
            paragraphs=(
                "Ihr Adiuva-Konto soll künftig diese E-Mail-Adresse verwenden. Die Änderung gilt, sobald Sie sie"
                " bestätigt haben.",
            ),
            rows=(("Neue Adresse", "{new_email}"),),
            button="Neue Adresse bestätigen",
            after=(
                "Der Link ist drei Tage lang gültig und funktioniert einmal.",
                "Sie haben das nicht veranlasst? Dann ignorieren Sie diese Nachricht, und die Adresse wird nicht"
                " verwendet.",
            ),
        ),
        "email_change_notice": Text(
            subject="Die E-Mail-Adresse Ihres Kontos wird geändert",
            title="Ihre E-Mail-Adresse wird geändert",
            paragraphs=(
                "Jemand, hoffentlich Sie, möchte die E-Mail-Adresse Ihres Adiuva-Kontos ändern. Wenn Sie es waren,"
                " brauchen Sie hier nichts weiter zu tun: Bestätigen Sie nur noch die neue Adresse.",
            ),
            rows=(("Alte Adresse", "{old_email}"), ("Neue Adresse", "{new_email}")),
            button="Alte Adresse behalten",
            after=(
                "Das waren nicht Sie? Dann halten Sie die Änderung mit dieser Schaltfläche auf. Das geht sieben Tage"
                " lang, auch wenn die neue Adresse schon bestätigt wurde. Setzen Sie danach Ihr Passwort zurück: Wer"
                " die Änderung veranlasst hat, kennt es.",
            ),
        ),
        "address_taken": Text(
            subject="Sie haben bereits ein Adiuva-Konto",
            title="Sie haben bereits ein Konto",
            paragraphs=(
                "Jemand, vielleicht Sie, wollte diese Adresse für ein Adiuva-Konto verwenden. Es gibt schon eines mit"
                " ihr, deshalb hat sich nichts geändert.",
                "Wenn Sie es waren, melden Sie sich mit dieser Adresse in der App an. Falls Sie Ihr Passwort vergessen"
                " haben, können Sie es dort zurücksetzen.",
            ),
            after=("Das waren nicht Sie? Dann brauchen Sie nichts zu tun.",),
        ),
        "password_changed": Text(
            subject="Ihr Passwort wurde geändert",
            title="Ihr Passwort wurde geändert",
            paragraphs=(
                "Das Passwort Ihres Adiuva-Kontos wurde geändert. Alle Geräte, die vorher angemeldet waren, wurden"
                " abgemeldet.",
            ),
            rows=(("Zeitpunkt", "{at}"),),
            after=(
                "Das waren nicht Sie? Dann hat jemand anderes Zugriff auf Ihr Konto. Setzen Sie umgehend Ihr Passwort"
                " zurück, und prüfen Sie in der App Ihre zweiten Faktoren und Geräte.",
            ),
        ),
        "factor_added": Text(
            subject="Ihrem Konto wurde ein zweiter Faktor hinzugefügt",
            title="Ein zweiter Faktor wurde hinzugefügt",
            paragraphs=(
                "Es gibt eine neue Möglichkeit, zu bestätigen, dass Sie es sind, wenn Sie sich bei Ihrem Adiuva-Konto"
                " anmelden.",
            ),
            rows=(("Art", "{factor}"), ("Name", "{name}"), ("Zeitpunkt", "{at}")),
            after=(
                "Das waren nicht Sie? Dann hat jemand anderes Zugriff auf Ihr Konto. Entfernen Sie diesen Faktor in der"
                " App, und ändern Sie umgehend Ihr Passwort.",
            ),
        ),
        "factor_removed": Text(
            subject="Ein zweiter Faktor wurde aus Ihrem Konto entfernt",
            title="Ein zweiter Faktor wurde entfernt",
            paragraphs=("Ein zweiter Faktor Ihres Adiuva-Kontos wurde entfernt und öffnet es nicht mehr.",),
            rows=(("Art", "{factor}"), ("Name", "{name}"), ("Zeitpunkt", "{at}")),
            after=(
                "Das waren nicht Sie? Dann hat jemand anderes Zugriff auf Ihr Konto. Ändern Sie umgehend Ihr Passwort,"
                " und richten Sie wieder einen zweiten Faktor ein.",
            ),
        ),
        "identity_linked": Text(
            subject="Ihr Konto wurde mit einer Organisation verknüpft",
            title="Ihr Konto wurde mit einer Organisation verknüpft",
            paragraphs=(
                "Ab jetzt öffnet der Anmeldedienst der Organisation „{organization}“ Ihr Adiuva-Konto, auch nachdem Sie"
                " Ihr Passwort geändert haben.",
            ),
            rows=(("Organisation", "{organization}"), ("Zeitpunkt", "{at}")),
            after=(
                "Das waren nicht Sie? Dann hat jemand anderes Zugriff auf Ihr Konto. Verlassen Sie die Organisation in"
                " der App, und ändern Sie umgehend Ihr Passwort.",
            ),
        ),
        "new_device": Text(
            subject="Neue Anmeldung bei Ihrem Konto",
            title="Neue Anmeldung bei Ihrem Konto",
            paragraphs=(
                "Jemand hat sich bei Ihrem Adiuva-Konto von einem Gerät aus angemeldet, das wir noch nicht kennen.",
            ),
            rows=(("Gerät", "{user_agent}"), ("IP-Adresse", "{ip}"), ("Zeitpunkt", "{at}")),
            after=(
                "Wenn Sie es waren, brauchen Sie nichts zu tun.",
                "Das waren nicht Sie? Dann ändern Sie umgehend Ihr Passwort, und melden Sie das Gerät in der App ab.",
            ),
        ),
        "payment_failed": Text(
            subject="Ihre Zahlung ist fehlgeschlagen",
            title="Ihre Zahlung ist fehlgeschlagen",
            paragraphs=("Wir konnten den Betrag für Ihr Adiuva-Abonnement nicht einziehen.",),
            rows=(("Tarif", "{tier}"), ("Betrag", "{amount}")),
            button="Jetzt bezahlen",
            after=("Bitte bezahlen Sie bald, oder ändern Sie Ihre Zahlungsmethode, damit Ihr Tarif erhalten bleibt.",),
        ),
        "subscription_ending": Text(
            subject="Ihr Abonnement endet",
            title="Ihr Abonnement endet",
            paragraphs=(
                "Ihr Adiuva-Abonnement wird nicht verlängert. Bis zu seinem Ende nutzen Sie alles wie bisher; danach"
                " läuft Ihr Konto im Tarif Free weiter.",
            ),
            rows=(("Tarif", "{tier}"), ("Endet am", "{at}")),
            after=("Wenn Sie Ihren Tarif behalten möchten, können Sie ihn bis dahin jederzeit in der App verlängern.",),
        ),
        "receipt": Text(
            subject="Ihr Zahlungsbeleg",
            title="Vielen Dank für Ihre Zahlung",
            paragraphs=("Wir haben Ihre Zahlung erhalten.",),
            rows=(("Betrag", "{amount}"),),
            button="Beleg ansehen",
            after=("Den Beleg stellt unser Zahlungsdienst Stripe bereit.",),
        ),
        "review_decision/approved": Text(
            subject="Ihr Plugin wurde freigegeben",
            title="Ihr Plugin wurde freigegeben",
            paragraphs=("Ihr Plugin hat die Prüfung bestanden, und diese Version ist nun im Marktplatz.",),
            rows=(("Plugin", "{plugin}"), ("Version", "{version}"), ("Anmerkung der Prüfung", "{reason}")),
        ),
        "review_decision/rejected": Text(
            subject="Ihr Plugin wurde nicht freigegeben",
            title="Ihr Plugin wurde nicht freigegeben",
            paragraphs=("Ihr Plugin wurde geprüft, und diese Version wurde nicht in den Marktplatz aufgenommen.",),
            rows=(("Plugin", "{plugin}"), ("Version", "{version}"), ("Begründung", "{reason}")),
            after=("Sie können gern eine überarbeitete Version einreichen.",),
        ),
        "review_decision/withdrawn": Text(
            subject="Eine Version Ihres Plugins wurde zurückgezogen",
            title="Eine Version Ihres Plugins wurde zurückgezogen",
            paragraphs=(
                "Sie haben diese Version Ihres Plugins zurückgezogen. Falls sie im Marktplatz war, ist dort wieder die"
                " Version davor; gab es keine, wird das Plugin nicht mehr aufgeführt, und wer es hat, behält es.",
            ),
            rows=(("Plugin", "{plugin}"), ("Version", "{version}")),
            after=(
                "Das waren nicht Sie? Dann hat jemand anderes Zugang zu Ihrem Konto. Ändern Sie umgehend Ihr Passwort,"
                " und reichen Sie eine neue Version ein.",
            ),
        ),
        "review_question": Text(
            subject="Eine Frage zu Ihrem Plugin",
            title="Wir haben eine Frage zu Ihrem Plugin",
            paragraphs=("Für die Prüfung dieser Version Ihres Plugins brauchen wir eine Antwort von Ihnen.",),
            rows=(("Plugin", "{plugin}"), ("Version", "{version}"), ("Frage", "{question}")),
            after=(
                "Bitte antworten Sie in der Adiuva-App bei Ihren Plugins, oder reichen Sie eine neue Version ein, mit"
                " der sich die Frage erledigt. Bis dahin ruht die Prüfung.",
            ),
        ),
        "take_down": Text(
            subject="Ein Plugin wurde aus dem Marktplatz entfernt",
            title="Ein Plugin wurde aus dem Marktplatz entfernt",
            paragraphs=(
                "Ein Plugin, das Sie veröffentlicht oder installiert haben, wurde gesperrt: Es kann nicht mehr aus dem"
                " Marktplatz installiert werden.",
            ),
            rows=(("Plugin", "{plugin}"), ("Begründung", "{reason}")),
            after=(
                "Falls es auf einem Ihrer Geräte installiert ist, prüfen Sie bitte, ob Sie es dort entfernen möchten.",
            ),
        ),
        "version_take_down": Text(
            subject="Eine Version eines Plugins wurde gesperrt",
            title="Eine Version eines Plugins wurde gesperrt",
            paragraphs=(
                "Eine Version eines Plugins, das Sie veröffentlicht oder installiert haben, wurde gesperrt: Sie kann"
                " nicht mehr heruntergeladen werden.",
                "Angeboten wird nun wieder die Version davor, {live}.",
            ),
            rows=(
                ("Plugin", "{plugin}"),
                ("Gesperrt", "{version}"),
                ("Wieder angeboten", "{live}"),
                ("Begründung", "{reason}"),
            ),
            after=(
                "Falls das Plugin auf einem Ihrer Geräte installiert ist, lassen Sie es bitte von der App durch die"
                " Version {live} ersetzen.",
            ),
        ),
        "invitation": Text(
            subject="Sie wurden in eine Organisation eingeladen",
            title="Sie wurden eingeladen",
            paragraphs=("Sie wurden eingeladen, einer Organisation bei Adiuva beizutreten.",),
            rows=(("Organisation", "{organization}"), ("Eingeladen von", "{invited_by}")),
            button="Einladung ansehen",
            after=(
                "Die Einladung ist sieben Tage lang gültig.",
                "Sie kennen den Absender nicht? Dann ignorieren Sie diese Nachricht; ohne Ihre Zustimmung werden Sie"
                " nicht Mitglied.",
            ),
        ),
    },
)
