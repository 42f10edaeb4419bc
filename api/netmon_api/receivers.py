"""Who can be told of alerts: seen, previewed, tried out."""

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy.exc import SQLAlchemyError

from netmon_api.alerting import receipt_answer
from netmon_api.alerting_models import NotificationAnswer
from netmon_api.bodies import body_of
from netmon_api.envelope import ApiError, listing, page_of
from netmon_api.models import Answer, Listing, NoQuery, PageQuery, Text
from netmon_api.routes import Call
from netmon_collector.alerts.trying import NoReceiver, example, preview, tell
from netmon_configs.mistakes import ConfigError

WAIT_S = 35.0
"""A first attempt has ended by then."""


class ReceiversQuery(PageQuery):
    pass


class ReceiverAnswer(Answer):
    """`endpoints`: its channels, such as `email/0`, the first of its `email_configs`."""

    name: str
    endpoints: list[str]


class PreviewBody(BaseModel):
    """Labels that the example has beside its own, and whether it is over."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    labels: dict[Text, Text] = Field(default={}, max_length=64)
    resolved: bool = False


class PreviewAnswer(Answer):
    """Texts by channel and option."""

    receiver: str
    endpoints: dict[str, dict[str, str]]


class TestAnswer(Answer):
    """What came of the test on each channel; one that is still pending is tried again like any other."""

    receiver: str
    notifications: list[NotificationAnswer]


async def list_channels(call: Call[ReceiversQuery]) -> Listing[ReceiverAnswer]:
    found = sorted(call.services.alerting.file.endpoints().items())
    results = [
        ReceiverAnswer(name=name, endpoints=[one.name for one in endpoints])
        for name, endpoints in page_of(found, call.query)
    ]
    return listing(call.request.path, len(found), results, call.query)


async def preview_receiver(call: Call[NoQuery]) -> PreviewAnswer:
    body = await body_of(call.request, PreviewBody)
    name, now_ms = call.request.match_info["receiver"], call.services.now_ms()
    alert = example(now_ms - 300_000, body.labels, now_ms if body.resolved else None)
    try:
        texts = await preview(call.services.alerting, name, alert, now_ms)
    except NoReceiver:
        raise ApiError("not_found", "there is no such receiver") from None
    except ConfigError as error:
        raise ApiError("bad_request", str(error)) from None
    return PreviewAnswer(receiver=name, endpoints=texts)


async def test_receiver(call: Call[NoQuery]) -> TestAnswer:
    name = call.request.match_info["receiver"]
    try:
        receipts = await tell(call.services.alerting, name, call.services.now_ms(), WAIT_S)
    except NoReceiver:
        raise ApiError("not_found", "there is no such receiver") from None
    except SQLAlchemyError as error:
        raise ApiError("unavailable", "the database cannot be written now; try again") from error
    return TestAnswer(receiver=name, notifications=[receipt_answer(one) for one in receipts])
