"""The sites that people make, in SQL."""

import json
from ipaddress import ip_network

from sqlalchemy import Engine, delete, insert, select

from netmon_collector.sites import Site
from netmon_collector.state.database import reading
from netmon_collector.state.schema import sites


class KeptSites:
    """The sites of a state database. Calls are short and synchronous."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def all(self) -> list[Site]:
        """All of them, sorted by name."""
        with reading(self._engine) as connection:
            rows = connection.execute(select(sites.c.name, sites.c.networks, sites.c.agents)).all()
        found = [
            Site(name, tuple(map(ip_network, json.loads(nets))), tuple(json.loads(who))) for name, nets, who in rows
        ]
        return sorted(found, key=lambda one: one.name)

    def put(self, site: Site) -> None:
        """Keeps a site instead of the one of its name."""
        values = {"networks": json.dumps([str(one) for one in site.networks]), "agents": json.dumps(site.agents)}
        with self._engine.begin() as connection:
            connection.execute(delete(sites).where(sites.c.name == site.name))
            connection.execute(insert(sites).values(name=site.name, **values))

    def remove(self, name: str) -> None:
        with self._engine.begin() as connection:
            connection.execute(delete(sites).where(sites.c.name == name))
