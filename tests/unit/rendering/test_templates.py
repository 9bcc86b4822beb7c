"""Every shipped template in every language, and the rules that all of them keep."""

import itertools
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from html.parser import HTMLParser
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import unquote

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sojourn.domain.calendar import zone
from sojourn.domain.content import Content
from sojourn.domain.coupon_codes import specimen
from sojourn.domain.coupons import Coupon
from sojourn.domain.customer import Customer
from sojourn.domain.errors import BadSetting, NothingLeft, NothingToSay, TemplateError
from sojourn.domain.events import (
    AppointmentBooked,
    ComplaintReceived,
    Event,
    FeatureUsed,
    InvoiceIssued,
    InvoiceUpdated,
    MessageReplied,
    OptInRequested,
    OrderCompleted,
    OrderDelivered,
    OrderShipped,
    PaymentFailed,
    PaymentReceived,
    PointsEarned,
    PointsExpiring,
    PriceDropped,
    ProductAdded,
    ProductBackInStock,
    ProductRemoved,
    ProductViewed,
    ProductWatched,
    RenewalRequested,
    SignedUp,
    SubscriptionChanged,
    SubscriptionRenewed,
    SubscriptionStarted,
    TierReached,
)
from sojourn.domain.events.samples import made_up_fields
from sojourn.domain.feed import Article, Articles
from sojourn.domain.history import History
from sojourn.domain.intents import Intent
from sojourn.domain.launched import CampaignLaunched
from sojourn.domain.links import Renew, Unsubscribe, read_renew, read_unsubscribe
from sojourn.domain.messages import Channel, MessageClass
from sojourn.domain.sms import Encoding, segments
from sojourn.rendering.contents import PARTS
from sojourn.rendering.folders import ENGINE, KINDS, missing
from sojourn.rendering.languages import fallbacks
from sojourn.rendering.render import RenderContext, Renderer
from sojourn.settings import Settings
from tests.support.project import WHOLE

SECRET = "kept in a drawer"
NOW = datetime(2026, 3, 5, 9, 30, tzinfo=UTC)
SHOP = Settings(
    shop_name="Tern & Oak",
    shop_url="https://shop.example/",
    shop_address="12 Harbour Lane, Bristol",
    from_email="Tern & Oak <hello@shop.example>",
    public_url="https://mail.shop.example",
    locale="en",
)
(TEMPLATES,) = WHOLE.templates
LANGUAGES = WHOLE.languages
RENDERER = Renderer(SHOP, SECRET, [TEMPLATES], LANGUAGES)
# shipped to show what a channel needs, for a journey that adds it
EXAMPLES = {("onboarding", "help", Channel.WHATSAPP)}


class OnDisk(NamedTuple):
    journey: str
    template: str
    channel: Channel
    lang: str

    @property
    def stem(self) -> str:
        return f"{self.journey}/{self.template}.{self.channel}.{self.lang}"


def on_disk() -> list[OnDisk]:
    found = []
    for path in sorted(TEMPLATES.glob("*/*.*.*.*")):
        template, channel, lang, kind = path.name.split(".")
        if kind in KINDS[Channel(channel)]:
            found.append(OnDisk(path.parent.name, template, Channel(channel), lang))
    return found


def added(product: str = "lamp", **fields: Any) -> ProductAdded:
    fields = {"cart_id": "cart 7", "occurred_at": NOW - timedelta(days=1), **fields}
    return ProductAdded.model_validate({"customer_id": "c_1", "product_id": product, **fields})


def subscribed(**fields: Any) -> SubscriptionStarted:
    fields = {"expires_at": datetime(2026, 3, 12, 23, 30, tzinfo=UTC), **fields}
    return SubscriptionStarted.model_validate(
        {"customer_id": "c_1", "subscription_id": "sub_9", **fields}
    )


def looked_at(product: str, **fields: Any) -> ProductViewed:
    fields = {"customer_id": "c_1", "product_id": product, "occurred_at": NOW, **fields}
    return ProductViewed.model_validate(fields)


def ordered(name: str, **fields: Any) -> OrderCompleted:
    order = {"order_id": "o_7", "cart_id": "cart 8"}
    product = {"product_id": "p_1", "name": name, **fields}
    return OrderCompleted.model_validate({"customer_id": "c_1", **order, "products": [product]})


