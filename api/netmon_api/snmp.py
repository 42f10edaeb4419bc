"""Devices that agents poll by SNMP, and the credentials for them, which go in and never come out."""

import asyncio
import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy.exc import SQLAlchemyError

from netmon_agent.snmp.credentials import Credential
from netmon_api.bodies import body_of, understood
from netmon_api.devices import state_of
from netmon_api.envelope import ApiError, listing, page_of
from netmon_api.models import Listing, NoQuery, PageQuery
from netmon_api.pollers import poller_named, wrong
from netmon_api.routes import Call
from netmon_api.services import Services
from netmon_api.snmp_models import (
    CredentialAnswer,
    PollAnswer,
    PortAnswer,
    Refusal,
    SnmpDeviceAnswer,
    SnmpDeviceBody,
    SnmpDeviceChange,
    SnmpDevicesAnswer,
    SnmpDevicesBody,
)
from netmon_api.times import rfc3339
from netmon_collector.polling import Polled, TooMany
from netmon_collector.state.credentials import InUse
from netmon_collector.state.devices import DeviceExists, DeviceRecord
from netmon_configs.sealing import SealBroken
from netmon_configs.text import excerpt
from netmon_proto.model import SnmpCredential

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_OWN = "@"
"""Begins the name of a credential that was given with one device, and goes with it."""

_BEYOND_IF_SPEED = 4_294_967_295
"""What ifSpeed says of a port that is faster than that, or as fast as nobody knows."""

PUBLIC = "public"
"""The credential of a device that is given none: version 2c with the community that devices come with."""


async def list_snmp_devices(call: Call[PageQuery]) -> Listing[SnmpDeviceAnswer]:
    found = call.services.polling.all()
    results = [_answer(call.services, one) for one in page_of(found, call.query)]
    return listing(call.request.path, len(found), results, call.query)


async def show_snmp_device(call: Call[NoQuery]) -> SnmpDeviceAnswer:
    return _answer(call.services, _device(call))


async def add_snmp_device(call: Call[NoQuery]) -> SnmpDeviceAnswer:
    return await _add(call.services, await body_of(call.request, SnmpDeviceBody))


async def add_snmp_devices(call: Call[NoQuery]) -> SnmpDevicesAnswer:
    body = await body_of(call.request, SnmpDevicesBody)
    added: list[SnmpDeviceAnswer] = []
    refused: list[Refusal] = []
    for place, device in enumerate(body.devices):
        try:
            added.append(await _add(call.services, understood(device, SnmpDeviceBody)))
        except ApiError as error:
            refused.append(Refusal(place=place, host=excerpt(str(device.get("host", ""))), message=error.message))
    return SnmpDevicesAnswer(added=added, refused=refused)


async def _add(services: Services, body: SnmpDeviceBody) -> SnmpDeviceAnswer:
    """Has a device polled. Raises ApiError."""
    poller = poller_named(services, body.poller)
    credential, *further = await _credentials_for(services, body)
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
        further=tuple(further),
        profile=body.profile,
        speeds_bps=body.speeds_bps,
        site=body.site,
        is_pinned=body.poller is not None,
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


async def change_snmp_device(call: Call[NoQuery]) -> SnmpDeviceAnswer:
    polled, services = _device(call), call.services
    body = await body_of(call.request, SnmpDeviceChange)
    before = polled.record
    credentials = tuple(await credentials_named(services, body.credentials)) if body.credentials else before.credentials
    wanted = replace(
        before,
        name=body.name or before.name,
        host=(body.host or before.host).lower(),
        port=body.port or before.port,
        credential=credentials[0],
        further=credentials[1:],
        interval_ms=round(body.interval_s * 1000) if body.interval_s else before.interval_ms,
        profile=before.profile if body.profile is None else body.profile,
        speeds_bps=before.speeds_bps if body.speeds_bps is None else body.speeds_bps,
        site=before.site if body.site is None else body.site,
        is_pinned=before.is_pinned if body.poller is None else bool(body.poller),
    )
    agent_id = poller_named(services, body.poller).agent_id if body.poller else None
    try:
        await services.polling.change(wanted, agent_id)
    except (DeviceExists, TooMany) as error:
        raise ApiError("conflict", str(error)) from None
    if before.credential not in credentials:
        await _drop_own(services, before.credential)
    if wanted.site != before.site:
        services.atlas.look_again()
    return _answer(services, polled)


