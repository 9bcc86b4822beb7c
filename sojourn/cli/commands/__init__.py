"""The table of commands, one file each.

The module of ``fast-forward`` is ``fast_forward``. It has a `typer.Typer` called ``app``, and the
help of its command begins with the line of the table. `sojourn.cli.app` imports a module only to
run its command: `sojourn --help` lists the table.
"""

from collections.abc import Mapping

COMMANDS: Mapping[str, str] = {
    "add": "Copy a journey, a campaign or an audience that ships into this project.",
    "alerts": "List what a person should look at, keep an alert quiet, and try who is told.",
    "answers": "List our answers to STOP, START and HELP, newest first, and what became of each.",
    "audience": "List, count, show and explain audiences; import lists of customers.",
    "campaign": "Check and test campaigns, launch and watch them, pause, resume and stop them.",
    "channels": "Show each channel: provider, pause, messages that wait or are unknown, workers.",
    "check": "Replay histories against this code and name each run that it would break.",
    "close": "Close a journey, a topic or all: no event starts a run, open runs go on.",
    "consent": "Show, import and export what customers agreed to and refused.",
    "coupon": "List pools of coupons; import, make and export codes, and show who has one.",
    "customer": "Tell, restrict or erase what is held of one customer.",
    "demo": "Play the project's journeys on the embedded Temporal server, time moved along.",
    "dev": "Run Temporal's dev server with its web UI, a worker, the gateway. Ctrl-C stops them.",
    "events": "List the events that are known here, and what starts or ends runs.",
    "experiments": "Show what control groups and variants have brought, with intervals.",
    "explain": "Tell a customer's story: consents, runs, each message sent, held or skipped, why.",
    "export": "Export what happened into a folder of Parquet, a DuckDB file or PostgreSQL.",
    "fast-forward": "Move the clock of one open run on a development server.",
    "gateway": "Take events over HTTP, as Segment's SDKs send them.",
    "hits": "Judge stored opens and clicks once more: people's, or machines'.",
    "keys": "Manage the write keys with which services send events.",
    "ledger": "List the messages that were decided on, newest first, and what became of them.",
    "message": "Show a message as it was sent; list them by customer, run or provider's id.",
    "migrate": "Bring the database up to date with this version of Sojourn.",
    "new": "Write a new project: a journey, its templates, events and tests, a Makefile.",
    "outbox": "List the messages that went out, newest first; show one as its reader sees it.",
    "pause": "Hold a journey, a topic or all back: messages wait, and no event starts a run.",
    "policy": "Show by channel if a promotional message may leave now, and the rules for that.",
    "preview": "Show what a journey would say to a customer, when, and why not; send nothing.",
    "publish": "Publish one event of a customer, or a file of Segment calls.",
    "quarantine": "List the calls that do not validate, oldest first; mend, redrive or drop them.",
    "ramp": "List sending domains that warm up, show their steps, and put one on another step.",
    "recover": "After a restore: find runs that the store or Temporal lacks, and enter them again.",
    "rehearse": "Play a season of a shop through the journeys, and show who got what and why not.",
    "replay": "Run a recording through the real engine in virtual time, and count the messages.",
    "report": "Tell what messages did: who entered, what left, why not, clicks, orders, revenue.",
    "resume": "Resume what `sojourn pause` or `sojourn close` holds back.",
    "rollups": "Show how far reports have counted, or count all once more.",
    "runs": "List runs: open ones first, then the newest.",
    "start": "Start a journey for one customer, or for a file of them.",
    "stop": "End runs: they send nothing more, from the moment of the answer on.",
    "suppressions": "List, add, import, export and lift suppressions: addresses that get nothing.",
    "switches": "List what operators hold back, since when, who and why.",
    "tasks": "List what journeys ask people, the most urgent first; show one, answer one.",
    "tickets": "List open tickets, newest first; close one.",
    "webhooks": "List the addresses that are told what happens, or tell them once more.",
    "weekly": "Send the team an e-mail each week with what the messages did; show one, try one.",
    "why-not": "Say in one line why a customer did not get a journey or a message, with evidence.",
}
