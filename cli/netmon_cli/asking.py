"""Asks a device over the network from this machine, without the collector."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from netmon_agent.snmp.session import Session, SnmpError
from netmon_cli.failure import Exit, Failure
from netmon_cli.snmp import address_of

PUBLIC: Mapping[str, str] = {"version": "2c", "community": "public"}


@asynccontextmanager
async def conversation(device: str, snmp: Mapping[str, str] | None, budget_s: float) -> AsyncIterator[Session]:
    """A conversation with HOST or HOST:PORT, by version 2c as `public` unless told otherwise. Raises Failure."""
    try:
        from netmon_agent.snmp.credentials import Credential
        from netmon_agent.snmp.gufo import connect
        from netmon_agent.snmp.pace import Pace
    except ImportError as error:
        raise Failure(Exit.USAGE, f"netmon lacks {error.name}", "pip install 'netmon[poller]'") from None
    host, port = address_of(device)
    try:
        session = await connect(host, port, Credential.model_validate(dict(snmp or PUBLIC)), Pace(), budget_s)
    except ValueError:
        raise Failure(
            Exit.USAGE, "the credential is not whole", "`netmon device add --help` lists its options."
        ) from None
    except SnmpError as error:
        raise Failure(Exit.WRONG, f"{device}: {error}") from None
    try:
        yield session
    except SnmpError as error:
        raise Failure(Exit.WRONG, f"{device}: {error}") from None
    finally:
        session.close()
