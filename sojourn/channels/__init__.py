"""Providers, which carry messages: one file each, and the names that such a file needs.

A provider outside this package imports these names from here. The providers themselves are not
imported here: each is loaded when it is chosen.
"""

from sojourn.channels.batches import each_of
from sojourn.channels.config import ProviderConfig, Token
from sojourn.channels.http import Http, body_of, fault_of, retry_after
from sojourn.channels.provider import (
    Abilities,
    Hook,
    Parcel,
    Provider,
    Reading,
    SupportsBatch,
    SupportsLookup,
    SupportsWebhooks,
)
from sojourn.channels.replies import reply_reports
from sojourn.channels.sender import from_header
from sojourn.channels.webhooks import check_age, json_in, moment, object_in, part
from sojourn.domain.content import Attachment, Content
from sojourn.domain.errors import (
    AccountError,
    AmbiguousSend,
    BadInput,
    BadSetting,
    BadSignature,
    ContentRejected,
    EndpointGone,
    InvalidRecipient,
    PermanentError,
    ProviderError,
    RateLimited,
    RecipientUnsubscribed,
    TemplateRefused,
    TransientError,
    UnsupportedAddress,
    WindowClosed,
    WrongSender,
)
from sojourn.domain.messages import Channel, MessageClass
from sojourn.domain.reports import Kind, Report
from sojourn.domain.stopping import asks_to_stop
from sojourn.settings import Settings

__all__ = [
    "Abilities",
    "AccountError",
    "AmbiguousSend",
    "Attachment",
    "BadInput",
    "BadSetting",
    "BadSignature",
    "Channel",
    "Content",
    "ContentRejected",
    "EndpointGone",
    "Hook",
    "Http",
    "InvalidRecipient",
    "Kind",
    "MessageClass",
    "Parcel",
    "PermanentError",
    "Provider",
    "ProviderConfig",
    "ProviderError",
    "RateLimited",
    "Reading",
    "RecipientUnsubscribed",
    "Report",
    "Settings",
    "SupportsBatch",
    "SupportsLookup",
    "SupportsWebhooks",
    "TemplateRefused",
    "Token",
    "TransientError",
    "UnsupportedAddress",
    "WindowClosed",
    "WrongSender",
    "asks_to_stop",
    "body_of",
    "check_age",
    "each_of",
    "fault_of",
    "from_header",
    "json_in",
    "moment",
    "object_in",
    "part",
    "reply_reports",
    "retry_after",
]
