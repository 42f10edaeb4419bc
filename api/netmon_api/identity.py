"""Which handles are one device: what is known, what is asked, what was done."""

from collections.abc import Awaitable
from typing import Final, TypeVar

from netmon_api.bodies import body_of
from netmon_api.envelope import ApiError, listing, page_of
from netmon_api.identity_models import (
    EntryAnswer,
    IdentitiesQuery,
    IdentityAnswer,
    MergeBody,
    ProposalAnswer,
    ProposalsQuery,
    SourceAnswer,
    SplitBody,
)
from netmon_api.models import Listing, NoQuery, PageQuery
from netmon_api.routes import Call
from netmon_api.times import rfc3339
from netmon_collector.identity.records import Entry, Kind, NoSuch, NotPossible, Proposal, Source

T = TypeVar("T")

BY: Final = "api"
"""Who decided, as the log has it: a token has no name."""
QUESTIONS: Final = {
    Kind.MERGE: "Are {subject} and {other} one device?",
    Kind.SPLIT: "Is {subject} another device than {other}, with which it counts as one?",
    Kind.REPLACED: "Is {subject} new hardware that takes the place of the old? If not, it is another device.",
}


async def list_identities(call: Call[IdentitiesQuery]) -> Listing[IdentityAnswer]:
    registry = call.services.atlas.register.registry
    records = registry.records()
    wanted = {registry.record_of(one) for one in call.query.handle}
    found = [(record, sources) for record, sources in records.items() if not wanted or record in wanted]
    results = [
        IdentityAnswer(record=record, sources=[_source(one) for one in sorted(sources, key=lambda one: one.handle)])
        for record, sources in page_of(found, call.query)
    ]
    return listing(call.request.path, len(found), results, call.query)


async def list_proposals(call: Call[ProposalsQuery]) -> Listing[ProposalAnswer]:
    states = set(call.query.state or ["open"])
    everything = call.services.atlas.register.registry.questions.all.values()
    found = sorted((one for one in everything if one.state.value in states), key=lambda one: -one.number)
    results = [_proposal(one) for one in page_of(found, call.query)]
    return listing(call.request.path, len(found), results, call.query)


async def accept_proposal(call: Call[NoQuery]) -> ProposalAnswer:
    return _proposal(await _done(call.services.atlas.register.decide(_number(call), True, BY)))


async def reject_proposal(call: Call[NoQuery]) -> ProposalAnswer:
    return _proposal(await _done(call.services.atlas.register.decide(_number(call), False, BY)))


async def list_log(call: Call[PageQuery]) -> Listing[EntryAnswer]:
    found = call.services.atlas.register.registry.log[::-1]
    return listing(call.request.path, len(found), [_entry(one) for one in page_of(found, call.query)], call.query)


async def merge(call: Call[NoQuery]) -> EntryAnswer:
    body = await body_of(call.request, MergeBody)
    return _entry(await _done(call.services.atlas.register.merge(body.handle, body.into, BY)))


async def split(call: Call[NoQuery]) -> EntryAnswer:
    body = await body_of(call.request, SplitBody)
    return _entry(await _done(call.services.atlas.register.split(body.handle, BY)))


async def undo(call: Call[NoQuery]) -> EntryAnswer:
    return _entry(await _done(call.services.atlas.register.undo(_number(call), BY)))


async def _done(change: Awaitable[T]) -> T:
    try:
        return await change
    except NoSuch as error:
        raise ApiError("not_found", str(error.args[0])) from None
    except NotPossible as error:
        raise ApiError("conflict", str(error)) from None


def _number(call: Call[NoQuery]) -> int:
    text = call.request.match_info["number"]
    if not (text.isascii() and text.isdecimal() and len(text) < 10):
        raise ApiError("bad_request", "must be a number, such as 7")
    return int(text)


def _source(source: Source) -> SourceAnswer:
    told = source.witnesses
    return SourceAnswer(
        handle=source.handle,
        site=source.site,
        agent=told.agent,
        machine=told.machine,
        engine=told.engine,
        serials=sorted(told.serials),
        base=told.base,
        macs=len(told.macs),
        addresses=sorted(told.addresses)[:100],
        shared=sorted(told.shared)[:100],
        name=told.name,
        first_seen=rfc3339(source.first_seen_ms),
        last_seen=rfc3339(source.last_seen_ms),
    )


def _proposal(proposal: Proposal) -> ProposalAnswer:
    return ProposalAnswer(
        number=proposal.number,
        kind=proposal.kind.value,
        subject=proposal.subject,
        other=proposal.other,
        question=QUESTIONS[proposal.kind].format(subject=proposal.subject, other=proposal.other),
        sureness=round(proposal.sureness, 4),
        reasons=list(proposal.reasons),
        opened=rfc3339(proposal.opened_ms),
        state=proposal.state.value,
        decided=None if proposal.decided_ms is None else rfc3339(proposal.decided_ms),
        decided_by=proposal.decided_by,
    )


def _entry(entry: Entry) -> EntryAnswer:
    return EntryAnswer(
        number=entry.number,
        time=rfc3339(entry.time_ms),
        action=entry.action,
        handle=entry.handle,
        record=entry.record,
        reasons=list(entry.reasons),
        by=entry.by,
        undone=None if entry.undone_ms is None else rfc3339(entry.undone_ms),
    )
