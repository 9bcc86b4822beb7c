"""`http_call`: an activity that asks a service over HTTP, signed, and reads a declared answer.

Temporal sees the declared fields of question and answer, and nothing else: neither the address, nor
the secret, nor what the card adds, nor a body.
"""

import inspect
import json
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import httpx
from pydantic import TypeAdapter, ValidationError
from standardwebhooks import Webhook
from temporalio import activity as temporal

from sojourn.domain.calls import NonPersonal
from sojourn.domain.endpoints import fault_of
from sojourn.domain.errors import BadSetting, CallFailed, RateLimited, TransientError
from sojourn.domain.keys import is_address
from sojourn.domain.made_ids import digest
from sojourn.journeys.activities import NOTHING, WITHIN, Activity
from sojourn.sending.breaker import breaker_of
from sojourn.sending.calls import Context
from sojourn.sending.signed import headers_of, post, signing

A = TypeVar("A", bound=NonPersonal)

TIMEOUT = timedelta(seconds=10)
CARD = ("email", "phone", "first_name", "locale", "timezone")
"""Fields of the customer's card that a call can send."""
_OURS = ("customer_id", "journey", "key")
_VARIABLE = re.compile(r"[A-Z][A-Z0-9_]*", re.ASCII)
_MARGIN = timedelta(seconds=10)


@dataclass(frozen=True)
class _Service:
    """A service, as a project declares it."""

    name: str
    url: str
    secret: str
    card: tuple[str, ...]
    fields: Mapping[str, TypeAdapter[Any]]
    answer: type[NonPersonal]
    timeout: timedelta


def http_call(
    name: str,
    *,
    url: str,
    secret: str,
    answer: type[A],
    sends: Mapping[str, Any] | None = None,
    card: Sequence[str] = (),
    timeout: timedelta = TIMEOUT,
    deadline: timedelta = WITHIN,
    effects: bool = True,
    in_shadow: A | None = None,
) -> Activity[..., A]:
    """Declare an activity that posts JSON to a service, signed by Standard Webhooks.

    ::

        may_refund = http_call(
            "may_refund", url="SHOP_REFUNDS_URL", secret="SHOP_SIGNING_SECRET",
            sends={"order_id": str, "total": Decimal}, answer=MayRefund,
        )

    It is retried until its deadline after no answer, 408, 425, 429 and 5xx, and waits as long as
    ``Retry-After`` says. Any other answer but a 2xx is `Failed`, at once.

    Args:
        name: of the activity, as histories and operators have it.
        url: the address, or the name of the environment variable that has it. ``https``, or
            ``http`` on this machine.
        secret: the name of the environment variable that has the secret, ``whsec_...``.
        answer: the fields that are read from the answer; others are dropped.
        sends: the fields that a step gives, with their types; nothing personal, a history keeps
            them. The customer's id, the journey's name and the run's key go along.
        card: fields of the customer's card that go along, of ``CARD``. No history has them.
        timeout: how long one attempt may take.
        deadline: how long the call is retried, unless `Activity.within` says otherwise.
        effects: False if the service only looks something up: runs in shadow call it as well.
        in_shadow: the answer that a run in shadow gets in place of a call.

    Returns:
        The activity, for `Journey.call`.

    Raises:
        TypeError: the declaration makes no sense; the text says which part.
    """
    fields = dict(sends or {})
    _check(name, url=url, secret=secret, answer=answer, fields=fields, card=card)
    service = _Service(
        name, url, secret, tuple(card), {n: TypeAdapter(t) for n, t in fields.items()}, answer,
        timeout,
    )  # fmt: skip

    async def perform(context: Context, **given: Any) -> Any:
        return await _called(service, context, given)

    kind = inspect.Parameter
    parameters = [kind("context", kind.POSITIONAL_OR_KEYWORD)]
    parameters += [kind(field, kind.KEYWORD_ONLY) for field in fields]
    vars(perform)["__signature__"] = inspect.Signature(parameters)
    perform.__annotations__ = {**fields, "return": answer}
    perform.__name__ = name
    # it is the project's, which finds its activities by the module that declares them
    frame = inspect.currentframe()
    assert frame is not None
    assert frame.f_back is not None
    perform.__module__ = frame.f_back.f_globals["__name__"]
    supposed = NOTHING if in_shadow is None else in_shadow
    return Activity(perform, name, deadline, timeout + _MARGIN, effects, supposed)


