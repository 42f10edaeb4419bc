"""The map and identities as the API shows them, over facts that pollers told."""

from typing import Any

import pytest

from netmon_collector.identity.witness import witnesses
from netmon_collector.topology.told import Port, Told, mac_number
from tests.api.lab import NOW_MS, Lab
from tests.api.switches import CABLES, SWITCHES, facts, have_three_switches, mac


@pytest.fixture(autouse=True)
async def three_switches(lab: Lab) -> None:
    await have_three_switches(lab)


async def get(lab: Lab, path: str, status: int = 200, **parameters: str) -> Any:
    async with lab.client.get(path, params=parameters) as response:
        assert response.status == status, await response.text()
        answer = await response.json()
    return answer if status == 200 else answer["error"]["message"]


async def post(lab: Lab, path: str, body: Any = None, status: int = 200) -> Any:
    async with lab.client.post(path, json=body) as response:
        assert response.status == status, await response.text()
        answer = await response.json()
    return answer if status == 200 else answer["error"]["message"]


async def test_the_map_has_links_with_their_evidence(lab: Lab) -> None:
    answer = await get(lab, "/api/v1/topology", layer="2")

    assert [(one["a"], one["b"]) for one in answer["links"]] == [
        ({"node": one, "name": one, "port": near, "stp": ""}, {"node": other, "name": other, "port": far, "stp": ""})
        for one, near, other, far in (("core", "ge1", "east", "ge8"), ("east", "ge2", "hall", "ge8"))
    ]
    assert [(one["tagged"], one["untagged"]) for one in answer["links"]] == [("10,20", ""), ("10", "")]
    told_by = {(one["source"], one["told_by"]) for one in answer["links"][0]["evidence"]}
    assert told_by >= {("lldp", "core"), ("lldp", "east")}
    assert answer["cuts"] == ["east"]
    assert {one["id"] for one in answer["nodes"] if one["kind"] == "device"} == set(SWITCHES)


async def test_a_part_of_the_map_is_what_is_near_a_device(lab: Lab) -> None:
    near = await get(lab, "/api/v1/topology", device="hall", hops="1", layer="2")

    assert len(near["links"]) == 1
    assert await get(lab, "/api/v1/topology", 404, device="attic") == "the map has no 'attic'"


async def test_links_are_filtered_and_paged(lab: Lab) -> None:
    layer3 = await get(lab, "/api/v1/links", layer="3")
    of_hall = await get(lab, "/api/v1/links", device="hall", source="lldp")

    assert (layer3["count"], of_hall["count"]) == (3, 1)
    assert {one["b"]["node"] for one in layer3["results"]} == {"subnet::10.9.0.0/24"}


async def test_a_vlan_is_a_part_of_the_map_with_ways_of_its_own(lab: Lab) -> None:
    within = await get(lab, "/api/v1/topology", vlan="20")
    assert ({one["id"] for one in within["nodes"]}, len(within["links"])) == ({"core", "east"}, 1)
    assert (await get(lab, "/api/v1/links", vlan="20"))["count"] == 1
    assert (await get(lab, "/api/v1/paths", a="core", b="hall", vlan="10"))["nodes"] == ["core", "east", "hall"]
    message = await get(lab, "/api/v1/paths", 404, a="core", b="hall", vlan="20")
    assert message == "the map knows no way from core to hall within VLAN 20"
    then = await get(lab, "/api/v1/topology", layer="2", at=str(NOW_MS / 1000))
    assert [one["tagged"] for one in then["links"]] == ["10,20", "10"]


@pytest.mark.parametrize("text", ["3c:22:00:00:00:01", "3C-22-00-00-00-01", "3c22.0000.0001", "10.0.0.50"])
async def test_a_host_is_found_by_its_addresses(lab: Lab, text: str) -> None:
    answer = await get(lab, "/api/v1/where", q=text)

    assert [(one["device"], one["port"], one["sure"]) for one in answer["now"]] == [("hall", "ge4", True)]
    assert answer["now"][0]["addresses"] == ["10.0.0.50"]
    assert answer["before"] == []


async def test_a_host_that_moved_has_a_history(lab: Lab) -> None:
    await lab.atlas.learn(facts("hall", {"3c:22:00:00:00:01": 7}))
    await lab.atlas.redraw()

    answer = await get(lab, "/api/v1/where", q="3c:22:00:00:00:01")

    assert [one["port"] for one in answer["now"]] == ["ge7"]
    assert [one["port"] for one in answer["before"]] == ["ge4"]


async def test_a_device_is_found_by_name_or_address_with_its_links(lab: Lab) -> None:
    by_name, by_address = await get(lab, "/api/v1/where", q="HALL"), await get(lab, "/api/v1/where", q="10.9.0.3")

    assert by_name["devices"] == by_address["devices"] == ["hall"]
    assert len(by_name["links"]) == 1
    assert "nothing is known of 'attic'" in await get(lab, "/api/v1/where", 404, q="attic")


