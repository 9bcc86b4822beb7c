"""The words of reports in English."""

from sojourn.domain.measuring.attribution import Model
from sojourn.insight.reporting.brought import Standing, Verdict
from sojourn.insight.reporting.figures import NOT_TOLD, By
from sojourn.insight.reporting.wording.table import Brought, Rate, Split, Unit, Wording


def _split(by: By, word: str, of_messages: str = "") -> Split:
    return Split(
        title=f"By {word}",
        head=word.capitalize(),
        region=f"{{name}}: by {word}",
        caption=f"Messages by {of_messages or word}; orders are credited to {{model}}",
        empty=NOT_TOLD[by],
    )


ENGLISH = Wording(
    percent="#,##0.{digits} %",
    day="long",
    extent="{point} ({low} to {high})",
    title="{shop}: what the messages did",
    since="Messages that were due from {since} on, as counted on {day} at {time}; days are those "
    "of {zone}. Orders are credited to {model} (model: {code}).",
    whole="All messages, as counted on {day} at {time}; days are those of {zone}. Orders are "
    "credited to {model} (model: {code}).",
    uncounted={
        "one": "{n} change is not counted yet.",
        "other": "{n} changes are not counted yet.",
    },
    parts="Journeys and campaigns",
    nothing_title="Nothing to report",
    nothing="No message was due and nobody entered in this time.",
    all_together="All together",
    measures={
        "entered": "Entered",
        "due": "Due",
        "held": "Held",
        "not_sent": "Not sent",
        "sent": "Sent",
        "delivered": "Delivered",
        "bounced": "Bounced",
        "complained": "Complained",
        "clicked": "Clicked",
        "converted": "Converted",
        "orders": "Orders",
        "revenue": "Revenue",
    },
    revenue="Revenue, {currency}",
    revenue_without="Revenue, no currency told",
    why_title="Held or not sent, and why",
    held={
        "one": "{n} message was held at least once.",
        "other": "{n} messages were held at least once.",
    },
    not_left={"other": "{n} did not leave."},
    holds="Reasons of holds",
    holds_caption="Messages that were held, by reason; one held for several stands in each",
    reasons="Reasons",
    reasons_caption="Messages that did not leave, by reason",
    reason="Reason",
    messages="Messages",
    orders_title="Orders and revenue",
    orders_caption="Orders, and other goals, credited to {model}; currencies are not added up",
    part="Journey or campaign",
    currency="Currency",
    no_order="No order is credited to a message.",
    mailboxes_title="Deliverability by mailbox provider",
    mailboxes_about="Too many are more than 5 % of bounces or 0.1 % of complaints, by the lower "
    "end of an interval of 95 %, after 200 messages. A provider that sorts messages out shows in "
    "fewer clicks than others have.",
    mailboxes_region="Mailbox providers",
    mailboxes_caption="E-mails sent, by the provider that keeps the mailbox",
    mailbox="Mailboxes",
    verdict="Verdict",
    verdicts={
        "few": "too few to tell",
        "within": "within the limits",
        "bounced": "too many bounces",
        "complained": "too many complaints",
        "both": "too many bounces and complaints",
    },
    journey="Journey",
    campaign="Campaign",
    way_title="From entered to converted",
    way_region="{name}: from entered to converted",
    way_of_runs="Runs that entered, then messages: how many came how far, and why others did not",
    way_of_customers="Customers that entered, then messages: how many came how far, and why others "
    "did not",
    came_to="Came to, or lost",
    number="Number",
    share="Share",
    of={"due": "of due", "sent": "of sent"},
    labels={
        "entered": "entered",
        "due": "due",
        "held": "held",
        "no_reason": "no reason told",
        "perhaps": "perhaps sent",
        "under_way": "under way",
        "sent": "sent",
        "bounced": "bounced",
        "failed": "failed",
        "delivered": "delivered",
        "opened": "opened",
        "clicked": "clicked",
        "replied": "replied",
        "unsubscribed": "unsubscribed",
        "complained": "complained",
        "converted": "converted",
    },
    abouts={
        "runs": "runs started",
        "customers": "customers in its audience",
        "due": "messages that were to be decided on",
        "held": "waited at least once for a time that suits",
        "perhaps": "its provider did not answer: nobody knows if it left",
        "under_way": "held, or on its way to a provider",
        "sent": "taken by a provider",
        "bounced": "the address takes nothing",
        "failed": "the provider gave it up",
        "delivered": "as far as providers tell",
        "people": "by people",
        "complained": "called spam by its reader",
        "converted": "the last message before an order",
    },
    machines="by people; by machines alone or too: {n}",
    units={
        "day": Unit(
            title="By day",
            head="Day",
            summary="In figures, by day",
            region="{name}: figures by day",
            caption="By the day on which messages were due",
        ),
        "week": Unit(
            title="By week",
            head="Week",
            summary="In figures, by week",
            region="{name}: figures by week",
            caption="By the week in which messages were due, named by its first day",
        ),
        "month": Unit(
            title="By month",
            head="Month",
            summary="In figures, by month",
            region="{name}: figures by month",
            caption="By the month in which messages were due",
        ),
    },
    variants="Variants",
    variant="Variant",
    difference="Difference",
    rates={
        "clicked": Rate(
            head="Clicked in",
            region="{name}: clicked in, by variant",
            caption="Clicked in, of messages sent, with an interval of 95 %; the difference is "
            "that to {first}, in points of a percent",
        ),
        "converted": Rate(
            head="Converted",
            region="{name}: converted, by variant",
            caption="Converted, of messages sent, with an interval of 95 %; the difference is that "
            "to {first}, in points of a percent",
        ),
    },
    told={one: one.value for one in Verdict},
    once="{verdict}, at one look alone",
    standings={one: one.value for one in Standing},
    standings_held_out={
        Standing.LEADS: "sells more than silence",
        Standing.LOSES: "sells less than silence",
        Standing.CHANCE: "no effect to be seen",
    },
    brought=Brought(
        title="Experiment {name}",
        against_held_out="Against those held out",
        against_all_held_out="Against those held out from everything",
        about="Customers of all days, as they were divided, whether a message of theirs left or "
        "not; bought is an order within the time in which orders count. Ranges of 95 % are for one "
        "look; “any day” is for those who look each day.",
        young={
            "one": "{n} still has time to buy, and does not count yet.",
            "other": "{n} still have time to buy, and do not count yet.",
        },
        uneven="Something else than chance divides these customers: trust no figure of this before "
        "it is found.",
        bought_region="{whose}, {name}: who bought",
        bought_caption="Who bought, by variant; differences are to {base}, in points of a percent",
        customers="Customers",
        bought="Bought",
        any_day="Any day",
        in_all="In all",
        paid_region="{whose}, {name}: what a customer paid",
        paid_caption="What a customer paid, those who bought nothing included; each currency by "
        "itself",
        paid="A customer paid",
        life_title="Lifetime value in {currency}, by months of age",
        life_summary="Lifetime value in {currency}, in figures: {variant} against {base}",
        life_region="{whose}, {name}: lifetime value of {variant} in {currency}",
        life_caption="What a customer had paid by each month of age, of those who have reached it; "
        "{currency}",
        months="Months",
    ),
    splits={
        By.STEP: _split(By.STEP, "step"),
        By.VARIANT: _split(By.VARIANT, "variant"),
        By.CHANNEL: _split(By.CHANNEL, "channel"),
        By.LANGUAGE: _split(By.LANGUAGE, "language"),
        By.MAILBOX: _split(By.MAILBOX, "mailbox"),
        By.VERSION: _split(By.VERSION, "version", "version of the code"),
        By.DAY: _split(By.DAY, "day"),
    },
    models={
        Model.LAST: "the last message before the order",
        Model.FIRST: "the first message before the order",
        Model.LINEAR: "all messages before the order, the same to each",
    },
    no_value="no value",
    no_currency="(no currency told)",
    too_few_paid="{paid} paid, too few: {needed} are needed",
    too_early="too early: {customers} of {needed} customers a group",
    too_early_until="too early: until {moment}",
    made_by="Made by {command}. A day is the one on which a message was due; all that became of it "
    "later is counted there.",
)
