"""Why an incident happened, and what it hits."""

from pydantic import Field

from netmon_api.envelope import ApiError
from netmon_api.incidents import number_of
from netmon_api.models import Answer, NoQuery, Time
from netmon_api.routes import Call
from netmon_api.times import rfc3339
from netmon_collector.causes.findings import Finding, Findings


class EvidenceAnswer(Answer):
    """`worth`: by how much it changes the logarithm of the odds; negative where it speaks against the cause."""

    text: str
    worth: float


class CauseAnswer(Answer):
    """A probable cause. `score`: how probable, 0 to 1. `beside`: 0, or which further fault at the same time it is."""

    fault: str = Field(description="link, device, power, routing, congestion, configuration, names, host or view.")
    subject: str
    devices: list[str]
    title: str
    score: float
    beside: int
    evidence: list[EvidenceAnswer]


class CausesAnswer(Answer):
    """The most probable cause first, as of `time`; `signs`: how many signs there were."""

    number: int
    time: Time
    signs: int
    causes: list[CauseAnswer]


class OverloadAnswer(Answer):
    """`use`: the part of its capacity that a link is to carry when traffic has moved."""

    link: str
    use: float


class ImpactAnswer(Answer):
    """What an incident hits, also where nobody has noticed yet, by its most probable cause.

    `devices`: cut off or slow. `services`: devices whose services fail for some; `needing`: who misses one. `sites`:
    hit as a whole. `overloaded`: links, now; `filling`: those that will be within four hours. `unwatched`: devices that
    nobody looks at meanwhile. `priority`: 0 to 100.
    """

    number: int
    time: Time
    priority: float
    devices: list[str]
    services: list[str]
    needing: list[str]
    sites: list[str]
    overloaded: list[OverloadAnswer]
    filling: list[OverloadAnswer]
    unwatched: list[str]


async def show_causes(call: Call[NoQuery]) -> CausesAnswer:
    found = await _findings(call)
    return CausesAnswer(
        number=found.number, time=rfc3339(found.at_ms), signs=found.signs, causes=[_cause(one) for one in found.causes]
    )


async def show_impact(call: Call[NoQuery]) -> ImpactAnswer:
    found = await _findings(call)
    toll = found.toll
    return ImpactAnswer(
        number=found.number,
        time=rfc3339(found.at_ms),
        priority=found.priority,
        devices=list(toll.devices),
        services=list(toll.services),
        needing=list(toll.needing),
        sites=list(toll.sites),
        overloaded=[OverloadAnswer(link=link, use=use) for link, use in toll.links],
        filling=[OverloadAnswer(link=link, use=use) for link, use in toll.filling],
        unwatched=list(toll.unwatched),
    )


async def _findings(call: Call[NoQuery]) -> Findings:
    incident = call.services.alerting.incidents.all().get(number_of(call))
    if incident is None:
        raise ApiError("not_found", "there is no such incident")
    return await call.services.inquests.of(incident)


def _cause(one: Finding) -> CauseAnswer:
    return CauseAnswer(
        fault=one.fault,
        subject=one.subject,
        devices=list(one.devices),
        title=one.title,
        score=one.score,
        beside=one.beside,
        evidence=[EvidenceAnswer(text=text, worth=worth) for text, worth in one.evidence],
    )