async def list_snmp_ports(call: Call[PageQuery]) -> Listing[PortAnswer]:
    facts = await call.services.facts.of(_device(call).record.instance)
    table = facts.table("port") if facts is not None else None
    rows = sorted(table.rows(), key=lambda row: _whole(row.get("ifIndex")) or 0) if table is not None else []
    results = [_port(row) for row in page_of(rows, call.query)]
    return listing(call.request.path, len(rows), results, call.query)


async def remove_snmp_device(call: Call[NoQuery]) -> SnmpDeviceAnswer:
    polled = _device(call)
    answer = _answer(call.services, polled)
    await call.services.polling.remove(polled.record.instance)
    await _drop_own(call.services, polled.record.credential)
    return answer


async def poll_snmp_device(call: Call[NoQuery]) -> PollAnswer:
    polled = _device(call)
    poller = _poller(call.services, polled.record.agent_id)
    if not call.services.polling.poll_now(polled.record.instance):
        raise ApiError("unavailable", f"its poller {poller} is not connected; it polls when its time comes")
    return PollAnswer(instance=polled.record.instance, poller=poller)


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


async def _credentials_for(services: Services, body: SnmpDeviceBody) -> list[str]:
    """The names of the credentials that a new device is to be asked with; one that came with it is kept."""
    said = [name for name in ("credential", "credentials", "snmp") if getattr(body, name) is not None]
    if len(said) > 1:
        raise wrong(said[0], f"is one way to say who asks, '{said[1]}' another")
    if body.snmp is not None:
        name = _OWN + secrets.token_hex(8)
        await _keep(services, name, body.snmp)
        return [name]
    if body.credentials is not None:
        return await credentials_named(services, body.credentials)
    return await credentials_named(services, [body.credential or PUBLIC], "credential")


async def credentials_named(services: Services, names: Sequence[str], field: str = "credentials") -> list[str]:
    """Credentials that are kept, each once; public comes into being when it is named first."""
    wanted, known = list(dict.fromkeys(names)), {one.name for one in await _credentials(services)}
    for name in wanted:
        if name not in known and name != PUBLIC:
            raise wrong(field, f"there is no credential {name[:64]!r}; `netmon credential set` makes one")
    if PUBLIC in wanted and PUBLIC not in known:
        await _keep(services, PUBLIC, Credential.model_validate({"community": PUBLIC}))
    return wanted


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


def _device(call: Call[Any]) -> Polled:
    name = call.request.match_info["device"]
    polled = call.services.polling.named(name)
    if polled is None:
        raise ApiError("not_found", f"no device {name!r} is polled")
    return polled


def _poller(services: Services, agent_id: str) -> str:
    return services.fleet.instance_of(agent_id) or agent_id


def _port(row: Mapping[str, str]) -> PortAnswer:
    mbps, bps = _whole(row.get("speed_mbps")), _whole(row.get("speed_bps"))
    return PortAnswer(
        if_index=_whole(row.get("ifIndex")) or 0,
        name=row.get("name", ""),
        descr=row.get("descr", ""),
        alias=row.get("alias", ""),
        type=_whole(row.get("type")),
        mac=row.get("mac", ""),
        admin=_whole(row.get("admin")),
        oper=_whole(row.get("oper")),
        speed_bps=mbps * 1e6 if mbps else (bps if bps != _BEYOND_IF_SPEED else None),
    )


def _whole(text: str | None) -> int | None:
    return int(text) if text is not None and text.isascii() and text.isdigit() else None


def _answer(services: Services, polled: Polled) -> SnmpDeviceAnswer:
    record, report, moved = polled.record, polled.report, polled.record.moved
    return SnmpDeviceAnswer(
        instance=record.instance,
        name=record.name,
        host=record.host,
        port=record.port,
        poller=_poller(services, record.agent_id),
        is_pinned=record.is_pinned,
        former_poller=_poller(services, moved.former_agent_id) if moved else "",
        moved=rfc3339(moved.time_ms) if moved else None,
        moved_because=moved.because if moved else "",
        credential=None if record.credential.startswith(_OWN) else record.credential,
        credentials=[name for name in record.credentials if not name.startswith(_OWN)],
        interval_s=record.interval_ms / 1000,
        wanted_profile=record.profile,
        speeds_bps=dict(record.speeds_bps),
        site=services.sites.of_device(record),
        wanted_site=record.site,
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
