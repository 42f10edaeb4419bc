"""Devices that agents poll by SNMP, and the credentials for them, which go in and never come out."""

import asyncio
import re
import secrets

from sqlalchemy.exc import SQLAlchemyError

from netmon_agent.snmp.credentials import Credential
from netmon_api.bodies import body_of
from netmon_api.devices import state_of
from netmon_api.envelope import ApiError, listing, page_of
from netmon_api.models import Listing, NoQuery, PageQuery
from netmon_api.routes import Call
from netmon_api.services import Services
from netmon_api.snmp_models import CredentialAnswer, PollAnswer, SnmpDeviceAnswer, SnmpDeviceBody
from netmon_api.times import rfc3339
from netmon_collector.fleet import Device
from netmon_collector.polling import Polled, TooMany
from netmon_collector.state.credentials import InUse
from netmon_collector.state.devices import DeviceExists, DeviceRecord
from netmon_configs.options import is_loopback, split_address
from netmon_configs.sealing import SealBroken
from netmon_proto.model import SnmpCredential

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_OWN = "@"
"""Begins the name of a credential that was given with one device, and goes with it."""

PUBLIC = "public"
"""The credential of a device that is given none: version 2c with the community that devices come with."""


async def list_snmp_devices(call: Call[PageQuery]) -> Listing[SnmpDeviceAnswer]:
    found = call.services.polling.all()
    results = [_answer(call.services, one) for one in page_of(found, call.query)]
    return listing(call.request.path, len(found), results, call.query)


async def show_snmp_device(call: Call[NoQuery]) -> SnmpDeviceAnswer:
    return _answer(call.services, _device(call))


async def add_snmp_device(call: Call[NoQuery]) -> SnmpDeviceAnswer:
    body, services = await body_of(call.request, SnmpDeviceBody), call.services
    poller = _poller(services, body.poller)
    credential = await _credential_for(services, body)
    name = body.name or body.host
    record = DeviceRecord(
        instance=name,
        name=name,
        host=body.host.lower(),
        port=body.port,
        agent_id=poller.agent_id,
        credential=credential,
        interval_ms=round(body.interval_s * 1000),
        added_ms=services.now_ms(),
    )
    try:
        added = await services.polling.add(record, lambda handle: services.fleet.device(handle) is not None)
    except (DeviceExists, TooMany) as error:
        await _drop_own(services, credential)
        raise ApiError("conflict", str(error)) from None
    except SQLAlchemyError:
        await _drop_own(services, credential)
        raise
    polled = services.polling.one(added.instance)
    assert polled is not None
    return _answer(services, polled)


async def remove_snmp_device(call: Call[NoQuery]) -> SnmpDeviceAnswer:
    polled = _device(call)
    answer = _answer(call.services, polled)
    await call.services.polling.remove(polled.record.instance)
    await _drop_own(call.services, polled.record.credential)
    return answer


async def poll_snmp_device(call: Call[NoQuery]) -> PollAnswer:
    polled = _device(call)
    if not call.services.polling.poll_now(polled.record.instance):
        poller = _poller_of(call.services, polled)
        raise ApiError("unavailable", f"its poller {poller} is not connected; it polls when its time comes")
    return PollAnswer(instance=polled.record.instance, poller=_poller_of(call.services, polled))


async def list_credentials(call: Call[PageQuery]) -> Listing[CredentialAnswer]:
    found = await _credentials(call.services)
    return listing(call.request.path, len(found), page_of(found, call.query), call.query)


async def put_credential(call: Call[NoQuery]) -> CredentialAnswer:
    name = call.request.match_info["credential"]
    if not _NAME.fullmatch(name):
        raise ApiError("bad_request", "a credential's name has 1 to 64 letters, digits, '.', '_' and '-'")
    await _keep(call.services, name, await body_of(call.request, Credential))
    return next(one for one in await _credentials(call.services) if one.name == name)


async def remove_credential(call: Call[NoQuery]) -> CredentialAnswer:
    name = call.request.match_info["credential"]
    answer = next((one for one in await _credentials(call.services) if one.name == name), None)
    if answer is None:
        raise ApiError("not_found", f"there is no credential {name!r}")
    try:
        await asyncio.to_thread(call.services.polling.credentials.remove, name)
    except InUse as error:
        raise ApiError("conflict", str(error)) from None
    return answer