PRICED = {"price": "89.50", "currency": "EUR"}
RICH: list[Event] = [
    SignedUp(customer_id="c_1", plan="Plus", first_name="Ada"),
    added("lamp", name="Oak lamp", url="/lamp", image_url="https://cdn.example/lamp.jpg", **PRICED),
    added("mug", name="Mug", quantity=2, **PRICED),
    FeatureUsed(customer_id="c_1", feature="wishlist"),
    subscribed(plan="Coffee Club", price="14.90", currency="EUR"),
    OptInRequested(customer_id="c_1", channel="email", topic="newsletter", occurred_at=NOW),
]
SPARSE: list[Event] = [SignedUp(customer_id="c_1"), added(), subscribed()]
LAMP = {"customer_id": "c_1", "product_id": "lamp", "currency": "EUR"}
MORE: dict[str, list[Event]] = {
    "product-watch": [
        ProductWatched.model_validate({**LAMP, "name": "Oak lamp", "price": "89.50"}),
        PriceDropped.model_validate({**LAMP, "price": "69.50"}),
        ProductBackInStock.model_validate(LAMP),
    ],
    "appointment": [
        AppointmentBooked(
            customer_id="c_1",
            appointment_id="a_1",
            starts_at=datetime(2026, 3, 6, 17, tzinfo=UTC),
            ends_at=datetime(2026, 3, 6, 18, tzinfo=UTC),
            timezone="America/New_York",
            name="Fitting",
            place="12 Harbour Lane, Bristol",
            occurred_at=NOW,
        )
    ],
    "after-purchase": [
        ordered("Reading lamp", category="Lighting", url="/lamp", **PRICED),
        OrderDelivered(customer_id="c_1", order_id="o_7"),
    ],
    "loyalty": [
        PointsEarned(customer_id="c_1", points=40, balance=1242, worth="12.42", currency="EUR"),
        TierReached(customer_id="c_1", tier="Gold"),
    ],
    "loyalty-tier": [TierReached(customer_id="c_1", tier="Gold")],
    "points-expiring": [
        PointsExpiring(
            customer_id="c_1",
            points=120,
            worth="1.20",
            currency="EUR",
            expires_at=datetime(2026, 3, 12, 22, 59, tzinfo=UTC),
        ),
    ],
    "order-confirmed": [
        OrderCompleted(
            customer_id="c_1",
            order_id="o_7",
            products=ordered("Reading lamp", **PRICED).products,
            total=Decimal("95.40"),
            shipping=Decimal("5.90"),
            discount=Decimal(5),
            currency="EUR",
            shipping_address="12 Harbour Lane",
        ),
    ],
    "delivery": [
        OrderShipped(customer_id="c_1", order_id="o_7", tracking_url="https://gls.example/7"),
    ],
    "two-way": [
        MessageReplied(customer_id="c_1", intent=Intent.ORDER, channel="sms", occurred_at=NOW),
        OrderShipped(
            customer_id="c_1",
            order_id="o_7",
            tracking_url="https://gls.example/7",
            occurred_at=NOW - timedelta(days=1),
        ),
    ],
    "browse-abandonment": [looked_at("desk", name="Writing desk", **PRICED), looked_at("jug")],
    "payment-due": [
        InvoiceUpdated(
            customer_id="c_1",
            invoice_id="i_7",
            amount=Decimal(120),
            currency="EUR",
            number="2026/17",
            pay_url="https://pay.example/i_7",
        ),
        PaymentReceived(customer_id="c_1", invoice_id="i_7", amount=Decimal(20), currency="EUR"),
    ],
}
"""By journey, what a rich history has besides."""
STORIES = (
    Article(
        "1", "How to pitch a tent on sand", "https://shop.example/blog/sand",
        "Sand gives way, and so do pegs. Five things that hold all the same, and one that does "
        "not, whatever your neighbour on the camping site says about it.",
        "https://shop.example/blog/sand.jpg", NOW - timedelta(days=1),
    ),
    Article("2", "Wax or spray?", "https://shop.example/blog/wax"),
)  # fmt: skip
ANSWERED = {"appointment"}
"""Journeys whose messages, all transactional, are answered with yes or no."""
BILL = {"customer_id": "c_1", "invoice_id": "i_7", "occurred_at": NOW - timedelta(hours=2)}
NEEDED: dict[str, list[Event]] = {
    "payment-due": [
        InvoiceIssued.model_validate({**BILL, "due_at": NOW + timedelta(days=3)}),
        PaymentFailed.model_validate({**BILL, "next_attempt_at": NOW + timedelta(days=1)}),
    ]
}
"""By journey, what is always told before it writes."""
DECLINES = {
    ("after-purchase", "tips"),
    ("browse-abandonment", "reminder"),
    ("loyalty", "balance"),
    ("product-watch", "price-dropped"),
    ("product-watch", "back-in-stock"),
    ("two-way", "where"),
    ("two-way", "where-in-chat"),
}
"""Messages that have nothing to say to a customer without a history."""
ADA = Customer("c_1", known=True, first_name="Ada", email="ada@x.example", locale="en-GB")
NOBODY = Customer("c_1", known=True)


def about(
    journey: str,
    template: str,
    *events: Event,
    customer: Customer = ADA,
    message_class: MessageClass = MessageClass.PROMOTIONAL,
    message_id: str = "run/e_1/1-step",
    **changes: Any,
) -> RenderContext:
    history = list(events or RICH)
    if history == RICH:
        history += MORE.get(journey, [])
    history += NEEDED.get(journey, [])
    start: Event
    key = ""
    if (campaign := WHOLE.campaigns.get(journey)) is not None:
        history = []
        start = CampaignLaunched(customer_id="c_1", campaign=journey, occurred_at=NOW)
        if (pool := WHOLE.coupons.get(campaign.message.coupon)) is not None:
            until = pool.until(NOW, zone("Europe/Warsaw"))
            changes = {"coupon": Coupon(pool, specimen(pool.pattern), until), **changes}
        if campaign.articles is not None:
            rich = list(events or RICH) == RICH
            changes = {"articles": Articles({"": STORIES if rich else STORIES[1:]}), **changes}
    else:
        start = start_of(journey, history)
        key = getattr(start, WHOLE.journeys[journey].terms.key or "none", None) or ""
    context = RenderContext(
        customer=customer,
        journey=journey,
        template=template,
        message_id=message_id,
        message_class=message_class,
        topic="cart",
        start=start,
        key=key,
        history=History(history),
        now=NOW,
        timezone="Europe/Warsaw",
    )
    return replace(context, **changes)


def start_of(journey: str, history: list[Event]) -> Event:
    """Return the event of a history that starts a journey; a made-up one if there is none."""
    kind = WHOLE.journeys[journey]
    if (start := next((e for e in history if isinstance(e, kind.terms.starts_on)), None)) is None:
        needed = {"customer_id": "c_1", "channel": "email"}  # the latter of opt-in requests
        begins = kind.terms.starts_on[0]
        start = begins.model_validate({**made_up_fields(begins, now=NOW), **needed})
    return start


def reminder(*events: Event, **changes: Any) -> Content:
    return RENDERER.render(about("abandoned-cart", "reminder", *events, **changes), Channel.EMAIL)


def words(content: Content) -> str:
    return "\n".join(
        [
            content.subject,
            content.preheader,
            content.text,
            content.title,
            content.body,
            content.html,
        ]
    )


# ---- every template ------------------------------------------------------------------------

LOCALES = ("en-US", "it-IT", "pl-PL")
LIKE_THESE = ("en-GB", "it_CH", "PL", "de-DE", "xx-YY", "!!", "")
"""They lead to the same files; `make test` tries them with one customer and one class."""
MESSAGES = sorted({(t.journey, t.template, t.channel) for t in on_disk()})


def ways_to_render() -> Iterator[Any]:
    """Yield each locale with a customer who told a lot and one who told nothing, of each class."""
    people = {"rich": (ADA, RICH), "sparse": (NOBODY, SPARSE)}
    for one, (name, told), locale in itertools.product(
        MessageClass, people.items(), (*LOCALES, *LIKE_THESE)
    ):
        tried = locale in LOCALES or (one is MessageClass.PROMOTIONAL and name == "rich")
        marks = [] if tried else [pytest.mark.long]
        yield pytest.param(locale, *told, one, id=f"{one}-{name}-{locale}", marks=marks)


