"""The register of tables: what each holds about a person, and what becomes of it.

Each table stands here, with every column: a test fails for one that is missing. Export and erasure
go through the tables in this order, so a table whose rows are found through another one stands
before it.
"""

from collections.abc import Mapping

from sojourn.store.rights.register import Aging, End, Find, Holding, parts

HOLDINGS: Mapping[str, Holding] = {
    "contents": Holding(
        "The full text of a message, and the address that it was sent to.",
        parts(address="address", personal="content", plain="ledger_id"),
        find=Find.MESSAGE,
        aging=Aging("decided_at", ("content",), of_message=True, by_key=True),
    ),
    "handovers": Holding(
        "One message that was handed over for one device of the customer, and its end.",
        parts(
            address="address",
            names="provider_id reference",
            personal="detail",
            plain="id ledger_id attempt platform state submitted_at settled_at error",
        ),
        find=Find.MESSAGE,
        aging=Aging("submitted_at"),
    ),
    "attempts": Holding(
        "One hand-over of a message to a provider, and its end.",
        parts(
            names="provider_id",
            personal="detail",
            plain="id ledger_id attempt provider state submitted_at journey_at settled_at "
            "settled_by error keyed language mailbox",
        ),
        find=Find.MESSAGE,
        end=End.EMPTIED,
        aging=Aging("submitted_at", ("detail",)),
    ),
    "conversions": Holding(
        "A message that an order of the customer's may be credited to.",
        parts(names="occasion", plain="id ledger_id seq name at currency value place touches"),
        find=Find.MESSAGE,
        end=End.EMPTIED,
    ),
    "hits": Holding(
        "The program and the network by which a message was opened or its link followed.",
        parts(
            personal="agent network link url",
            plain="report_id ledger_id kind at received_at said tell_at",
        ),
        find=Find.MESSAGE,
        aging=Aging("received_at"),
    ),
    "reports": Holding(
        "A provider's report on a message: delivered, bounced, opened, ...",
        parts(
            names="event_id",
            personal="detail",
            plain="id provider ledger_id kind at received_at machine",
        ),
        find=Find.MESSAGE,
        end=End.EMPTIED,
        aging=Aging("received_at", ("detail",)),
    ),
    "harms": Holding(
        "A message that bounced for good, or that the customer complained about.",
        parts(plain="id ledger_id harm campaign channel message_class at"),
        find=Find.MESSAGE,
        end=End.EMPTIED,
    ),
    "quarantine": Holding(
        "A call that could not be read, as it was sent.",
        parts(
            names="digest",
            personal="call reason",
            plain="id name path source received_at mended_at settled_at outcome",
        ),
        find=Find.CALL,
        aging=Aging("settled_at"),
    ),
    "suppressions": Holding(
        "An address of the customer that gets no message.",
        parts(
            address="address",
            names="source",
            personal="because lifted_because",
            plain="channel at lifted_at lifted_by",
        ),
        find=Find.ADDRESS,
        end=End.HASHED,
    ),
    "refusals": Holding(
        "An address of the customer that refuses promotional messages.",
        parts(address="address", names="source", plain="channel topic at"),
        find=Find.ADDRESS,
        end=End.HASHED,
    ),
    "identify_calls": Holding(
        "A call that told of the customer, as a digest: the same call again is no new word.",
        parts(customer="customer_id", names="message_id digest", plain="heard_at"),
        aging=Aging("heard_at"),
    ),
    "events": Holding(
        "An event of the customer, understood and as it was sent.",
        parts(
            customer="customer_id sent_as",
            names="message_id copy_of",
            personal="properties as_sent",
            plain="seq name occurred_at received_at routed_at aside_at",
        ),
        aging=Aging("received_at", ("properties", "as_sent"), by_key=True),
    ),
    "to_route": Holding(
        "An event of the customer that no run was told of yet.",
        parts(customer="customer_id", plain="seq"),
    ),
    "addresses": Holding(
        "An address that the customer had since a moment.",
        parts(customer="customer_id", names="source", address="value", plain="id kind at"),
    ),
    "devices": Holding(
        "A device of the customer that takes push messages.",
        parts(
            customer="customer_id",
            address="token",
            names="source",
            plain="id platform since used_at gone_at",
        ),
    ),
    "consents": Holding(
        "One statement of consent or refusal.",
        parts(
            customer="customer_id",
            names="source",
            address="address",
            personal="proof",
            plain="id channel topic granted at received_at purpose wording wording_version locale "
            "expires_at answers",
        ),
    ),
    "choices": Holding(
        "A choice of the customer: a break, how often, language, time zone.",
        parts(
            customer="customer_id",
            names="source",
            personal="was became",
            plain="id what topic at locale version",
        ),
    ),
    "listed": Holding(
        "The customer is on a list.",
        parts(customer="customer_id", names="source", plain="id list at"),
    ),
    "members": Holding(
        "The customer is in an audience that is watched, or was.",
        parts(customer="customer_id", plain="id audience inside turn at told_at"),
    ),
    "recipients": Holding(
        "The customer is in the frozen audience of a campaign.",
        parts(
            customer="customer_id",
            personal="taken",
            plain="id campaign timezone due_at next_at lane variant",
        ),
    ),
    "survey_answers": Holding(
        "An answer of the customer to a question in a message: a score, and a comment.",
        parts(
            customer="customer_id",
            personal="comment",
            plain="id survey score answered_at commented_at",
        ),
        end=End.EMPTIED,
    ),
    "exposures": Holding(
        "The variant of an experiment that the customer had.",
        parts(customer="customer_id", names="workflow_id", plain="id experiment variant at"),
    ),
    "mutes": Holding(
        "Somebody looks after the customer, and no promotional message leaves meanwhile.",
        parts(
            customer="customer_id",
            names="message_id workflow_id key ended_by",
            plain="id journey at until ended_at",
        ),
    ),
    "answers": Holding(
        "Our answer to the customer's STOP, START or HELP.",
        parts(
            customer="customer_id",
            address="address",
            names="event_id provider_id",
            plain="id provider channel meaning language at state reason tried_at settled_at "
            "carrier",
        ),
    ),
    "tickets": Holding(
        "Work for a person about the customer.",
        parts(
            customer="customer_id",
            names="name run",
            personal="subject",
            plain="id opened_at closed_at closed_by",
        ),
        aging=Aging("closed_at"),
    ),
    "tasks": Holding(
        "A question to a person of the shop about the customer.",
        parts(
            customer="customer_id",
            names="task run",
            plain="id journey question text answers opened_at until state answer answered_by "
            "ended_at because to_tell tell_at tries opened_told_at ended_told_at",
        ),
        aging=Aging("ended_at"),
    ),
    "restrictions": Holding(
        "The customer's data are kept and not used, from one moment to another.",
        parts(
            customer="customer_id",
            personal="why lifted_why",
            plain="id at by lifted_at lifted_by",
        ),
    ),
    "runs": Holding(
        "A run of a journey for the customer.",
        parts(
            customer="customer_id",
            names="workflow_id run_id key enrolment",
            plain="id journey started_at closed_at shadow delayed_until",
        ),
        end=End.EMPTIED,
    ),
    "entries": Holding(
        "An event that could start a run of a journey, and whether it did.",
        parts(
            customer="customer_id",
            names="message_id key workflow_id",
            personal="because",
            plain="id journey taken reason at judged_at",
        ),
        aging=Aging("judged_at", ("because",)),
    ),
    "hook_calls": Holding(
        "A piece of news of the customer that an address is still to be told.",
        parts(customer="customer_id", personal="body", plain="id hook seq name tries next_at"),
    ),
    "requests": Holding(
        "A request of the customer that a limit counts; a hash stands for address and network.",
        parts(
            customer="customer_id",
            names="message_id",
            personal="digest",
            plain="id journey subject at until",
        ),
    ),
    "secrets": Holding(
        "An event of the customer with a secret, and when that is forgotten.",
        parts(customer="customer_id", names="message_id", plain="until"),
    ),
    "coupons": Holding(
        "A code that the customer was given, and until when it is good.",
        parts(
            customer="customer_id",
            names="message_id",
            plain="id pool code compared state added_at source reserved_at expires_at used_at",
        ),
        end=End.EMPTIED,
    ),
    "coupon_uses": Holding(
        "An order of the customer's that named a code.",
        parts(customer="customer_id", names="message_id order_id", plain="id coupon_id at"),
    ),
    "unsent": Holding(
        "A message that is neither sent nor skipped, where it is found by its state.",
        parts(customer="customer_id", names="workflow_id", plain="ledger_id channel state"),
        end=End.EMPTIED,
    ),
    "ledger": Holding(
        "A message that was decided on, and what became of it.",
        parts(
            customer="customer_id",
            names="ledger_key reference message_id workflow_id enrolment caused_by provider_id "
            "counted_as",
            personal="detail",
            plain="id journey n step template channel message_class topic state reason attempt "
            "due_at decided_at held_until held_for claimed_at submitted_at settled_at provider "
            "possible_duplicate twice_at progress progress_at coupon variant version would",
        ),
        end=End.EMPTIED,
        aging=Aging("decided_at", ("detail",)),
    ),
    "customers": Holding(
        "The customer's card; a row for each id that was joined to it.",
        parts(
            customer="customer_id joined_to",
            address="email phone phone2 push_token",
            personal="first_name locale timezone attributes said snoozed_until least_days "
            "in_care_until in_care_of",
            plain="joined_at merged identified_at erased_at restricted_at",
        ),
        end=End.EMPTIED,
    ),
    "measured": Holding("All that a message counts in reports.", find=Find.NOBODY),
    "goals": Holding("An event that is a goal.", find=Find.NOBODY),
    "marks": Holding("A row that has changed since it was measured.", find=Find.NOBODY),
    "changes": Holding("The newest change of a row that others follow.", find=Find.NOBODY),
    "hooks": Holding("How far an address is told what happens.", find=Find.NOBODY),
    "change_feed": Holding("How far changes are numbered.", find=Find.NOBODY),
    "rollups": Holding("What messages of a day count, by kind.", find=Find.NOBODY),
    "rollup_reasons": Holding("How many of them did not leave, by reason.", find=Find.NOBODY),
    "rollup_holds": Holding("How many of them were held, by reason.", find=Find.NOBODY),
    "rollup_money": Holding("The orders that are credited to them.", find=Find.NOBODY),
    "cohorts": Holding("How many came into an experiment on one day.", find=Find.NOBODY),
    "cohort_members": Holding("An exposure that counts in one of these.", find=Find.NOBODY),
    "cohort_orders": Holding("An order since an exposure; names nobody.", find=Find.NOBODY),
    "coupon_pools": Holding("When a pool of coupons last ran dry.", find=Find.NOBODY),
    "audiences": Holding("An audience that is watched, and the last look at it.", find=Find.NOBODY),
    "campaigns": Holding("A campaign that was launched.", find=Find.NOBODY),
    "ab_tests": Holding("The A/B test of a campaign, and its winner.", find=Find.NOBODY),
    "articles": Holding("An article of a feed that a campaign tells of.", find=Find.NOBODY),
    "campaign_words": Holding("An action of an operator on a campaign.", find=Find.NOBODY),
    "ramps": Holding("A sending domain, and its step.", find=Find.NOBODY),
    "ramp_days": Holding("A day of a sending domain.", find=Find.NOBODY),
    "ramp_words": Holding("A word about a sending domain.", find=Find.NOBODY),
    "erasures": Holding("The proof that a person was erased, under a hash.", find=Find.NOBODY),
    "erased_addresses": Holding("An erased address, as a hash.", find=Find.NOBODY),
    "salts": Holding("The key of the hashes.", find=Find.NOBODY),
    "channels": Holding("A channel, and its pause.", find=Find.NOBODY),
    "alerts": Holding("Something that a person should look at.", find=Find.NOBODY),
    "alert_tellings": Holding("A word of it, for one of those who are told.", find=Find.NOBODY),
    "alert_quiets": Holding("An alert that an operator keeps quiet.", find=Find.NOBODY),
    "alert_looks": Holding("How far something was looked at.", find=Find.NOBODY),
    "pulse": Holding("What came in an hour, by name.", find=Find.NOBODY),
    "switches": Holding("A switch that an operator set.", find=Find.NOBODY),
    "write_keys": Holding("A key that may send events.", find=Find.NOBODY),
    "schema_version": Holding("The newest migration.", find=Find.NOBODY),
}
