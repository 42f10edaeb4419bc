"""Why an outage happened, told of scenarios that the real parts of a collector play: witnesses, rules, incidents."""

from pathlib import Path

from netmon_collector.state.events import NewEvent
from netmon_proto.model import Severity
from tests.support.rehearsed import Scene, rehearsed

SCENARIOS = Path(__file__).parents[1] / "alerts"


def told(scene: Scene, device: str, kind: str) -> NewEvent:
    """What a device tells by itself, now."""
    return NewEvent(scene.world.clock.now_ms, device, "trap", kind, int(Severity.WARNING), 1, "", "", {})


async def test_the_core_of_a_site_dies_and_is_the_cause_of_five_hundred(tmp_path: Path) -> None:
    async with rehearsed(SCENARIOS / "core_of_500_devices_dies.yaml", tmp_path, 200) as (scene, inquests):
        scene.events = [told(scene, "core", "coldStart")]
        await inquests.look()
        ((number, found),) = inquests.findings.items()
        assert scene.collector.incidents.all()[number].title == "Down: core is down"
        cause = found.cause
        assert cause is not None
        assert (cause.fault, cause.subject) == ("device", "core")
        assert cause.score > 0.5
        assert any(text.endswith("places behind it do not answer") for text, _ in cause.evidence)
        assert len(found.toll.devices) > 500
        assert found.priority > 80


async def test_without_a_word_of_it_a_device_and_its_only_link_are_both_named(tmp_path: Path) -> None:
    async with rehearsed(SCENARIOS / "core_of_500_devices_dies.yaml", tmp_path, 200) as (_, inquests):
        await inquests.look()
        (found,) = inquests.findings.values()
        first, second = found.causes[:2]
        assert {first.fault, second.fault} == {"device", "link"}
        assert all("core" in one.devices for one in (first, second))
        assert first.score - second.score < 0.1


async def test_both_halves_of_a_core_are_two_faults_at_a_time(tmp_path: Path) -> None:
    async with rehearsed(SCENARIOS / "both_halves_of_a_core_die.yaml", tmp_path, 300) as (scene, inquests):
        scene.events = [told(scene, "core1", "coldStart"), told(scene, "core2", "coldStart")]
        await inquests.look()
        (found,) = inquests.findings.values()
        assert {"core1", "core2"} <= {one.subject for one in found.causes[:3] if one.fault == "device"}


async def test_two_incidents_at_a_time_have_each_its_own_cause(tmp_path: Path) -> None:
    async with rehearsed(SCENARIOS / "a_second_fault_elsewhere.yaml", tmp_path, 840) as (_, inquests):
        await inquests.look()
        first, second = inquests.findings.values()
        assert first.cause is not None
        assert second.cause is not None
        assert "core" in first.cause.devices
        assert "edge" in second.cause.devices