@pytest.mark.parametrize(("locale", "customer", "events", "message_class"), list(ways_to_render()))
def test_every_template_renders_in_one_language(
    locale: str, customer: Customer, events: list[Event], message_class: MessageClass
) -> None:
    for journey, template, channel in MESSAGES:
        context = about(
            journey,
            template,
            *events,
            customer=replace(customer, locale=locale),
            message_class=message_class,
        )
        if events is SPARSE and (journey, template) in DECLINES:
            with pytest.raises(NothingToSay):
                RENDERER.render(context, channel)
            continue
        content = RENDERER.render(context, channel)
        lang = locale[:2].lower() if locale[:2].lower() in LANGUAGES else "en"
        assert content.locale == lang
        assert content.template == f"{journey}/{template}.{channel}.{lang}"
        parts = ("subject", "preheader", "text") if channel is Channel.EMAIL else PARTS[channel]
        for part in parts:
            assert getattr(content, part), f"{content.template} has no {part}"
        assert content.text or channel is not Channel.WHATSAPP
        said = words(content)
        for slip in ("{{", "{n}", "{shop}", "{%", "None", "Undefined", "  \n", "&amp;amp;"):
            assert slip not in re.sub(r"<style>.*</style>", "", said, flags=re.DOTALL), (
                f"{slip} in {content.template}"
            )
        if channel is Channel.EMAIL:
            assert f'<html lang="{lang}"' in content.html
            assert "12 Harbour Lane, Bristol" in content.html
            assert "12 Harbour Lane, Bristol" in content.text
            assert len(content.html.encode()) < 60_000, "mailboxes cut off at 102 kB"
            promotional = message_class is MessageClass.PROMOTIONAL
            assert ("https://mail.shop.example/u/" in content.html) is promotional
            assert ("https://mail.shop.example/u/" in content.text) is promotional
            assert bool(content.headers) is promotional


def test_the_project_lacks_no_file_in_a_language_that_it_declares() -> None:
    assert len(MESSAGES) >= 17
    assert missing(MESSAGES, LANGUAGES, [TEMPLATES]) == []
    for lang in LANGUAGES:
        assert (ENGINE / f"layout/footer.{lang}.html").is_file()


def test_a_message_has_its_calendar_file_in_every_language_or_in_none() -> None:
    found = [path.name.split(".") for path in TEMPLATES.glob("*/*.ics")]
    for stem in {name for name, *_ in found}:
        assert {lang for name, _, lang, _ in found if name == stem} == set(LANGUAGES)
    assert all(channel == "email" for _, channel, _, _ in found)


def test_a_template_uses_the_pieces_of_its_own_language() -> None:
    for template in on_disk():
        for path in TEMPLATES.glob(f"{template.stem}.*"):
            for piece in re.findall(r'_\w+\.(\w\w)\.\w+"', path.read_text()):
                assert piece == template.lang, path


SPEAKING = sorted(name for name, one in WHOLE.journeys.items() if one.messages)
"""two-way has a person speak, and sends nothing itself."""


@pytest.mark.parametrize("journey", SPEAKING)
def test_every_message_of_a_journey_is_there_on_all_its_channels_and_languages(
    journey: str,
) -> None:
    messages = WHOLE.journeys[journey].messages
    assert messages
    for message in messages:
        template = message.words
        assert RENDERER.channels_of(journey, template) >= set(message.channels)
        for channel in message.channels:
            for lang in LANGUAGES:
                context = about(
                    journey,
                    template,
                    customer=replace(ADA, locale=lang),
                    message_class=message.message_class,
                    topic=message.of(WHOLE.journeys[journey].topic).topic,
                )
                assert RENDERER.render(context, channel).locale == lang


def test_no_template_is_there_that_no_journey_and_no_campaign_sends() -> None:
    sent = {
        (journey, message.words, channel)
        for journey, kind in WHOLE.journeys.items()
        for message in kind.messages
        for channel in message.channels
    } | {
        (name, campaign.template, channel)
        for name, campaign in WHOLE.campaigns.items()
        for channel in campaign.message.channels
    }
    assert set(MESSAGES) == sent | EXAMPLES


@pytest.mark.parametrize("message", [m for m in MESSAGES if m[2] is Channel.SMS], ids=str)
@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("events", [RICH, SPARSE], ids=["rich", "sparse"])
def test_an_sms_is_short_names_the_shop_and_says_how_to_opt_out(
    message: tuple[str, str, Channel], lang: str, events: list[Event]
) -> None:
    journey, template, channel = message
    context = about(journey, template, *events, customer=replace(ADA, locale=lang))
    if events is SPARSE and (journey, template) in DECLINES:
        with pytest.raises(NothingToSay):
            RENDERER.render(context, channel)
        return
    content = RENDERER.render(context, channel)
    text = content.text
    assert text.startswith("Tern & Oak: ")
    # beside "reply NO to cancel" a STOP would be taken for the same
    assert journey in {*ANSWERED, "login-code"} or re.search(r"\bSTOP\b[^:/]*\.$", text)
    assert "\n" not in text
    assert content.segments == segments(text).count
    if lang == "pl":
        assert content.segments <= 3
    else:
        assert segments(text).encoding is Encoding.GSM_7, "stays in the letters of GSM"
        assert content.segments <= 2


def test_an_order_takes_its_invoice_along_if_the_project_makes_one(tmp_path: Path) -> None:
    context = about("order-confirmed", "summary")
    assert RENDERER.render(context, Channel.EMAIL).files == ()
    (tmp_path / "order-confirmed").mkdir()
    (tmp_path / "order-confirmed" / "_invoice.html").write_text(
        '{{ attach(shop.url ~ "/invoices/" ~ key ~ ".pdf", name="invoice.pdf") }}'
    )
    renderer = Renderer(SHOP, SECRET, [tmp_path, TEMPLATES], LANGUAGES)
    (invoice,) = renderer.render(context, Channel.EMAIL).files
    assert (invoice.name, invoice.url) == (
        "invoice.pdf",
        "https://shop.example/invoices/o_7.pdf",
    )


