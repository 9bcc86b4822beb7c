"""Evaluate audiences on a raw recording with DuckDB, by docs/facts.md and docs/audiences.md.

Nothing here knows Sojourn's tables, SQL or Python: only the calls as they were sent, the ids on a
list, the log of a campaign's provider, and the text of these pages.
"""

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb

VIEWS = """
CREATE TABLE calls AS
SELECT row_number() OVER () AS line, type, "messageId" AS id, "userId" AS who, "previousId" AS old,
       "timestamp"::TIMESTAMPTZ AS ts, event, properties, traits
FROM read_json($file, format = 'newline_delimited', columns = {
    type: 'VARCHAR', "messageId": 'VARCHAR', "userId": 'VARCHAR', "previousId": 'VARCHAR',
    "timestamp": 'VARCHAR', event: 'VARCHAR', properties: 'JSON', traits: 'JSON'});

-- two ids that an alias call has joined are one person
CREATE TABLE same AS SELECT DISTINCT old, who FROM calls WHERE type = 'alias';
CREATE TABLE told AS
SELECT calls.* REPLACE (coalesce(same.who, calls.who) AS who)
FROM calls LEFT JOIN same ON calls.who = same.old;
CREATE TABLE people AS
SELECT DISTINCT who FROM told WHERE type IN ('identify', 'track', 'alias');
CREATE TABLE listed AS
SELECT DISTINCT coalesce(same.who, entry.who) AS who
FROM (SELECT unnest($on_list::VARCHAR[]) AS who) entry LEFT JOIN same ON entry.who = same.old;

CREATE TABLE letters AS
SELECT coalesce(same.who, letter."to") AS who, channel, outcome, clicked
FROM read_json($letters, format = 'newline_delimited', columns = {
    "to": 'VARCHAR', channel: 'VARCHAR', outcome: 'VARCHAR', clicked: 'BOOLEAN'}) letter
LEFT JOIN same ON letter."to" = same.old;
CREATE VIEW had AS SELECT who FROM letters WHERE outcome = 'accepted' INTERSECT FROM people;

-- a call that comes again is the same call, unless it tells another event or names another thing
CREATE TABLE happened AS
SELECT DISTINCT ON (id, who, event, properties ->> 'order_id', properties ->> 'cart_id',
                    properties ->> 'product_id')
       who, event, ts, (properties ->> 'total')::DOUBLE AS total,
       upper(properties ->> 'currency') AS currency,
       coalesce((properties ->> 'quantity')::INT, 1) AS quantity
FROM told WHERE type = 'track' AND ts <= $now ORDER BY id, line;
CREATE VIEW orders AS FROM happened WHERE event = 'Order Completed';

-- each trait stands for itself: what was told last
CREATE TABLE traits AS
SELECT who, name, max_by(traits -> ('$."' || name || '"'), ts) AS value
FROM (SELECT who, ts, traits, unnest(json_keys(traits)) AS name FROM told WHERE type = 'identify')
GROUP BY who, name;

CREATE TABLE words AS
SELECT who, ts, channel, '' AS topic,
       (traits -> 'marketingConsent' -> channel) = 'true' AS granted, NULL::TIMESTAMPTZ AS ends
FROM (SELECT *, unnest(json_keys(traits -> 'marketingConsent')) AS channel
      FROM told WHERE type = 'identify' AND (traits -> 'marketingConsent') IS NOT NULL)
UNION ALL
SELECT who, ts, coalesce(word ->> 'channel', ''), coalesce(word ->> 'topic', ''),
       (word -> 'granted') = 'true', (word ->> 'expiresAt')::TIMESTAMPTZ
FROM (SELECT who, ts, unnest((traits -> 'consents')::JSON[]) AS word
      FROM told WHERE type = 'identify' AND (traits -> 'consents') IS NOT NULL);
CREATE TABLE latest AS
SELECT who, channel, topic, max(ts) AS ts, max_by(granted, ts) AS granted,
       max_by(granted AND (ends IS NULL OR ends > $now), ts) AS holds
FROM words GROUP BY ALL;

-- the table "What a message needs", by e-mail
CREATE TABLE welcome AS
SELECT people.who, topics.topic,
       CASE WHEN own.granted = false OR every.granted = false THEN false
            WHEN own.granted AND (channel.granted IS DISTINCT FROM false OR own.ts > channel.ts)
              THEN true
            WHEN topics.by_default THEN channel.holds
            WHEN channel.holds = false THEN false END AS yes
FROM people CROSS JOIN (VALUES ('offers', true), ('news', false)) topics (topic, by_default)
LEFT JOIN latest channel ON channel.who = people.who AND channel.channel = 'email'
     AND channel.topic = ''
LEFT JOIN latest own ON own.who = people.who AND own.channel = 'email' AND own.topic = topics.topic
LEFT JOIN latest every ON every.who = people.who AND every.channel = ''
     AND every.topic = topics.topic;
"""
_TRAIT = "SELECT who FROM traits WHERE name = "
_ORDERED = "SELECT who FROM orders"
_HOW_LONG = "$now - max(ts) > INTERVAL {} DAY"