async def test_a_way_names_what_it_cannot_avoid(lab: Lab) -> None:
    answer = await get(lab, "/api/v1/paths", a="core", b="hall")

    assert (answer["nodes"], answer["cuts"]) == (["core", "east", "hall"], ["east"])
    assert [(one["start"], one["goal"], len(one["links"])) for one in answer["steps"]] == [
        ("core", "east", 1),
        ("east", "hall", 1),
    ]
    behind = await get(lab, "/api/v1/downstream", of="east", seen_from="core")
    assert "hall" in behind["nodes"]


async def test_a_link_that_is_cut_is_gone_and_the_change_is_kept(lab: Lab) -> None:
    cables: dict[str, Any] = {**CABLES, "east": [(8, "core", 1)], "hall": []}
    await lab.atlas.learn(facts("east", cables=cables))
    await lab.atlas.learn(facts("hall", cables=cables))
    await lab.atlas.redraw()

    gone = [one for one in (await get(lab, "/api/v1/links/changes"))["results"] if one["gone"]]

    assert [(one["a"]["node"], one["b"]["node"]) for one in gone] == [("east", "hall")]
    assert len((await get(lab, "/api/v1/topology", layer="2"))["links"]) == 1
    then = await get(lab, "/api/v1/topology", layer="2", at=str(NOW_MS / 1000 - 3600))
    assert then["links"] == []


async def test_devices_that_are_one_are_shown_with_all_ways_to_them(lab: Lab) -> None:
    twin = witnesses(engine="80000003", base=mac("hall"), serials=["FOC1234A"], name="hall")
    await lab.atlas.register.see("hall", "", twin)
    await lab.atlas.see_agent("hall-2", Told("hall-2", ports=(Port(1, "eth0", mac=mac_number(mac("hall"))),)), twin)

    found = await get(lab, "/api/v1/identities", handle="hall-2")
    log = (await get(lab, "/api/v1/identities/log"))["results"]

    assert [one["handle"] for one in found["results"][0]["sources"]] == ["hall", "hall-2"]
    assert (log[0]["action"], log[0]["handle"], log[0]["record"]) == ("merged", "hall-2", "hall")
    undone = await post(lab, f"/api/v1/identities/log/{log[0]['number']}/undo")
    assert undone["action"] == "split"
    assert (await get(lab, "/api/v1/identities", handle="hall-2"))["results"][0]["record"] == "hall-2"


async def test_a_proposal_says_what_it_asks_and_takes_an_answer(lab: Lab) -> None:
    other = witnesses(engine="80000003", name="hall")
    await lab.atlas.register.see("hall", "", witnesses(engine="80000003", name="hall"))
    await lab.atlas.register.see("hall-3", "", other)

    proposal = (await get(lab, "/api/v1/proposals"))["results"][0]
    accepted = await post(lab, f"/api/v1/proposals/{proposal['number']}/accept")

    assert proposal["question"] == "Are hall-3 and hall one device?"
    assert "same SNMP engine id 80000003" in proposal["reasons"]
    assert (accepted["state"], accepted["decided_by"]) == ("accepted", "api")
    again = await post(lab, f"/api/v1/proposals/{proposal['number']}/reject", status=409)
    assert again == f"proposal {proposal['number']} is accepted already"
    assert (await get(lab, "/api/v1/proposals", state="accepted"))["count"] == 1
    assert (await get(lab, "/api/v1/proposals"))["count"] == 0


async def test_people_merge_and_split_and_mistakes_are_told(lab: Lab) -> None:
    merged = await post(lab, "/api/v1/identities/merge", {"handle": "hall", "into": "east"})
    assert (merged["handle"], merged["record"]) == ("hall", "east")
    assert await post(lab, "/api/v1/identities/merge", {"handle": "hall", "into": "east"}, 409) == (
        "hall and east are one device already"
    )
    assert (await post(lab, "/api/v1/identities/split", {"handle": "hall"}))["action"] == "split"
    assert await post(lab, "/api/v1/identities/split", {"handle": "attic"}, 404) == "nothing is known of 'attic'"
    assert "into" in await post(lab, "/api/v1/identities/merge", {"handle": "hall"}, 400)
    assert await post(lab, "/api/v1/proposals/99/accept", status=404) == "there is no proposal 99"
    assert await post(lab, "/api/v1/proposals/x/accept", status=400) == "must be a number, such as 7"


async def test_map_and_identities_outlive_the_collector(lab: Lab) -> None:
    await post(lab, "/api/v1/identities/merge", {"handle": "hall", "into": "east"})
    again = type(lab.atlas)(lab.atlas._identity, lab.atlas.kept, lab.polling, lambda: NOW_MS + 60_000)

    assert again.register.registry.handles_of("hall") == ["east", "hall"]
    assert [one.action for one in again.register.registry.log][-1] == "merged"
    assert {one.key for one in again._links.links.values()} == {one.key for one in lab.atlas.sheet.graph.links}
    assert [one.key for one in again.ports("hall")] == [f"ge{number}" for number in range(1, 9)]
    assert again.hosts.stays == lab.atlas.hosts.stays


async def test_a_device_that_is_polled_no_more_leaves_the_map(lab: Lab) -> None:
    await lab.polling.remove("hall")
    await lab.atlas.redraw()

    graph = lab.atlas.sheet.graph
    assert "hall" not in graph
    assert "hall" not in lab.atlas.register.registry.sources