CASE = ComplaintReceived(customer_id="c_1", order_id="o_77")
NUMBERED = InvoiceIssued.model_validate({**BILL, "due_at": NOW, "number": "2026/77"})
THINGS: dict[str, tuple[Event, str]] = {
    "service-recovery": (CASE, "o_77"), "payment-due": (NUMBERED, "2026/77"),
}  # fmt: skip
"""Journeys of which a customer may have two runs at a time, what begins one, and its number."""


@pytest.mark.parametrize("locale", LOCALES)
def test_messages_about_two_things_of_a_customer_tell_them_apart(locale: str) -> None:
    ada = replace(ADA, locale=locale)
    for journey, template, channel in MESSAGES:
        if journey in THINGS:
            begins, number = THINGS[journey]
            said = RENDERER.render(about(journey, template, begins, customer=ada), channel)
            assert number in f"{said.subject} {said.text}", (journey, template, channel)


# ---- the language of a customer ------------------------------------------------------------


@pytest.mark.parametrize(
    ("locale", "default", "expected"),
    [
        ("pl-PL", "en", ("pl-PL", "pl", "en")),
        ("pl_PL", "en", ("pl-PL", "pl", "en")),
        ("PL", "en", ("pl", "en")),
        ("pL-pl", "it-IT", ("pl-PL", "pl", "it-IT", "it")),
        ("pl_PL.UTF-8", "en", ("pl-PL", "pl", "en")),
        ("zh-hant-tw", "en", ("zh-Hant-TW", "zh-Hant", "zh", "en")),
        ("es-419", "en", ("es-419", "es", "en")),
        ("de-DE-u-co-phonebk", "en", ("de-DE", "de", "en")),
        ("en-GB", "en", ("en-GB", "en-001", "en")),
        ("es-MX", "en", ("es-MX", "es-419", "es", "en")),
        ("en_US_POSIX", "en", ("en-US", "en")),
        ("xx-YY", "it", ("xx-YY", "xx", "it")),
        ("", "it", ("it",)),
        ("!!", "", ()),
        ("../../etc", "pl", ("pl",)),
        (" it ", "", ("it",)),
        ("italiano", "pl", ("italiano", "pl")),
        ("/etc", "pl", ("pl",)),
    ],
)
def test_languages_are_tried_from_the_customers_to_the_installations(
    locale: str, default: str, expected: tuple[str, ...]
) -> None:
    assert fallbacks((locale, default)) == expected


@given(st.text())
@example("EN")
@example("en-" + "x-" * 99)
def test_the_installations_language_is_tried_after_every_locale(locale: str) -> None:
    tried = fallbacks((locale, "it"))
    assert "it" in tried
    assert len(set(tried)) == len(tried)
    assert all(re.fullmatch(r"\w[\w-]*", tag) for tag in tried)


def test_a_customer_of_no_known_language_is_written_to_in_the_installations() -> None:
    polish = Renderer(SHOP.model_copy(update={"locale": "pl-PL"}), SECRET, [TEMPLATES])
    for locale in ("", "xx-YY", "!!", "ja-JP"):
        context = about("abandoned-cart", "reminder", customer=replace(ADA, locale=locale))
        content = polish.render(context, Channel.EMAIL)
        assert content.locale == "pl"
        assert "89,50 €" in content.text.replace("\N{NO-BREAK SPACE}", " ")


@pytest.mark.parametrize(
    ("locale", "date", "price"),
    [
        ("en-US", "March 13, 2026", "€14.90"),
        ("en-GB", "13 March 2026", "€14.90"),
        ("en-XX", "March 13, 2026", "€14.90"),
        ("nb-NO", "March 13, 2026", "€14.90"),
        ("it-IT", "venerdì 13 marzo 2026", "14,90 €"),
        ("it-CH", "venerdì, 13 marzo 2026", "€ 14.90"),
        ("pl-PL", "13 marca 2026", "14,90 €"),
    ],
)
def test_dates_and_amounts_are_the_customers_own(locale: str, date: str, price: str) -> None:
    context = about("renewal", "in-a-week", customer=replace(ADA, locale=locale))
    text = RENDERER.render(context, Channel.EMAIL).text.replace("\N{NO-BREAK SPACE}", " ")
    assert date in text, "23:30 UTC is the next day in Warsaw"
    assert price in text


def test_the_whole_message_falls_back_if_a_language_lacks_a_file(tmp_path: Path) -> None:
    renderer = shelf(
        tmp_path,
        {
            "renewal/x.sms.it.txt": "{% block text %}ciao{% endblock %}",
            "renewal/x.email.it.txt": "a text part alone",
            "renewal/x.email.en.html": EMAIL,
        },
    )
    context = about("renewal", "x", customer=replace(ADA, locale="it-IT"))
    assert renderer.render(context, Channel.EMAIL).locale == "en"
    assert renderer.render(context, Channel.SMS).locale == "it"


# ---- what is said --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("lang", "n", "sentence"),
    [
        ("en", 1, "There is still one item in your cart."),
        ("en", 2, "There are still 2 items in your cart."),
        ("en", 22, "There are still 22 items in your cart."),
        ("it", 1, "Nel tuo carrello c’è ancora un articolo."),
        ("it", 5, "Nel tuo carrello ci sono ancora 5 articoli."),
        ("it", 1_000_000, "Nel tuo carrello ci sono ancora 1.000.000 articoli."),
        ("pl", 1, "W Twoim koszyku nadal czeka jeden produkt."),
        ("pl", 2, "W Twoim koszyku nadal czekają 2 produkty."),
        ("pl", 5, "W Twoim koszyku nadal czeka 5 produktów."),
        ("pl", 12, "W Twoim koszyku nadal czeka 12 produktów."),
        ("pl", 21, "W Twoim koszyku nadal czeka 21 produktów."),
        ("pl", 22, "W Twoim koszyku nadal czekają 22 produkty."),
        ("pl", 112, "W Twoim koszyku nadal czeka 112 produktów."),
    ],
)
def test_a_sentence_fits_its_number_in_every_language(lang: str, n: int, sentence: str) -> None:
    content = reminder(added(quantity=n), customer=replace(ADA, locale=lang))
    assert sentence in content.text
    assert sentence in content.html