INSIDE: Mapping[str, str] = {
    # those of the shop
    "regulars": f"{_ORDERED} WHERE ts > $now - INTERVAL 90 DAY GROUP BY who HAVING count(*) >= 2",
    "asleep": f"{_ORDERED} GROUP BY who HAVING {_HOW_LONG.format(90)}",
    "newcomers": f"SELECT who FROM people EXCEPT {_ORDERED}",
    # those of the tests' project
    "pro": f"""{_TRAIT} 'plan' AND value = '"pro"'""",
    "fair": """SELECT who FROM listed INTERSECT
        SELECT who FROM latest WHERE channel = 'email' AND topic = '' AND holds""",
    "away": f"{_ORDERED} GROUP BY who HAVING {_HOW_LONG.format(60)}",
    "lookers": f"SELECT who FROM happened WHERE event = 'Product Added' EXCEPT {_ORDERED}",
    # an order in euros without a total leaves it open, and so does one without a currency
    "spenders": f"""{_ORDERED} GROUP BY who
        HAVING count(*) FILTER (currency IS NULL OR currency = 'EUR' AND total IS NULL) = 0
           AND sum(total) FILTER (currency = 'EUR') >= 100""",
    "once": f"{_ORDERED} GROUP BY who HAVING count(*) = 1",
    # other kinds of questions
    "two-good-ones": f"""{_ORDERED} WHERE total >= 50 AND ts > $now - INTERVAL 60 DAY
        GROUP BY who HAVING count(*) >= 2""",
    "nothing-big": f"SELECT who FROM people EXCEPT {_ORDERED} WHERE total >= 200 OR total IS NULL",
    "few-added": """SELECT who FROM people EXCEPT SELECT who FROM happened
        WHERE event = 'Product Added' AND ts > $now - INTERVAL 30 DAY
        GROUP BY who HAVING count(*) > 1""",
    "armfuls": """SELECT who FROM happened WHERE event = 'Product Added' AND quantity >= 2""",
    "long-unseen": f"""SELECT who FROM happened WHERE event = 'Product Viewed'
        GROUP BY who HAVING {_HOW_LONG.format(20)}""",
    "old-hands": f"{_ORDERED} GROUP BY who HAVING $now - min(ts) > INTERVAL 45 DAY",
    # by the newest order in euros, unless one without a currency came after it
    "euros-long-ago": f"""{_ORDERED} GROUP BY who
        HAVING $now - max(ts) FILTER (currency = 'EUR') > INTERVAL 30 DAY
           AND coalesce(max(ts) FILTER (currency IS NULL) < max(ts) FILTER (currency = 'EUR'),
                        true)""",
    "spent-little": """SELECT who FROM people ANTI JOIN (SELECT who FROM orders
        WHERE ts > $now - INTERVAL 60 DAY GROUP BY who
        HAVING count(*) FILTER (currency IS NULL OR currency = 'EUR' AND total IS NULL) > 0
            OR sum(total) FILTER (currency = 'EUR') >= 60) USING (who)""",
    "offers-welcome": "SELECT who FROM welcome WHERE topic = 'offers' AND yes",
    "offers-refused": "SELECT who FROM welcome WHERE topic = 'offers' AND NOT yes",
    "news-welcome": "SELECT who FROM welcome WHERE topic = 'news' AND yes",
    "by-sms": "SELECT who FROM latest WHERE channel = 'sms' AND topic = '' AND holds",
    "not-pro": f"""{_TRAIT} 'plan' AND json_type(value) = 'VARCHAR' AND value <> '"pro"'""",
    "not-pro-or-not-told": f"""SELECT who FROM people EXCEPT {_TRAIT} 'plan'
        AND value = '"pro"'""",
    "paying": f"""{_TRAIT} 'plan' AND value IN ('"pro"', '"team"')""",
    "vips": f"""{_TRAIT} 'tags' AND (json_type(value) = 'ARRAY' AND json_contains(value, '"vip"')
        OR json_type(value) = 'VARCHAR' AND contains(value ->> '$', 'vip'))""",
    "polish": f"""{_TRAIT} 'address' AND json_type(value) = 'OBJECT'
        AND value ->> 'country' = 'PL'""",
    "age-unknown": f"""SELECT who FROM people EXCEPT {_TRAIT} 'age'
        AND json_type(value) <> 'NULL'""",
    "grown-up": f"""{_TRAIT} 'age' AND json_type(value) IN ('UBIGINT', 'BIGINT', 'DOUBLE')
        AND (value ->> '$')::DOUBLE >= 18""",
    "old-customers": f"""{_TRAIT} 'since' AND json_type(value) = 'VARCHAR'
        AND TRY_CAST(value ->> '$' AS DATE) < DATE '2024-01-01'""",
    "no-newsletter": f"{_TRAIT} 'newsletter' AND value = 'false'",
    "quiet-or-new": f"""SELECT who FROM people EXCEPT {_ORDERED}
        GROUP BY who HAVING $now - max(ts) <= INTERVAL 30 DAY""",
    # those of a campaign: of a text message nobody knows whether it was clicked in
    "had": "FROM had",
    "not-had": "FROM people EXCEPT SELECT who FROM letters WHERE outcome <> 'skipped'",
    "clicked": "SELECT who FROM letters WHERE clicked",
    "bought": f"{_ORDERED} WHERE ts > $campaign",
    "silent": f"""FROM had EXCEPT SELECT who FROM letters WHERE clicked
        EXCEPT SELECT who FROM letters WHERE channel <> 'email' AND outcome <> 'skipped'
        EXCEPT {_ORDERED} WHERE ts > $campaign""",
    "not-listed": "SELECT who FROM people EXCEPT SELECT who FROM listed",
    "mixed": f"""(({_TRAIT} 'plan' AND value = '"pro"') UNION
        (SELECT who FROM orders GROUP BY who HAVING count(*) >= 2)) EXCEPT
        SELECT who FROM happened WHERE event = 'Product Added' AND ts > $now - INTERVAL 7 DAY""",
}


def counted(
    file: Path, on_list: list[str], letters: Path, campaign: datetime, now: datetime
) -> dict[str, set[str]]:
    """Return the customers in each audience.

    Args:
        file: the recording, with one call per line; may be .gz.
        on_list: the ids on the only list.
        letters: the outcome of each message of the only campaign, one per line.
        campaign: the moment when they left.
        now: the moment at which the audiences are evaluated.
    """
    given: dict[str, Any] = {
        "now": now,
        "file": str(file),
        "on_list": on_list,
        "letters": str(letters),
        "campaign": campaign,
    }
    with duckdb.connect() as database:
        database.execute("SET TimeZone = 'UTC'")
        for statement in VIEWS.split(";\n"):
            database.execute(statement, _named(statement, given))
        return {
            name: {who for (who,) in database.execute(query, _named(query, given)).fetchall()}
            for name, query in INSIDE.items()
        }


def _named(statement: str, given: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in given.items() if f"${name}" in statement}
