"""Sites: places with addresses of their own, and which devices are there."""

import asyncio
import re
from collections import Counter

from pydantic import BaseModel, ConfigDict, Field

from netmon_api.bodies import body_of
from netmon_api.envelope import ApiError, listing, page_of
from netmon_api.models import Answer, Listing, NoQuery, PageQuery
from netmon_api.routes import Call
from netmon_api.services import Services
from netmon_collector.config import SiteOptions
from netmon_collector.sites import Site

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._-]{0,99}")
MOST_SITES = 10_000


class SiteBody(BaseModel):
    """Networks (CIDR) and agents of a site; without networks it is wherever these agents look."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    networks: list[str] = Field(default=[], max_length=1000)
    agents: list[str] = Field(default=[], max_length=1000)


class SiteAnswer(Answer):
    """A site; `fixed` stands in the collector's configuration and is changed there. `devices` are those that are polled
    there."""

    name: str
    networks: list[str]
    agents: list[str]
    fixed: bool
    devices: int


async def list_sites(call: Call[PageQuery]) -> Listing[SiteAnswer]:
    devices = _devices(call.services)
    found = call.services.sites.all()
    results = [_answer(one, devices[one.name]) for one in page_of(found, call.query)]
    return listing(call.request.path, len(found), results, call.query)


async def put_site(call: Call[NoQuery]) -> SiteAnswer:
    name, services = call.request.match_info["site"], call.services
    body = await body_of(call.request, SiteBody)
    if not _NAME.fullmatch(name):
        raise ApiError("bad_request", "a site's name has 1 to 100 letters, digits, spaces, '.', '_' and '-'")
    _check_free(services, name)
    try:
        given = SiteOptions.model_validate({"name": name, **body.model_dump()})
    except ValueError as error:
        complaint = "; ".join(line["msg"] for line in getattr(error, "errors", list)()) or str(error)
        raise ApiError("bad_request", complaint) from None
    if services.sites.one(name) is None and len(services.sites.all()) >= MOST_SITES:
        raise ApiError("too_many", f"there are {MOST_SITES:,} sites already")
    site = Site(name, given.networks, given.agents)
    await asyncio.to_thread(services.sites.put, site)
    services.atlas.look_again()
    return _answer(site, _devices(services)[name])


async def remove_site(call: Call[NoQuery]) -> SiteAnswer:
    name, services = call.request.match_info["site"], call.services
    site = services.sites.one(name)
    if site is None:
        raise ApiError("not_found", f"there is no site {name!r}")
    _check_free(services, name)
    answer = _answer(site, _devices(services)[name])
    await asyncio.to_thread(services.sites.remove, name)
    services.atlas.look_again()
    return answer


def _check_free(services: Services, name: str) -> None:
    known = services.sites.one(name)
    if known is not None and known.is_fixed:
        raise ApiError("conflict", f"{name!r} stands in the collector's configuration: change it there")


def _devices(services: Services) -> Counter[str]:
    return Counter(services.sites.of_device(one.record) for one in services.polling.all())


def _answer(site: Site, devices: int) -> SiteAnswer:
    return SiteAnswer(
        name=site.name,
        networks=[str(one) for one in site.networks],
        agents=list(site.agents),
        fixed=site.is_fixed,
        devices=devices,
    )
