"""Facts as pollers tell them become what the map takes; what makes no sense is left out, not guessed."""

import pytest

from netmon_collector.identity.reading import read_ports, read_witnesses
from netmon_collector.topology import reading
from netmon_collector.topology.reading import read_told
from netmon_proto.model import DeviceFacts, FactTable
from tests.fuzz.topology import make
from tests.support.fuzzing import fuzz


def facts(**tables: dict[str, tuple[str, ...]]) -> DeviceFacts:
    return DeviceFacts("sw1", 5, tuple(FactTable(kind.replace("_", "-"), columns) for kind, columns in tables.items()))


def test_ports_have_their_aggregates_and_addresses() -> None:
    told = read_told(
        facts(
            port={"ifIndex": ("1", "50", "x"), "name": ("ge1", "ae0", "?"), "mac": ("00:1a:00:00:00:01", "", "")},
            lag={"ifIndex": ("1", "50"), "group": ("50", "50")},
            address={"address": ("10.0.0.1", "10.0.0.254", "nonsense"), "prefix": ("24", "24", "24")},
            virtual_address={"address": ("10.0.0.254",)},
        ),
        ["core", ""],
    )

    assert [(one.index, one.label, one.group) for one in told.ports] == [(1, "ge1", 50), (50, "ae0", 0)]
    assert told.macs == {0x001A00000001}
    assert [(one.address, one.prefix) for one in told.addresses] == [("10.0.0.1", 24)]
    assert told.shared_addresses == ("10.0.0.254",)
    assert told.names == ("core",)


def test_of_a_forwarding_table_the_learned_rows_of_stations_count() -> None:
    told = read_told(
        facts(
            fdb={
                "mac": ("00:1a:00:00:00:01", "00:1a:00:00:00:02", "01:00:5e:00:00:01", "00:1a:00:00:00:04"),
                "ifIndex": ("1", "2", "3", ""),
                "status": ("3", "4", "3", "3"),
            }
        )
    )

    assert told.forwarding.macs.tolist() == [0x001A00000001]
    assert told.forwarding.ports.tolist() == [1]


def test_addresses_in_other_spellings_are_read_one_by_one() -> None:
    told = read_told(
        facts(fdb={"mac": ("001a.0000.0001", "nonsense", "00-1A-00-00-00-02"), "ifIndex": ("1", "2", "3")})
    )

    assert told.forwarding.macs.tolist() == [0x001A00000001, 0x001A00000002]
    assert told.forwarding.ports.tolist() == [1, 3]


def test_only_neighbours_that_route_with_us_count() -> None:
    told = read_told(
        facts(
            ospf_neighbour={"address": ("10.0.0.2", "10.0.0.3"), "router": ("2.2.2.2", "3.3.3.3"), "state": ("8", "2")},
            bgp_peer={"address": ("10.0.0.4", "10.0.0.5"), "state": ("6", "1")},
            route={"next_hop": ("10.0.0.2", "10.0.0.2", "10.0.0.9"), "type": ("4", "4", "3")},
        )
    )

    assert [(one.protocol, one.address) for one in told.peers] == [("ospf", "10.0.0.2"), ("bgp", "10.0.0.4")]
    assert [one.next_hop for one in told.routes] == ["10.0.0.2"]


def test_what_cannot_be_printed_becomes_a_space() -> None:
    told = read_told(facts(neighbour={"name": ("a\x00b\nc",), "port": ("\x1b[31m",), "ifIndex": ("1",)}))

    assert (told.heard[0].name, told.heard[0].port) == ("a b c", " [31m")


def test_tables_are_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "MOST_NEAR", 2)
    many = tuple(f"10.0.0.{n}" for n in range(1, 9))

    assert len(read_told(facts(arp={"address": many, "mac": ("00:1a:00:00:00:01",) * 8})).near) == 2


def test_of_a_table_that_was_cut_short_what_was_told_before_counts() -> None:
    two = FactTable("neighbour", {"ifIndex": ("1", "2"), "name": ("a", "b")})
    none = FactTable("neighbour", {}, is_complete=False)
    before = read_told(DeviceFacts("sw1", 1, (two,)))

    assert len(read_told(DeviceFacts("sw1", 2, (none,)), before=before).heard) == 2
    assert len(read_told(DeviceFacts("sw1", 2, (FactTable("neighbour"),)), before=before).heard) == 0


def test_a_device_that_tells_nothing_is_a_device() -> None:
    told = read_told(facts())

    assert (told.device, told.ports, len(told.forwarding), told.macs) == ("sw1", (), 0, frozenset())


def test_witnesses_come_from_facts_and_from_what_the_device_was_identified_as() -> None:
    told = read_witnesses(
        facts(
            device={"engine_id": ("8000AA",), "bridge_address": ("00:1A:00:00:00:10",)},
            part={"class": ("3", "9", "3"), "serial": ("FOC1111A", "CARD0001", "FOC2222B")},
            address={"address": ("10.0.0.1", "127.0.0.1")},
        ),
        {"serial": "FOC1111A", "vendor": "Cisco", "sys_name": "Core"},
    )

    assert (told.engine, told.base, told.name) == ("8000aa", "00:1a:00:00:00:10", "core")
    assert told.serials == {"FOC1111A", "FOC2222B"}
    assert told.addresses == {"10.0.0.1"}


def test_a_port_knows_the_card_that_it_is_on_even_where_parts_are_inside_each_other() -> None:
    parts: dict[str, tuple[str, ...]] = {
        "index": ("1", "2", "3", "8", "9"),
        "within": ("0", "1", "2", "9", "8"),
        "class": ("3", "9", "10", "10", "9"),
        "serial": ("CHASSIS1", "CARD0001", "", "", ""),
        "ifIndex": ("", "", "5", "6", ""),
    }
    ports = {one.index: one for one in read_ports(facts(part=parts, port={"ifIndex": ("5", "6"), "name": ("a", "b")}))}

    assert (ports[5].entity, ports[6].entity) == ("CARD0001", "")


def test_random_facts_of_devices_that_lie_make_a_map() -> None:
    tally = fuzz(make, 3.0, 12, most_inputs=10)

    assert tally.taken == tally.inputs > 0