def _check(
    name: str,
    *,
    url: str,
    secret: str,
    answer: type[NonPersonal],
    fields: Mapping[str, Any],
    card: Sequence[str],
) -> None:
    if not name.isidentifier():
        raise TypeError(f'http_call: "{name}" is not a name; write it like "may_refund"')
    if not _VARIABLE.fullmatch(url) and (fault := fault_of(url)):
        raise TypeError(f"{name}: url= {fault}")
    if not _VARIABLE.fullmatch(secret):
        raise TypeError(
            f"{name}: secret= is the name of an environment variable, such as "
            '"SHOP_SIGNING_SECRET", not the secret itself'
        )
    if not (isinstance(answer, type) and issubclass(answer, NonPersonal)):
        raise TypeError(f"{name}: answer= is a class on sojourn.NonPersonal: a history keeps it")
    if answer.model_config.get("extra") == "allow":
        raise TypeError(f"{name}: {answer.__name__} must not keep fields that it does not declare")
    if unknown := [field for field in card if field not in CARD]:
        raise TypeError(f'{name}: the card has no "{unknown[0]}" to send: {", ".join(CARD)}')
    taken = [field for field in fields if field in (*_OURS, *card) or not field.isidentifier()]
    if taken:
        raise TypeError(f'{name}: sends= cannot name a field "{taken[0]}"')


async def _called(service: _Service, context: Context, given: Mapping[str, Any]) -> NonPersonal:
    url, signer = _address(service), _signing(service)
    name = f"call_{digest(context.idempotency_key)}"
    body = json.dumps(
        {
            "type": service.name,
            "timestamp": context.now.isoformat(),
            "data": await _data(service, context, given),
        },
        ensure_ascii=False,
    )
    now, breaker = _now(), breaker_of(url)
    if (wait := breaker.wait(now, service.timeout + _MARGIN)) is not None:
        raise TransientError("the service fails again and again", retry_after=wait)
    try:
        status, said, asked = await post(
            url, body, headers_of([signer], name, body), service.timeout
        )
    except (httpx.HTTPError, TimeoutError) as error:
        breaker.failed(_now())
        raise TransientError(f"no answer: {type(error).__name__}") from None
    except CallFailed:
        breaker.succeeded()
        raise
    if status in (408, 425, 429) or status >= 500:
        breaker.failed(_now(), asked=asked)
        kind = RateLimited if status == 429 else TransientError
        raise kind(f"HTTP {status}", retry_after=asked)
    breaker.succeeded()
    if not 200 <= status < 300:
        raise CallFailed(f"HTTP {status}")
    return _read(service, said)


def _address(service: _Service) -> str:
    if not _VARIABLE.fullmatch(service.url):
        return service.url
    url = os.environ.get(service.url, "").strip()
    if not url:
        raise BadSetting(
            f"{service.url} is not set: {service.name} needs the address of the service"
        )
    if fault := fault_of(url):
        raise BadSetting(f"{service.url} {fault}")
    return url


def _signing(service: _Service) -> Webhook:
    secret = os.environ.get(service.secret, "").strip()
    if not secret:
        raise BadSetting(f"{service.secret} is empty: {service.name} cannot sign")
    return signing(service.secret, secret)


async def _data(service: _Service, context: Context, given: Mapping[str, Any]) -> dict[str, Any]:
    data: dict[str, Any] = {name: getattr(context, name) for name in _OURS}
    for name, value in given.items():
        data[name] = service.fields[name].dump_python(value, mode="json")
    if service.card:
        customer = await context.customer()
        if customer.erased or customer.restricted:
            raise CallFailed("Restricted", "the customer is erased, or their data are not used")
        data |= {name: getattr(customer, name) for name in service.card}
    return data


def _read(service: _Service, said: bytes) -> NonPersonal:
    """Return the declared fields of an answer.

    Raises:
        CallFailed: they are not what is declared. The reason names fields, and quotes nothing.
    """
    try:
        answer = service.answer.model_validate_json(said or b"{}")
    except ValidationError as error:
        fault = error.errors(include_url=False, include_context=False, include_input=False)[0]
        known = set(service.answer.model_fields)
        place = [str(part) for part in fault["loc"]][:1]
        where = place[0] if place and place[0] in known else "the answer"
        raise CallFailed("BadAnswer", f"{where}: {fault['type']}") from None
    for name, value in answer:
        if _has_address(value):
            raise CallFailed("BadAnswer", f"{name}: an address, which no history may keep")
    return answer


def _has_address(value: Any) -> bool:
    match value:
        case str():
            return is_address(value)
        case Mapping():
            return any(_has_address(each) for each in (*value.keys(), *value.values()))
        case list() | tuple() | set() | frozenset():
            return any(map(_has_address, value))
        case NonPersonal():
            return any(_has_address(each) for _, each in value)
    return False


def _now() -> datetime:
    """Return the moment by Temporal's clock: it passes in tests as it does for the retries."""
    if temporal.in_activity():
        return temporal.info().current_attempt_scheduled_time
    return datetime.now(UTC)