def test_a_reminder_shows_the_cart() -> None:
    content = reminder()
    assert content.subject == "The 3 items in your cart are waiting for you"
    for part in ("Oak lamp", "https://shop.example/lamp", "€179.00", "€268.50", "Quantity: 2"):
        assert part in content.html
    assert (
        'src="https://cdn.example/lamp.jpg" width="88" height="88" alt="Oak lamp"' in content.html
    )
    assert content.html.count("<img") == 1, "the mug has no picture"
    assert "https://shop.example/cart?cart_id=cart%207" in content.html


def test_the_text_part_of_a_mail_reads_well() -> None:
    text = re.sub(r"/(u|preferences)/\S+", r"/\1/TOKEN", reminder().text)
    assert text == (
        "Still thinking it over?\n"
        "=======================\n"
        "\n"
        "Hi Ada,\n"
        "\n"
        "There are still 3 items in your cart. Take all the time you need: whenever you are "
        "ready, you can pick up where you left off.\n"
        "\n"
        "Oak lamp · Quantity: 1 · €89.50\n"
        "https://shop.example/lamp\n"
        "\n"
        "Mug · Quantity: 2 · €179.00\n"
        "Total: €268.50\n"
        "\n"
        "Prices and stock may change until you order.\n"
        "\n"
        "Return to my cart:\n"
        "https://shop.example/cart?cart_id=cart%207\n"
        "\n"
        "A question about a product, delivery or returns? Ask us, we are glad to help:\n"
        "https://shop.example/help\n"
        "\n"
        "--\n"
        "You get this e-mail because you agreed to hear from Tern & Oak.\n"
        "Unsubscribe from e-mails like this one: https://mail.shop.example/u/TOKEN\n"
        "Choose what you get: https://mail.shop.example/preferences/TOKEN\n"
        "\n"
        "Tern & Oak, 12 Harbour Lane, Bristol\n"
    )


def test_a_cart_without_prices_has_no_total() -> None:
    content = reminder(added(name="Oak lamp"))
    assert "\n\nOak lamp\nQuantity: 1\n\n" in content.text
    assert "Total" not in words(content)


def test_a_very_full_cart_is_cut_short() -> None:
    events = [added(f"p{n}", name=f"Thing {n}.", **PRICED) for n in range(22)]
    content = reminder(*events, customer=replace(ADA, locale="pl"))
    assert "Thing 9." in content.html
    assert "Thing 10." not in words(content)
    assert "i jeszcze 12 produktów" in content.html
    assert "i jeszcze 12 produktów" in content.text
    assert "W Twoim koszyku czekają 22 produkty" in content.subject


def test_a_reminder_shows_the_runs_own_cart_alone() -> None:
    content = reminder(
        added(name="Mine"),
        added("b", name="Another", cart_id="8"),
        added("c", name="Loose", cart_id=""),
    )
    assert "Mine" in content.text
    assert "Loose" in content.text, "an event without a cart reaches every cart"
    assert "Another" not in words(content)


def test_the_enrolling_event_counts_even_if_history_lacks_it() -> None:
    start = added(name="Mine")
    assert "Mine" in reminder(start, history=History()).text
    twice = reminder(start, history=History([start]))
    assert "Mine\nQuantity: 1\n" in twice.text


@pytest.mark.parametrize("template", ["reminder", "nudge", "offer"])
@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize(
    "end",
    [
        ProductRemoved(customer_id="c_1", product_id="lamp", cart_id="cart 7"),
        OrderCompleted(customer_id="c_1", order_id="o_1", cart_id="cart 7"),
    ],
    ids=["removed", "ordered"],
)
def test_an_empty_cart_is_nothing_to_write_about(template: str, lang: str, end: Event) -> None:
    context = about("abandoned-cart", template, added(), end, customer=replace(ADA, locale=lang))
    for channel in RENDERER.channels_of("abandoned-cart", template):
        with pytest.raises(NothingLeft, match=rf"^abandoned-cart/{template}\.{channel}\.{lang}: "):
            RENDERER.render(context, channel)


FEATURES = ("wishlist", "stock-alert", "saved-address", "order-tracking", "gift-card")


def tips(lang: str, *used: str) -> Content:
    events = [FeatureUsed(customer_id="c_1", feature=feature) for feature in used]
    context = about(
        "onboarding",
        "tips",
        SignedUp(customer_id="c_1"),
        *events,
        customer=replace(ADA, locale=lang),
    )
    return RENDERER.render(context, Channel.EMAIL)


@pytest.mark.parametrize("lang", LANGUAGES)
def test_tips_are_about_unused_features(lang: str) -> None:
    everything = tips(lang)
    titles = re.findall(r"<h2[^>]*>(.*?)</h2>", everything.html)
    assert len(titles) == len(FEATURES)
    for feature, title in zip(FEATURES, titles, strict=True):
        rest = tips(lang, feature, "something else")
        assert title in everything.text
        assert title not in words(rest)
    one_left = tips(lang, *FEATURES[1:])
    assert titles[0] in one_left.text
    assert one_left.subject != everything.subject
    with pytest.raises(NothingToSay):
        tips(lang, *FEATURES)


@pytest.mark.parametrize(
    ("later", "date"),
    [
        (
            SubscriptionChanged(customer_id="c_1", subscription_id="sub_9", plan="Tea Club"),
            "13 March",
        ),
        (
            SubscriptionChanged(
                customer_id="c_1",
                subscription_id="sub_9",
                expires_at=datetime(2026, 5, 1, tzinfo=UTC),
            ),
            "1 May",
        ),
        (
            SubscriptionRenewed(
                customer_id="c_1",
                subscription_id="sub_9",
                expires_at=datetime(2027, 3, 12, tzinfo=UTC),
            ),
            "12 March 2027",
        ),
        (
            subscribed(subscription_id="another", expires_at=datetime(2030, 1, 1, tzinfo=UTC)),
            "13 March",
        ),
    ],
)
def test_the_latest_word_on_a_subscription_counts(later: Event, date: str) -> None:
    context = about("renewal", "in-a-week", subscribed(plan="Coffee Club"), later)
    content = RENDERER.render(context, Channel.EMAIL)
    assert date in content.subject
    plan = "Tea Club" if getattr(later, "plan", None) else "Coffee Club"
    assert f"Plan: {plan}" in content.text


