from typing import Any

import pytest
from pydantic import ConfigDict

from sojourn import NonPersonal, http_call


class Decision(NonPersonal):
    allowed: bool


class Open(NonPersonal):
    model_config = ConfigDict(extra="allow")


def declared(**changes: Any) -> Any:
    said = {"url": "https://shop.example/refunds", "secret": "SHOP_SECRET", "answer": Decision}
    return http_call(changes.pop("name", "may_refund"), **{**said, **changes})


@pytest.mark.parametrize(
    "url",
    [
        "https://shop.example/refunds",
        "http://localhost:8080/refunds",
        "http://127.0.0.1/refunds",
        "http://[::1]/refunds",
        "SHOP_REFUNDS_URL",
    ],
)
def test_a_service_is_declared_in_a_few_lines(url: str) -> None:
    activity = declared(url=url, sends={"order_id": str})
    assert (activity.name, activity.returns) == ("may_refund", Decision)
    assert activity.function.__module__ == __name__
    assert activity.written({"order_id": "o7"}) == {"order_id": "o7"}
    with pytest.raises(TypeError, match="cart"):
        activity.written({"order_id": "o7", "cart": "c7"})


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"url": "http://shop.example/refunds"}, "must begin with https"),
        ({"url": "ftp://shop.example"}, "must begin with https"),
        ({"url": "https://ada:secret@shop.example"}, "user or a password"),
        ({"secret": "whsec_c2VjcmV0"}, "the name of an environment variable"),
        ({"answer": dict}, "a class on sojourn.NonPersonal"),
        ({"answer": Open}, "does not declare"),
        ({"card": ("favourite",)}, 'the card has no "favourite"'),
        ({"sends": {"customer_id": str}}, 'cannot name a field "customer_id"'),
        ({"sends": {"order id": str}}, 'cannot name a field "order id"'),
        ({"name": "may refund"}, "is not a name"),
    ],
)
def test_what_makes_no_sense_is_refused_where_it_is_declared(
    wrong: dict[str, Any], told: str
) -> None:
    with pytest.raises(TypeError, match=told) as refused:
        declared(**wrong)
    assert "whsec_" not in str(refused.value)
