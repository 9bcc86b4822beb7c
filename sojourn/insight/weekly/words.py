"""The words of the weekly report, by language."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Words:
    """The words of a language. What stands in braces is filled in.

    Args:
        subject: of the e-mail.
        test: that of a test.
        title: above the figures.
        sent: the number of messages that a provider took.
        clicked: of those, the messages in which a person followed a link.
        converted: the messages with credit for an order.
        not_sent: the messages that were decided on and did not leave.
        revenue: the value of the orders.
        revenue_without: that of orders that name no currency.
        before: the same number of the week before.
        parts: the heading of the journeys and campaigns.
        part: the head of their column.
        others: all that have no line of their own.
        reasons: the heading of the reasons.
        reason: the head of their column.
        number: the head of a column of numbers of messages.
        mailboxes: the heading of mailbox providers that complain.
        mailbox: the head of their column.
        bounced: the share that bounced.
        complained: the share that was complained about.
        nothing: the text of a week without messages.
        counting: the note on what is counted later.
        made_by: the note on who gets this.
    """

    subject: str
    test: str
    title: str
    sent: str
    clicked: str
    converted: str
    not_sent: str
    revenue: str
    revenue_without: str
    before: str
    parts: str
    part: str
    others: str
    reasons: str
    reason: str
    number: str
    mailboxes: str
    mailbox: str
    bounced: str
    complained: str
    nothing: str
    counting: str
    made_by: str


WORDS: Mapping[str, Words] = {
    "en": Words(
        subject="{shop}: what the messages did, {days}",
        test="[Test] {subject}",
        title="What the messages did",
        sent="Sent",
        clicked="Clicked",
        converted="Conversions",
        not_sent="Not sent",
        revenue="Revenue, {currency}",
        revenue_without="Revenue without a currency",
        before="The week before: {number}",
        parts="Journeys and campaigns",
        part="Journey or campaign",
        others="All others",
        reasons="Not sent, and why",
        reason="Reason",
        number="Messages",
        mailboxes="Mailbox providers over their limits",
        mailbox="Mailboxes at",
        bounced="Bounced: {share}",
        complained="Called spam: {share}",
        nothing="No message was due in this week, and nobody entered a journey.",
        counting="A message counts on the day on which it was due, by the clocks of {zone}. Clicks "
        "and orders that come later are added to that day: {command} shows them, and much more.",
        made_by="You get this each week because your address is in SOJOURN_WEEKLY_TO.",
    ),
    "it": Words(
        subject="{shop}: i risultati dei messaggi, {days}",
        test="[Prova] {subject}",
        title="I risultati dei messaggi",
        sent="Inviati",
        clicked="Con clic",
        converted="Conversioni",
        not_sent="Non inviati",
        revenue="Ricavi, {currency}",
        revenue_without="Ricavi senza valuta",
        before="Settimana precedente: {number}",
        parts="Percorsi e campagne",
        part="Percorso o campagna",
        others="Tutti gli altri",
        reasons="Non inviati, e perché",
        reason="Motivo",
        number="Messaggi",
        mailboxes="Fornitori di caselle oltre i limiti",
        mailbox="Caselle di",
        bounced="Rimbalzati: {share}",
        complained="Segnalati: {share}",
        nothing="Questa settimana non c'era nessun messaggio da inviare e nessuno è entrato in un "
        "percorso.",
        counting="Ogni messaggio conta nel giorno in cui andava inviato, secondo l'ora di {zone}. "
        "Clic e ordini che arrivano dopo si aggiungono a quel giorno: {command} li mostra, insieme "
        "a molto altro.",
        made_by="Ricevi questa e-mail ogni settimana perché il tuo indirizzo è in "
        "SOJOURN_WEEKLY_TO.",
    ),
    "pl": Words(
        subject="{shop}: co dały wiadomości, {days}",
        test="[Test] {subject}",
        title="Co dały wiadomości",
        sent="Wysłane",
        clicked="Kliknięte",
        converted="Konwersje",
        not_sent="Niewysłane",
        revenue="Przychód, {currency}",
        revenue_without="Przychód bez waluty",
        before="Tydzień wcześniej: {number}",
        parts="Ścieżki i kampanie",
        part="Ścieżka lub kampania",
        others="Wszystkie pozostałe",
        reasons="Niewysłane i dlaczego",
        reason="Powód",
        number="Wiadomości",
        mailboxes="Dostawcy skrzynek ponad limitem",
        mailbox="Skrzynki",
        bounced="Odbite: {share}",
        complained="Zgłoszone: {share}",
        nothing="W tym tygodniu nie było żadnej wiadomości do wysłania i nikt nie wszedł na "
        "ścieżkę.",
        counting="Wiadomość liczy się w dniu, w którym miała wyjść, według czasu {zone}. "
        "Późniejsze kliknięcia i zamówienia dolicza się do tego dnia: pokazuje je {command}, "
        "razem z wieloma innymi danymi.",
        made_by="Dostajesz to co tydzień, bo Twój adres jest w SOJOURN_WEEKLY_TO.",
    ),
}
"""By language: `reporting.languages.LANGUAGES`."""
