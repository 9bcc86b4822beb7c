"""Reasons in the languages of reports: a short name each, and what it means."""

from collections.abc import Mapping

from sojourn.domain.messages import Reason
from sojourn.domain.reasons import explain
from sojourn.insight.reporting.languages import ENGLISH


def named(reason: str, lang: str) -> str:
    """Return the short name of a reason.

    Args:
        reason: as the rollups have it.
        lang: the language of the report.

    Returns:
        Its name; one that this version does not know keeps its own.
    """
    words = _WORDS.get(lang, {}).get(reason)
    return words[0] if words else reason.replace("_", " ")


def because(reason: str, lang: str) -> str:
    """Return what a reason means, as a sentence; empty if this version does not know it."""
    if lang != ENGLISH:
        return _WORDS[lang].get(reason, ("", ""))[1]
    try:
        return explain(Reason(reason))
    except (ValueError, KeyError):
        return ""


Words = Mapping[str, tuple[str, str]]
"""By reason: its short name, and what it means."""

_ITALIAN: Words = {
    Reason.GOAL_REACHED: (
        "obiettivo raggiunto",
        "l'obiettivo del percorso era già stato raggiunto",
    ),
    Reason.SUPERSEDED: ("superato", "un evento più recente aveva fatto ricominciare i passi"),
    Reason.RUN_STOPPED: ("percorso fermato", "un evento o un operatore aveva chiuso il percorso"),
    Reason.SWITCHED_OFF: ("spento", "il progetto ha spento il percorso"),
    Reason.EVENT_MISSING: (
        "evento dimenticato",
        "il database non ha più l'evento da cui era partito il percorso",
    ),
    Reason.NO_LONGER: ("condizione caduta", "la condizione del percorso non valeva più"),
    Reason.ALREADY_TOLD: (
        "già detto",
        "un altro percorso l'aveva già detto alla stessa persona, sotto un altro id",
    ),
    Reason.UNKNOWN_CUSTOMER: (
        "cliente sconosciuto",
        "nessuno ha identificato il cliente: se ne conoscono solo gli eventi",
    ),
    Reason.ERASED: ("cancellato", "i dati del cliente sono stati cancellati"),
    Reason.RESTRICTED: (
        "trattamento limitato",
        "i dati del cliente sono conservati ma non usati: un operatore ne ha limitato l'uso",
    ),
    Reason.NO_ADDRESS: (
        "nessun recapito",
        "il cliente non ha un recapito su nessun canale del messaggio",
    ),
    Reason.NO_CONSENT: (
        "nessun consenso",
        "il cliente non aveva acconsentito a messaggi promozionali su quel tema, su nessun canale",
    ),
    Reason.OPTED_OUT: ("rifiutato", "il cliente aveva rifiutato il tema del messaggio"),
    Reason.TOO_LATE: ("troppo tardi", "sarebbe arrivato troppo tardi per servire a qualcosa"),
    Reason.QUIET_HOURS: ("ore di quiete", "dove vive il cliente erano ore di quiete"),
    Reason.WINDOW: ("fuori orario", "le regole lasciano partire questi messaggi in altri orari"),
    Reason.SNOOZED: ("in pausa", "il cliente vuole una pausa dai messaggi promozionali"),
    Reason.IN_CARE: (
        "in assistenza",
        "qualcuno si sta occupando del cliente: intanto non parte nulla di promozionale",
    ),
    Reason.CAP: (
        "limite raggiunto",
        "il cliente aveva già avuto tutti i messaggi promozionali che un limite consente",
    ),
    Reason.GAVE_WAY: (
        "precedenza a un altro",
        "ha lasciato il posto a un messaggio in attesa che ha la precedenza",
    ),
    Reason.NOTHING_TO_SAY: (
        "niente da dire",
        "il modello non ha trovato nulla da dire a questo cliente",
    ),
    Reason.NOTHING_LEFT: (
        "niente di disponibile",
        "tutto ciò di cui parla era ormai acquistato, tolto o esaurito",
    ),
    Reason.TEMPLATE: ("modello difettoso", "non è stato possibile comporre il messaggio"),
    Reason.SUPPRESSED: (
        "recapito bloccato",
        "il recapito respinge i messaggi, li ha segnalati o non esiste più: non riceve nulla",
    ),
    Reason.INVALID_ADDRESS: (
        "recapito inesistente",
        "secondo il fornitore il recapito non esiste",
    ),
    Reason.WINDOW_CLOSED: (
        "finestra WhatsApp chiusa",
        "il testo libero su WhatsApp richiede un messaggio del cliente nelle ultime 24 ore",
    ),
    Reason.REFUSED: ("respinto", "il fornitore ha respinto il messaggio in modo definitivo"),
    Reason.OTHER_CHANNEL: ("altro canale", "se ne occupa un altro canale del messaggio"),
    Reason.PAUSED: ("canale sospeso", "il canale era sospeso"),
    Reason.HELD_BACK: ("trattenuto", "un operatore lo trattiene"),
    Reason.ONLY_TO: (
        "recapito non ammesso",
        "questa installazione non può scrivere a quel recapito (SOJOURN_ONLY_TO)",
    ),
    Reason.ASKED_ENOUGH: (
        "già chiesto",
        "al recapito era già stata chiesta conferma tutte le volte che un giorno consente",
    ),
    Reason.NO_COUPON: ("nessun coupon", "non c'era più nessun codice libero per il coupon"),
    Reason.RAMP: (
        "dominio in avvio",
        "il dominio mittente è in fase di avvio e la quota del giorno era esaurita",
    ),
    Reason.HELD_OUT: (
        "gruppo di controllo",
        "il cliente è in un gruppo di controllo, che non riceve questi messaggi",
    ),
    Reason.NOT_QUALIFIED: (
        "condizione d'ingresso mancante",
        "il cliente o l'evento non soddisfaceva la condizione d'ingresso del percorso",
    ),
    Reason.CAME_AGAIN: (
        "già stato nel percorso",
        "il cliente era già stato nel percorso e non può ancora rientrarvi",
    ),
    Reason.ENOUGH_RUNS: (
        "percorsi già aperti",
        "il cliente aveva già tutti i percorsi aperti che sono consentiti",
    ),
    Reason.TOO_MANY_REQUESTS: (
        "troppe richieste",
        "c'erano già state tutte le richieste che i limiti del percorso consentono",
    ),
    Reason.OLD_NEWS: (
        "notizia vecchia",
        "il percorso ne aveva già scritto dopo quell'evento",
    ),
}