RENEWAL = [m for m in MESSAGES if m[0] == "renewal"]


@pytest.mark.parametrize("message", RENEWAL, ids=str)
@pytest.mark.parametrize("lang", LANGUAGES)
def test_every_renewal_message_has_the_date_and_the_one_click_link(
    message: tuple[str, str, Channel], lang: str
) -> None:
    journey, template, channel = message
    context = about(journey, template, customer=replace(ADA, locale=lang))
    content = RENDERER.render(context, channel)
    said = f"{words(content)} {content.url}"
    assert re.search(r"13 mar\w+ 2026|March 13, 2026", said)
    tokens = set(re.findall(r"https://mail\.shop\.example/r/([\w.-]+)", said))
    if template == "expired":  # a link renews nothing after the period
        assert not tokens
        return
    (token,) = tokens
    assert read_renew(SECRET, token) == Renew(
        "c_1", "sub_9", int(subscribed().expires_at.timestamp())
    )


@pytest.mark.parametrize("message", [m for m in RENEWAL if m[1] != "expired"], ids=str)
@pytest.mark.parametrize("lang", LANGUAGES)
def test_a_renewal_at_another_price_says_both_prices_and_never_that_nothing_changes(
    message: tuple[str, str, Channel], lang: str
) -> None:
    journey, template, channel = message
    told = [
        subscribed(price="14.90", currency="EUR"),
        SubscriptionChanged(
            customer_id="c_1", subscription_id="sub_9", next_price=Decimal("17.50"), currency="EUR"
        ),
    ]
    context = about(journey, template, *told, customer=replace(ADA, locale=lang))
    said = words(RENDERER.render(context, channel))
    assert re.search(r"14[.,]90", said)
    assert re.search(r"17[.,]50", said)
    assert not re.search("as it is|nothing changes|non cambia nulla|com[’']è|po staremu", said)


@pytest.mark.parametrize("message", RENEWAL, ids=str)
@pytest.mark.parametrize("lang", LANGUAGES)
def test_a_trial_is_called_a_trial(message: tuple[str, str, Channel], lang: str) -> None:
    journey, template, channel = message
    context = about(journey, template, subscribed(trial=True), customer=replace(ADA, locale=lang))
    content = RENDERER.render(context, channel)
    head = f"{content.subject} {content.title} {content.text}"
    assert re.search(r"\btrial\b|periodo di prova|okres próbny", head, re.IGNORECASE)


@pytest.mark.parametrize("message", RENEWAL, ids=str)
def test_who_has_asked_to_renew_is_not_asked_to(message: tuple[str, str, Channel]) -> None:
    journey, template, channel = message
    asked = RenewalRequested(
        customer_id="c_1", subscription_id="sub_9", expires_at=subscribed().expires_at
    )
    with pytest.raises(NothingToSay):
        RENDERER.render(about(journey, template, subscribed(), asked), channel)


@pytest.mark.parametrize("message", RENEWAL, ids=str)
def test_a_failed_payment_has_one_voice(message: tuple[str, str, Channel]) -> None:
    journey, template, channel = message
    failed = PaymentFailed(customer_id="c_1", invoice_id="i", subscription_id="sub_9")
    context = about(journey, template, subscribed(), failed)
    if template == "expired":
        assert RENDERER.render(context, channel)
        return
    with pytest.raises(NothingToSay):
        RENDERER.render(context, channel)


# ---- links, headers, codes -----------------------------------------------------------------


