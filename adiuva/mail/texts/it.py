"""Italian, formal."""

from adiuva.mail.texts.shapes import Language, Text

ITALIAN = Language(
    code="it",
    greeting="Buongiorno,",
    link_below="Se il pulsante non funziona, copi questo link nel Suo browser:",
    app_link="Oppure nell’app Adiuva:",
    footer="Questo messaggio è stato inviato automaticamente da Adiuva su {host}. Le risposte non vengono lette.",
    never="Non Le chiederemo mai per e-mail la password, un codice o la frase di recupero.",
    months=(
        *("gennaio", "febbraio", "marzo", "aprile", "maggio", "giugno", "luglio", "agosto", "settembre", "ottobre"),
        *("novembre", "dicembre"),
    ),
    moment="{day} {month} {year}, ore {clock} (UTC)",
    decimal=",",
    thousands=".",
    is_currency_first=False,
    words={"totp": "App di autenticazione", "passkey": "Passkey"},
    texts={
        "verification": Text(
            subject="Confermi il Suo indirizzo e-mail",
            title="Confermi il Suo indirizzo e-mail",
            paragraphs=(
                "La preghiamo di confermare che questo indirizzo Le appartiene. Le permetterà di rientrare nel Suo"
                " account, se un giorno dovesse dimenticare la password.",
            ),
            button="Conferma l’indirizzo",
            after=(
                "Il link è valido per tre giorni e può essere usato una sola volta.",
                "Non ha creato Lei un account Adiuva? Probabilmente qualcuno ha sbagliato a scrivere il proprio"
                " indirizzo: può ignorare questo messaggio.",
            ),
        ),
        "password_reset": Text(
            subject="Reimposti la Sua password",
            title="Scelga una nuova password",
            paragraphs=(
                "Qualcuno, speriamo Lei, ha chiesto di reimpostare la password dell’account Adiuva con questo"
                " indirizzo.",
                "I Suoi dati cifrati restano al loro posto. Per leggerli con la nuova password Le serviranno la frase"
                " di recupero oppure un dispositivo che può ancora aprirli.",
            ),
            button="Reimposta la password",
            after=(
                "Il link è valido per 30 minuti e può essere usato una sola volta. Con il cambio della password tutti i"
                " Suoi dispositivi vengono disconnessi.",
                "Non è stato Lei? Ignori questo messaggio: non cambia nulla e la Sua password resta quella di prima.",
            ),
        ),
        "email_change": Text(
            subject="Confermi il Suo nuovo indirizzo e-mail",
            title="Confermi il nuovo indirizzo",
            paragraphs=(
                "D’ora in poi il Suo account Adiuva dovrà usare questo indirizzo e-mail. La modifica avrà effetto non"
                " appena l’avrà confermata.",
            ),
            rows=(("Nuovo indirizzo", "{new_email}"),),
            button="Conferma il nuovo indirizzo",
            after=(
                "Il link è valido per tre giorni e può essere usato una sola volta.",
                "Non è stato Lei a chiederlo? Ignori questo messaggio: l’indirizzo non verrà usato.",
            ),
        ),
        "email_change_notice": Text(
            subject="L’indirizzo e-mail del Suo account sta per cambiare",
            title="Il Suo indirizzo e-mail sta per cambiare",
            paragraphs=(
                "Qualcuno, speriamo Lei, ha chiesto di cambiare l’indirizzo e-mail del Suo account Adiuva. Se è stato"
                " Lei, qui non deve fare altro: Le resta solo da confermare il nuovo indirizzo.",
            ),
            rows=(("Vecchio indirizzo", "{old_email}"), ("Nuovo indirizzo", "{new_email}")),
            button="Mantieni il vecchio indirizzo",
            after=(
                "Non è stato Lei? Fermi la modifica con questo pulsante. È possibile per sette giorni, anche dopo la"
                " conferma del nuovo indirizzo. Poi reimposti la password: chi ha chiesto la modifica la conosce.",
            ),
        ),
        "address_taken": Text(
            subject="Ha già un account Adiuva",
            title="Ha già un account",
            paragraphs=(
                "Qualcuno, forse Lei, voleva usare questo indirizzo per un account Adiuva. Ne esiste già uno con questo"
                " indirizzo, quindi non è cambiato nulla.",
                "Se è stato Lei, acceda all’app con questo indirizzo. Se ha dimenticato la password, può reimpostarla"
                " lì.",
            ),
            after=("Non è stato Lei? Non deve fare nulla.",),
        ),
        "password_changed": Text(
            subject="La Sua password è stata cambiata",
            title="La Sua password è stata cambiata",
            paragraphs=(
                "La password del Suo account Adiuva è stata cambiata. Tutti i dispositivi connessi in precedenza sono"
                " stati disconnessi.",
            ),
            rows=(("Data e ora", "{at}"),),
            after=(
                "Non è stato Lei? Allora qualcun altro ha accesso al Suo account. Reimposti subito la password e"
                " controlli nell’app i Suoi secondi fattori e i Suoi dispositivi.",
            ),
        ),
        "factor_added": Text(
            subject="È stato aggiunto un secondo fattore al Suo account",
            title="È stato aggiunto un secondo fattore",
            paragraphs=("C’è un nuovo modo per confermare che è Lei ad accedere al Suo account Adiuva.",),
            rows=(("Tipo", "{factor}"), ("Nome", "{name}"), ("Data e ora", "{at}")),
            after=(
                "Non è stato Lei? Allora qualcun altro ha accesso al Suo account. Rimuova questo fattore nell’app e"
                " cambi subito la password.",
            ),
        ),
        "factor_removed": Text(
            subject="Un secondo fattore è stato rimosso dal Suo account",
            title="Un secondo fattore è stato rimosso",
            paragraphs=("Un secondo fattore del Suo account Adiuva è stato rimosso e non permette più di accedervi.",),
            rows=(("Tipo", "{factor}"), ("Nome", "{name}"), ("Data e ora", "{at}")),
            after=(
                "Non è stato Lei? Allora qualcun altro ha accesso al Suo account. Cambi subito la password e configuri"
                " di nuovo un secondo fattore.",
            ),
        ),
        "identity_linked": Text(
            subject="Il Suo account è stato collegato a un’organizzazione",
            title="Il Suo account è stato collegato a un’organizzazione",
            paragraphs=(
                "Da ora il servizio di accesso dell’organizzazione «{organization}» apre il Suo account Adiuva, anche"
                " dopo che Lei ha cambiato la password.",
            ),
            rows=(("Organizzazione", "{organization}"), ("Data e ora", "{at}")),
            after=(
                "Non è stato Lei? Allora qualcun altro ha accesso al Suo account. Lasci l’organizzazione nell’app e"
                " cambi subito la password.",
            ),
        ),
        "new_device": Text(
            subject="Nuovo accesso al Suo account",
            title="Nuovo accesso al Suo account",
            paragraphs=(
                "Qualcuno ha effettuato l’accesso al Suo account Adiuva da un dispositivo che non conosciamo ancora.",
            ),
            rows=(("Dispositivo", "{user_agent}"), ("Indirizzo IP", "{ip}"), ("Data e ora", "{at}")),
            after=(
                "Se è stato Lei, non deve fare nulla.",
                "Non è stato Lei? Cambi subito la password e disconnetta questo dispositivo nell’app.",
            ),
        ),
        "payment_failed": Text(
            subject="Il Suo pagamento non è riuscito",
            title="Il Suo pagamento non è riuscito",
            paragraphs=("Non siamo riusciti ad addebitare l’importo del Suo abbonamento Adiuva.",),
            rows=(("Piano", "{tier}"), ("Importo", "{amount}")),
            button="Paga ora",
            after=(
                "Per mantenere il Suo piano, La preghiamo di pagare presto o di aggiornare il metodo di pagamento.",
            ),
        ),
        "subscription_ending": Text(
            subject="Il Suo abbonamento sta per terminare",
            title="Il Suo abbonamento sta per terminare",
            paragraphs=(
                "Il Suo abbonamento Adiuva non verrà rinnovato. Fino al termine potrà usare tutto come prima; in"
                " seguito il Suo account proseguirà con il piano Free.",
            ),
            rows=(("Piano", "{tier}"), ("Termina il", "{at}")),
            after=("Se desidera mantenere il Suo piano, fino ad allora può rinnovarlo nell’app in qualsiasi momento.",),
        ),
        "receipt": Text(
            subject="La Sua ricevuta",
            title="Grazie per il Suo pagamento",
            paragraphs=("Abbiamo ricevuto il Suo pagamento.",),
            rows=(("Importo", "{amount}"),),
            button="Visualizza la ricevuta",
            after=("La ricevuta è messa a disposizione da Stripe, il nostro servizio di pagamento.",),
        ),
        "review_decision/approved": Text(
            subject="Il Suo plugin è stato approvato",
            title="Il Suo plugin è stato approvato",
            paragraphs=("Il Suo plugin ha superato la revisione e questa versione è ora nel marketplace.",),
            rows=(("Plugin", "{plugin}"), ("Versione", "{version}"), ("Nota del revisore", "{reason}")),
        ),
        "review_decision/rejected": Text(
            subject="Il Suo plugin non è stato approvato",
            title="Il Suo plugin non è stato approvato",
            paragraphs=("Il Suo plugin è stato esaminato e questa versione non è stata accettata nel marketplace.",),
            rows=(("Plugin", "{plugin}"), ("Versione", "{version}"), ("Motivazione", "{reason}")),
            after=("Può inviare in qualsiasi momento una versione corretta.",),
        ),
        "review_decision/withdrawn": Text(
            subject="Una versione del Suo plugin è stata ritirata",
            title="Una versione del Suo plugin è stata ritirata",
            paragraphs=(
                "Ha ritirato questa versione del Suo plugin. Se era nel marketplace, ora vi si trova di nuovo la"
                " versione precedente; se non ce n’era una, il plugin non è più elencato e chi lo ha lo conserva.",
            ),
            rows=(("Plugin", "{plugin}"), ("Versione", "{version}")),
            after=(
                "Non è stato Lei? Allora qualcun altro ha accesso al Suo account. Cambi subito la password e invii una"
                " nuova versione.",
            ),
        ),
        "review_question": Text(
            subject="Una domanda sul Suo plugin",
            title="Abbiamo una domanda sul Suo plugin",
            paragraphs=("Per la revisione di questa versione del Suo plugin abbiamo bisogno di una Sua risposta.",),
            rows=(("Plugin", "{plugin}"), ("Versione", "{version}"), ("Domanda", "{question}")),
            after=(
                "La preghiamo di rispondere nell’app Adiuva, tra i Suoi plugin, o di inviare una nuova versione che"
                " risolva la questione. Fino ad allora la revisione resta in attesa.",
            ),
        ),
        "take_down": Text(
            subject="Un plugin è stato rimosso dal marketplace",
            title="Un plugin è stato rimosso dal marketplace",
            paragraphs=(
                "Un plugin che ha pubblicato o installato è stato ritirato: non è più possibile installarlo dal"
                " marketplace.",
            ),
            rows=(("Plugin", "{plugin}"), ("Motivazione", "{reason}")),
            after=("Se è installato su uno dei Suoi dispositivi, La preghiamo di valutare se rimuoverlo.",),
        ),
        "version_take_down": Text(
            subject="Una versione di un plugin è stata bloccata",
            title="Una versione di un plugin è stata bloccata",
            paragraphs=(
                "Una versione di un plugin che ha pubblicato o installato è stata bloccata: non è più possibile"
                " scaricarla.",
                "È di nuovo disponibile la versione precedente, {live}.",
            ),
            rows=(
                ("Plugin", "{plugin}"),
                ("Bloccata", "{version}"),
                ("Di nuovo disponibile", "{live}"),
                ("Motivazione", "{reason}"),
            ),
            after=(
                "Se il plugin è installato su uno dei Suoi dispositivi, lasci che l’app lo sostituisca con la versione"
                " {live}.",
            ),
        ),
        "invitation": Text(
            subject="Invito a unirsi a un’organizzazione",
            title="Ha ricevuto un invito",
            paragraphs=("Ha ricevuto l’invito a unirsi a un’organizzazione su Adiuva.",),
            rows=(("Organizzazione", "{organization}"), ("Invito da parte di", "{invited_by}")),
            button="Visualizza l’invito",
            after=(
                "L’invito è valido per sette giorni.",
                "Non conosce il mittente? Ignori questo messaggio: senza il Suo consenso non diventerà membro.",
            ),
        ),
    },
)