_POLISH: Words = {
    Reason.GOAL_REACHED: ("cel osiągnięty", "cel ścieżki był już osiągnięty"),
    Reason.SUPERSEDED: ("zastąpione", "nowsze zdarzenie rozpoczęło kroki od nowa"),
    Reason.RUN_STOPPED: (
        "ścieżka zatrzymana",
        "zdarzenie albo operator zakończyli tę ścieżkę",
    ),
    Reason.SWITCHED_OFF: ("wyłączone", "ścieżka jest w projekcie wyłączona"),
    Reason.EVENT_MISSING: (
        "brak zdarzenia",
        "baza danych nie ma już zdarzenia, od którego zaczęła się ścieżka",
    ),
    Reason.NO_LONGER: ("warunek już niespełniony", "warunek ścieżki przestał być spełniony"),
    Reason.ALREADY_TOLD: (
        "już powiedziane",
        "ta sama osoba dowiedziała się już tego pod innym identyfikatorem",
    ),
    Reason.UNKNOWN_CUSTOMER: (
        "nieznany klient",
        "nikt nie zidentyfikował tego klienta, znane są tylko jego zdarzenia",
    ),
    Reason.ERASED: ("usunięty", "dane klienta zostały usunięte"),
    Reason.RESTRICTED: (
        "ograniczone przetwarzanie",
        "dane klienta są przechowywane, ale nieużywane: ograniczył je operator",
    ),
    Reason.NO_ADDRESS: ("brak adresu", "klient nie ma adresu w żadnym kanale tej wiadomości"),
    Reason.NO_CONSENT: (
        "brak zgody",
        "klient nie zgodził się na wiadomości promocyjne na ten temat w żadnym kanale",
    ),
    Reason.OPTED_OUT: ("rezygnacja", "klient zrezygnował z tematu tej wiadomości"),
    Reason.TOO_LATE: ("za późno", "wiadomość przyszłaby za późno, żeby się przydać"),
    Reason.QUIET_HOURS: ("cisza nocna", "tam, gdzie mieszka klient, obowiązywała cisza"),
    Reason.WINDOW: ("poza godzinami", "zasady pozwalają wysyłać takie wiadomości o innej porze"),
    Reason.SNOOZED: ("przerwa", "klient chce przerwy od wiadomości promocyjnych"),
    Reason.IN_CARE: (
        "pod opieką",
        "ktoś zajmuje się tym klientem: na razie nie wychodzi nic promocyjnego",
    ),
    Reason.CAP: (
        "limit wyczerpany",
        "klient dostał już tyle wiadomości promocyjnych, na ile pozwala limit",
    ),
    Reason.GAVE_WAY: (
        "ustąpiła pierwszeństwa",
        "ustąpiła czekającej wiadomości, która ma pierwszeństwo",
    ),
    Reason.NOTHING_TO_SAY: (
        "nic do powiedzenia",
        "szablon nie miał temu klientowi nic do powiedzenia",
    ),
    Reason.NOTHING_LEFT: (
        "nic nie zostało",
        "wszystko, o czym mówi, było już kupione, wyjęte albo niedostępne",
    ),
    Reason.TEMPLATE: ("błąd szablonu", "nie udało się złożyć treści z szablonu"),
    Reason.SUPPRESSED: (
        "adres zablokowany",
        "adres odrzuca wiadomości, zgłosił skargę albo już nie istnieje: nic na niego nie idzie",
    ),
    Reason.INVALID_ADDRESS: ("nieistniejący adres", "według dostawcy ten adres nie istnieje"),
    Reason.WINDOW_CLOSED: (
        "okno WhatsApp zamknięte",
        "dowolny tekst na WhatsAppie wymaga wiadomości od klienta z ostatnich 24 godzin",
    ),
    Reason.REFUSED: ("odrzucone", "dostawca ostatecznie odrzucił wiadomość"),
    Reason.OTHER_CHANNEL: ("inny kanał", "przejmuje ją inny kanał tej wiadomości"),
    Reason.PAUSED: ("kanał wstrzymany", "kanał był wstrzymany"),
    Reason.HELD_BACK: ("wstrzymane", "wstrzymuje ją operator"),
    Reason.ONLY_TO: (
        "adres niedozwolony",
        "ta instalacja nie może pisać na ten adres (SOJOURN_ONLY_TO)",
    ),
    Reason.ASKED_ENOUGH: (
        "już pytano",
        "o potwierdzenie pytano już ten adres tyle razy, ile wolno w ciągu dnia",
    ),
    Reason.NO_COUPON: ("brak kodu", "w puli kuponu nie było już żadnego kodu"),
    Reason.RAMP: (
        "domena się rozgrzewa",
        "domena nadawcy dopiero się rozgrzewa, a jej dzienny limit był wyczerpany",
    ),
    Reason.HELD_OUT: (
        "grupa kontrolna",
        "klient jest w grupie kontrolnej, która takich wiadomości nie dostaje",
    ),
    Reason.NOT_QUALIFIED: (
        "warunek wejścia niespełniony",
        "klient albo zdarzenie nie spełniali warunku wejścia na ścieżkę",
    ),
    Reason.CAME_AGAIN: (
        "już był na ścieżce",
        "klient był już na tej ścieżce i jeszcze nie może na nią wrócić",
    ),
    Reason.ENOUGH_RUNS: (
        "dość otwartych ścieżek",
        "klient miał już tyle otwartych ścieżek tego rodzaju, ile wolno",
    ),
    Reason.TOO_MANY_REQUESTS: (
        "zbyt wiele próśb",
        "było już tyle próśb, na ile pozwalają limity ścieżki",
    ),
    Reason.OLD_NEWS: ("stara wiadomość", "ścieżka pisała o tym już po tym zdarzeniu"),
}

_WORDS: Mapping[str, Words] = {"it": _ITALIAN, "pl": _POLISH}