async def _credentials(services: Services) -> list[CredentialAnswer]:
    found = await asyncio.to_thread(services.polling.credentials.all)
    return [
        CredentialAnswer(name=one.name, version=one.version, changed=rfc3339(one.changed_ms))
        for one in found
        if not one.name.startswith(_OWN)
    ]


async def _credential_for(services: Services, body: SnmpDeviceBody) -> str:
    """The name of the credential that a new device is to be asked with; one that came with it is kept."""
    if body.snmp is not None:
        if body.credential is not None:
            raise _wrong("credential", "is one way to say who asks, 'snmp' another")
        name = _OWN + secrets.token_hex(8)
        await _keep(services, name, body.snmp)
        return name
    name = body.credential or PUBLIC
    if any(one.name == name for one in await _credentials(services)):
        return name
    if body.credential is not None and name != PUBLIC:
        raise _wrong("credential", f"there is no credential {name[:64]!r}; `netmon credential set` makes one")
    await _keep(services, PUBLIC, Credential.model_validate({"community": PUBLIC}))
    return PUBLIC


async def _keep(services: Services, name: str, given: Credential) -> None:
    def shown(secret: object) -> str:
        value = getattr(given, str(secret))
        return "" if value is None else value.get_secret_value()

    credential = SnmpCredential(
        name="" if name.startswith(_OWN) else name,
        version=given.version,
        community=shown("community"),
        user=given.user or "",
        auth=given.auth or "",
        auth_password=shown("auth_password"),
        priv=given.priv or "",
        priv_password=shown("priv_password"),
        key_expansion=given.key_expansion,
    )
    try:
        await services.polling.keep_credential(name, credential)
    except (SealBroken, OSError) as error:
        raise ApiError("unavailable", f"credentials cannot be sealed: {error}") from None


async def _drop_own(services: Services, credential: str) -> None:
    if credential.startswith(_OWN):
        await asyncio.to_thread(services.polling.credentials.remove, credential)


def _device(call: Call[NoQuery]) -> Polled:
    instance = call.request.match_info["device"]
    polled = call.services.polling.one(instance)
    if polled is None:
        raise ApiError("not_found", f"no device {instance!r} is polled")
    return polled


def _poller(services: Services, wanted: str | None) -> Device:
    """The agent that is to poll: the one that is named, else the one of this machine, else the only one there is."""
    agents = [one for one in services.fleet.devices() if one.job == "node"]
    if wanted is not None:
        named = next((one for one in agents if one.instance == wanted), None)
        if named is None:
            raise _wrong("poller", f"there is no agent {wanted[:64]!r}")
        return named
    connected = [one for one in agents if one.connected]
    candidates = [one for one in connected if _is_here(one.address)] or connected
    if len(candidates) == 1:
        return candidates[0]
    names = ", ".join(one.instance for one in candidates[:5])
    raise _wrong(
        "poller", f"say which agent polls, such as {names}" if names else "no agent is connected that could poll"
    )


def _is_here(address: str | None) -> bool:
    """Whether an agent is on the collector's machine: through its socket, or through loopback."""
    return not address or "/" in address or is_loopback(split_address(address)[0])


def _wrong(field: str, complaint: str) -> ApiError:
    return ApiError("bad_request", f"{field}: {complaint}", field_errors={field: complaint})


def _poller_of(services: Services, polled: Polled) -> str:
    agents = services.fleet.devices()
    agent_id = polled.record.agent_id
    return next((one.instance for one in agents if one.job == "node" and one.agent_id == agent_id), agent_id)


def _answer(services: Services, polled: Polled) -> SnmpDeviceAnswer:
    record, report = polled.record, polled.report
    return SnmpDeviceAnswer(
        instance=record.instance,
        name=record.name,
        host=record.host,
        port=record.port,
        poller=_poller_of(services, polled),
        credential=None if record.credential.startswith(_OWN) else record.credential,
        interval_s=record.interval_ms / 1000,
        state=state_of(polled),
        since=rfc3339(polled.since_ms),
        added=rfc3339(record.added_ms),
        identified=None if record.identified_ms is None else rfc3339(record.identified_ms),
        last_poll=rfc3339(polled.newest_ms) if polled.newest_ms else None,
        reported=None if polled.reported_ms is None else rfc3339(polled.reported_ms),
        answered=None if report is None else report.answered,
        trouble="" if report is None else report.trouble,
        **record.facts,
    )