def test_a_promotional_mail_can_be_unsubscribed_from_with_one_click() -> None:
    content = reminder()
    header = content.headers["List-Unsubscribe"]
    found = re.fullmatch(r"<(https://[^>]+)>, <(mailto:[^>]+)>", header)
    assert found
    link, mail = found.groups()
    assert content.headers["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert link.startswith("https://mail.shop.example/u/")
    token = link.rpartition("/")[2]
    assert unquote(mail) == f"mailto:hello@shop.example?subject=unsubscribe {token}"
    assert read_unsubscribe(SECRET, token) == Unsubscribe("c_1", Channel.EMAIL, "cart")
    assert link in content.html
    assert link in content.text


def test_no_customers_id_can_break_out_of_a_header() -> None:
    customer = replace(ADA, customer_id="c>\r\nBcc: all@x.example,<ż")
    headers = reminder(customer=customer).headers
    assert re.fullmatch(r"<[!-=?-~]+>, <[!-=?-~]+>", headers["List-Unsubscribe"])


def test_an_offers_code_is_its_own_and_stays_the_same_on_a_retry() -> None:
    def codes(message_id: str) -> tuple[str, ...]:
        context = about("abandoned-cart", "offer", message_id=message_id)
        content = RENDERER.render(context, Channel.EMAIL)
        (code,) = content.codes
        assert code in content.html
        assert code in content.text
        assert code in content.preheader
        return content.codes

    assert codes("run/e_1/3-offer") == codes("run/e_1/3-offer")
    assert codes("run/e_1/3-offer") != codes("run/e_2/3-offer")
    assert reminder().codes == ()


def test_a_renderer_needs_a_key() -> None:
    with pytest.raises(BadSetting, match="SOJOURN_SECRET_KEY"):
        Renderer(SHOP, "")


# ---- a customer's own words ----------------------------------------------------------------


class Outline(HTMLParser):
    """The tags of a page and the attributes that could do something, without the text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, tuple[str, ...]]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, tuple(sorted(name for name, _ in attrs))))


def named(name: str) -> Content:
    lamp = added(name=name, image_url="https://cdn.example/lamp.jpg", url="/lamp", **PRICED)
    return reminder(lamp, customer=replace(ADA, first_name=name))


PLAIN = named("Ada")
OUTLINE = Outline(PLAIN.html).tags
MARKUP = ["<script>", "</title>", "</style>", "-->", "<!--", "<![CDATA[", '"', "'", ">", "&lt;"]
MARKUP += ["&#60;", "{{", "}}", "{%", "%}", "{#"]
nasty = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"]), max_size=80),
    st.lists(
        st.sampled_from([*MARKUP, "\r\nBcc: x", "\n", "\0", "\u202e", "\ufeff", "Ada", " "]),
        max_size=8,
    ).map("".join),
)


@given(nasty)
@example("<script>alert(1)</script>")
@example("{{7*7}}")
@example("{% for x in range(9) %}{{ x }}{% endfor %}")
@example('" onerror="alert(1)')
@example("</title><script>alert(1)</script>")
@example("Ada\r\nBcc: everybody@x.example")
@example("{n} {shop}")
def test_a_customers_words_change_neither_the_page_nor_the_headers(name: str) -> None:
    content = named(name)
    assert Outline(content.html).tags == OUTLINE
    for part in (content.subject, content.preheader, *content.headers.values()):
        assert part.isprintable()
    assert len(content.text.splitlines()) == len(PLAIN.text.splitlines())


def test_a_customers_words_are_shown_as_they_are() -> None:
    content = named("<script>{{7*7}}")
    assert "Hi &lt;script&gt;{{7*7}}," in content.html
    assert "Hi <script>{{7*7}}," in content.text
    assert "49" not in content.text


@pytest.mark.parametrize(
    "name", ["", " \n ", "Win at www.evil.example", "http://evil", "a@b", "x" * 61]
)
def test_a_customer_without_a_proper_name_is_greeted_without(name: str) -> None:
    customer = replace(ADA, first_name=name)
    assert reminder(customer=customer).text.count("\n\nHello,\n") == 1
    polish = reminder(customer=replace(customer, locale="pl"))
    assert polish.text.count("\n\nDzień dobry!\n") == 1


@pytest.mark.parametrize("name", ["Ada", "J.R.", "Anne-Marie", "O'Neil", "Łucja", "李"])
def test_a_proper_name_is_used(name: str) -> None:
    assert reminder(customer=replace(ADA, first_name=name)).text.count(f"\n\nHi {name},\n") == 1


def test_no_product_leads_anywhere_but_the_web() -> None:
    content = reminder(added(name="Lamp", url="javascript:alert(1)", image_url="data:text/html,x"))
    assert "javascript" not in content.html
    assert "data:" not in content.html


# ---- templates that fail -------------------------------------------------------------------


EMAIL = "{% block subject %}s{% endblock %}<p>{% block body %}b{% endblock %}</p>"


def write(folder: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def shelf(folder: Path, files: dict[str, str]) -> Renderer:
    write(folder, files)
    return Renderer(SHOP, SECRET, [folder])


@pytest.fixture
def sms(tmp_path: Path) -> Callable[[str], str]:
    """Render one line as an SMS."""

    def render(line: str) -> str:
        text = f"{{% block text %}}\n{line}\n{{% endblock %}}\n"
        renderer = shelf(tmp_path, {"abandoned-cart/x.sms.en.txt": text})
        customer = replace(ADA, attributes={"vip": True, "tags": ["a"]})
        context = about("abandoned-cart", "x", customer=customer)
        return renderer.render(context, Channel.SMS).text

    return render


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("{{ frist_name }}", "'frist_name' is undefined"),
        ("{{ customer.frist_name }}", "has no attribute 'frist_name'"),
        ("{% if custmer %}x{% endif %}", "'custmer' is undefined"),
        ("{{ custmer | money }}", "'custmer' is undefined"),
        ("{{ customer.first_name | monney }}", "No filter named 'monney'"),
        ("{{ customer.first_name", "expected token 'end of print statement'"),
        ("{% if 1 %}", "The innermost block that needs to be closed is 'if'"),
        ("{{ history.all('Product Aded') }}", 'did you mean "Product Added"?'),
        ("{{ none | money('EUR') }}", "money: wants a number, not none"),
        ("{{ customer.first_name | money('EUR') }}", "money: wants a number, not str"),
        ("{{ customer.first_name | percent }}", "percent: wants a number, not str"),
        ("{{ customer.first_name | date }}", "date: wants a moment or a day, not str"),
        ("{{ customer.first_name | time }}", "time: wants a moment or an hour, not str"),
        ("{{ 1 | money('EUR', 2, 3) }}", "positional arguments"),
        ("{{ plural(1, other='') }}", 'plural: 1 needs one="..." in en'),
        ("{{ plural(1, one='{x}') }}", "plural: nothing is given for {x}"),
        ("{{ plural(2, one='x') }}", 'plural: 2 needs other="..." in en'),
        ("{{ 1 / 0 }}", "ZeroDivisionError"),
        ("{{ 'x'.index(customer.first_name) }}", "ValueError"),
        ("{% include 'nowhere.txt' %}", "there is no template nowhere.txt"),
        ("{% include '../../etc/passwd' %}", "there is no template ../../etc/passwd"),
    ],
)
def test_a_fault_is_told_in_one_line_with_its_place(
    sms: Callable[[str], str], line: str, reason: str
) -> None:
    with pytest.raises(TemplateError) as caught:
        sms(line)
    told = str(caught.value)
    assert re.match(r"abandoned-cart/x\.sms\.en\.txt, line [23]: ", told), told
    assert reason in told
    assert "\n" not in told
    assert "Ada" not in told
    assert caught.value.__cause__ is None
    assert not isinstance(caught.value, NothingToSay)


@pytest.mark.parametrize(
    "line",
    [
        "{{ ''.__class__.__mro__ }}",
        "{{ customer.__class__.__init__.__globals__ }}",
        "{{ plural.__globals__ }}",
        "{{ plural.__func__.__globals__ }}",
        "{{ links._sender.secret }}",
        "{{ links['_sender'].secret }}",
        "{{ links | attr('_sender') }}",
        "{{ history._events }}",
        "{{ offer_code.__self__._sender }}",
        "{{ formats._timezone }}",
        "{{ customer.attributes.update({'vip': false}) }}",
        "{{ customer.attributes.tags.append('b') }}",
        "{{ '{0.__class__}'.format(customer) }}",
        "{{ ('{0.__class__}' | format)(customer) }}",
        "{{ cycler.__init__.__globals__.os }}",
        "{{ range(10**9) | list }}",
        "{{ self.__init__.__globals__ }}",
    ],
)
def test_a_template_cannot_leave_its_sandbox(sms: Callable[[str], str], line: str) -> None:
    with pytest.raises(TemplateError):
        sms(line)


def test_a_template_formats_amounts_dates_and_plurals(sms: Callable[[str], str]) -> None:
    assert sms("{{ 0.1 | percent }} {{ 0.125 | percent }}") == "10% 12.5%"
    assert sms("{{ 12 | money('PLN') }} {{ 1234.5 | money }}") == "PLN 12.00 1,234.50"
    assert sms("{{ now | time }} {{ now | date }}") == "10:30 5 March 2026"
    assert sms("{% set z = 'Pacific/Auckland' %}{{ now | time(zone=z) }}") == "22:30"
    assert sms("{% set z = 'Pacific/Kiritimati' %}{{ now | date(zone=z) }}") == "5 March 2026"
    assert sms("{{ 12 | money('EUR') }} {{ -3 | money('EUR') }}") == "€12.00 -€3.00"
    assert sms("{{ plural(1, one='at {shop}', shop='{n}') }}") == "at {n}"
    assert sms("{{ plural(2, one='{n} x', other='{n} at {shop}', shop='S') }}") == "2 at S"
    assert sms("{{ history.last('Feature Used').feature }}") == "wishlist"
    assert sms("{{ history.last('Order Completed') is none }}") == "True"
    assert sms("{{ customer.attributes.vip }} {{ shop.name }} {{ journey }} {{ key }}") == (
        "True Tern & Oak abandoned-cart cart 7"
    )


def test_one_line_parts_are_one_line(sms: Callable[[str], str]) -> None:
    assert sms("a\n\n  b\t\u00a0c\u2028d") == "a b c d"


def test_an_included_piece_keeps_its_last_line_break(tmp_path: Path) -> None:
    renderer = shelf(
        tmp_path,
        {
            "piece.txt": "one\n",
            "renewal/x.email.en.html": EMAIL,
            "renewal/x.email.en.txt": "x \n\n\n--\n{% include 'piece.txt' %}\ntwo\n",
        },
    )
    text = renderer.render(about("renewal", "x"), Channel.EMAIL).text
    assert text == "x\n\n--\none\ntwo\n", "and lines that hold nothing come one at a time"


def test_a_top_level_name_can_be_used_in_every_block(tmp_path: Path) -> None:
    text = "{% set x = 5 %}" + "".join(
        f"{{% block {part} %}}{part} {{{{ x }}}}{{% endblock %}}" for part in PARTS[Channel.PUSH]
    )
    renderer = shelf(tmp_path, {"renewal/x.push.en.txt": text})
    content = renderer.render(about("renewal", "x"), Channel.PUSH)
    assert (content.title, content.body, content.url) == ("title 5", "body 5", "url 5")


def test_a_part_that_is_missing_or_silent_is_a_fault(tmp_path: Path) -> None:
    block = "{{% block {} %}}{}{{% endblock %}}".format
    renderer = shelf(tmp_path, {"renewal/x.push.en.txt": block("title", "t") + block("body", "b")})
    with pytest.raises(TemplateError, match=r"^renewal/x\.push\.en: it lacks {% block url %}$"):
        renderer.render(about("renewal", "x"), Channel.PUSH)
    write(tmp_path, {"renewal/y.sms.en.txt": block("text", " \n ")})
    with pytest.raises(TemplateError, match=r'^renewal/y\.sms\.en: its block "text" says nothing$'):
        renderer.render(about("renewal", "y"), Channel.SMS)


def test_a_filter_in_a_macro_asks_for_the_context(tmp_path: Path) -> None:
    renderer = shelf(
        tmp_path,
        {
            "m.txt": "{% macro price(x) %}{{ x | money('EUR') }}{% endmacro %}",
            "renewal/x.sms.en.txt": "{% from 'm.txt' import price %}"
            "{% block text %}{{ price(1) }}{% endblock %}",
        },
    )
    with pytest.raises(TemplateError, match=r'^m\.txt, line 1: .* import it "with context"$'):
        renderer.render(about("renewal", "x"), Channel.SMS)


def test_a_missing_template_is_named_with_the_nearest() -> None:
    with pytest.raises(TemplateError, match=r'"remnder\.email": did you mean "reminder\.email"\?$'):
        RENDERER.render(about("abandoned-cart", "remnder"), Channel.EMAIL)
    with pytest.raises(TemplateError, match=r'no template "reminder\.sms"'):
        RENDERER.render(about("abandoned-cart", "reminder"), Channel.SMS)


def test_a_missing_language_is_named(tmp_path: Path) -> None:
    renderer = shelf(tmp_path, {"renewal/x.email.de.html": ""})
    expected = r"^renewal/x\.email: not there as \.html or \.mjml in en-GB or en-001 or en$"
    with pytest.raises(TemplateError, match=expected):
        renderer.render(about("renewal", "x"), Channel.EMAIL)


def test_the_channels_of_a_message_are_those_with_a_file() -> None:
    assert RENDERER.channels_of("abandoned-cart", "nudge") == {Channel.PUSH, Channel.SMS}
    assert RENDERER.channels_of("onboarding", "first-steps") == {Channel.EMAIL}
    assert RENDERER.channels_of("onboarding", "nothing") == set()


# ---- looks ---------------------------------------------------------------------------------


def test_styles_are_inlined_and_nothing_is_loaded_from_elsewhere() -> None:
    html = reminder().html
    assert re.search(r'<h1 style="[^"]*font-size', html)
    (kept,) = re.findall(r"<style>(.*?)</style>", html, flags=re.DOTALL)
    media = re.findall(r"@media [^{]+\{(?:[^{}]*\{[^{}]*\})*\s*\}", kept)
    assert len(media) == 2
    for rule in media:
        kept = kept.replace(rule, "")
    assert not kept.strip(), "only what cannot be inlined is kept"
    assert not re.search(r"<link|@import|@font-face|<script|url\(", html)
    assert 'name="color-scheme" content="light dark"' in html


def test_a_product_without_name_or_picture_has_something_in_their_place() -> None:
    html = reminder(added()).html
    assert "A product you picked" in html
    assert "<img" not in html
    assert re.search(r'class="blank".*?>A</td>', html, flags=re.DOTALL)
