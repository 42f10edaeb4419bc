"""The routes about the map and about who is who, on one page; app.py adds them to its own."""

from netmon_api import identity, sites, topology
from netmon_api.auth import Access
from netmon_api.identity_models import (
    EntryAnswer,
    IdentitiesQuery,
    IdentityAnswer,
    MergeBody,
    ProposalAnswer,
    ProposalsQuery,
    SplitBody,
)
from netmon_api.models import Listing, NoQuery, PageQuery
from netmon_api.routes import Route
from netmon_api.sites import SiteAnswer, SiteBody
from netmon_api.topology_models import (
    ChangesQuery,
    DownstreamAnswer,
    DownstreamQuery,
    LinkAnswer,
    LinksQuery,
    MapAnswer,
    MapQuery,
    PathAnswer,
    PathQuery,
    WhereAnswer,
    WhereQuery,
)

_LINKS, _PROPOSALS, _IDENTITIES = "/api/v1/links", "/api/v1/proposals", "/api/v1/identities"
_SITES = "/api/v1/sites"

# fmt: off
MAP_ROUTES: tuple[Route, ...] = (
    Route("GET", "/api/v1/topology", Access.TOKEN, topology.show_map, MapQuery, MapAnswer,
          "The map: devices, what lies between them, links with their evidence"),
    Route("GET", _LINKS, Access.TOKEN, topology.list_links, LinksQuery, Listing[LinkAnswer],
          "Links, sorted by their ends"),
    Route("GET", _LINKS + "/changes", Access.TOKEN, topology.list_changes, ChangesQuery, Listing[LinkAnswer],
          "Links that came or went in some time, the newest first"),
    Route("GET", "/api/v1/where", Access.TOKEN, topology.find, WhereQuery, WhereAnswer,
          "Where a host or device is, and was"),
    Route("GET", "/api/v1/paths", Access.TOKEN, topology.show_path, PathQuery, PathAnswer,
          "A way between two devices, and what no way avoids"),
    Route("GET", "/api/v1/downstream", Access.TOKEN, topology.show_downstream, DownstreamQuery, DownstreamAnswer,
          "What is behind a device, as seen from another one"),
    Route("GET", _SITES, Access.TOKEN, sites.list_sites, PageQuery, Listing[SiteAnswer],
          "Sites, sorted by name"),
    Route("PUT", _SITES + "/{site}", Access.TOKEN, sites.put_site, NoQuery, SiteAnswer,
          "Say where a site is", body=SiteBody),
    Route("DELETE", _SITES + "/{site}", Access.TOKEN, sites.remove_site, NoQuery, SiteAnswer,
          "Forget a site"),
    Route("GET", _IDENTITIES, Access.TOKEN, identity.list_identities, IdentitiesQuery, Listing[IdentityAnswer],
          "Devices with all ways to them, by record"),
    Route("GET", _IDENTITIES + "/log", Access.TOKEN, identity.list_log, PageQuery, Listing[EntryAnswer],
          "What was done to identities, the newest first"),
    Route("POST", _IDENTITIES + "/merge", Access.TOKEN, identity.merge, NoQuery, EntryAnswer,
          "Make two devices one", body=MergeBody),
    Route("POST", _IDENTITIES + "/split", Access.TOKEN, identity.split, NoQuery, EntryAnswer,
          "Make a handle a device of its own", body=SplitBody),
    Route("POST", _IDENTITIES + "/log/{number}/undo", Access.TOKEN, identity.undo, NoQuery, EntryAnswer,
          "Take a merge back"),
    Route("GET", _PROPOSALS, Access.TOKEN, identity.list_proposals, ProposalsQuery, Listing[ProposalAnswer],
          "What people are asked about devices, the newest first"),
    Route("POST", _PROPOSALS + "/{number}/accept", Access.TOKEN, identity.accept_proposal, NoQuery, ProposalAnswer,
          "Say yes to a proposal"),
    Route("POST", _PROPOSALS + "/{number}/reject", Access.TOKEN, identity.reject_proposal, NoQuery, ProposalAnswer,
          "Say no to a proposal"),
)
# fmt: on
