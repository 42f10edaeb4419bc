"""What witnesses have told of all devices, and the judgement that it comes to; holds state, has no clock."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass

from netmon_collector.reachability.standing import Standing, State
from netmon_collector.reachability.survey import Scene, Settings, surveyed
from netmon_collector.reachability.witnesses import Account, Witness, evidence, forgiven, told, verdict
from netmon_collector.topology.graph import Graph


@dataclass(frozen=True, slots=True)
class Change:
    """A device that stands otherwise than before, and why."""

    device: str
    before: State
    standing: Standing


@dataclass(frozen=True, slots=True)
class Judgement:
    """changes: of devices. blinded, seeing: pollers that lost their own network a moment ago, or have it again."""

    changes: tuple[Change, ...]
    blinded: tuple[str, ...]
    seeing: tuple[str, ...]
    ask_again: tuple[tuple[str, Witness], ...]


class Ledger:
    """The accounts of all witnesses of all devices. Times are Unix milliseconds."""

    def __init__(self, settings: Settings, before: Mapping[str, Standing] | None = None) -> None:
        """before: how devices stood before a restart; what was paged then goes on."""
        self._settings = settings
        self._accounts: dict[str, dict[Witness, Account]] = defaultdict(dict)
        self._canaries: dict[str, dict[str, dict[Witness, Account]]] = defaultdict(lambda: defaultdict(dict))
        self._standings: dict[str, Standing] = dict(before or {})
        self._blind: dict[str, int] = {}
        self._shadows: dict[str, set[str]] = {}

    @property
    def standings(self) -> dict[str, Standing]:
        """How each device stands."""
        return self._standings

    @property
    def shadows(self) -> Mapping[str, Set[str]]:
        """What is behind each device that is down."""
        return self._shadows

    @property
    def blind(self) -> dict[str, int]:
        """Pollers that have lost their own network, and since when."""
        return self._blind

    def expect(self, device: str, witness: Witness, at_ms: int) -> None:
        """Takes note of a witness that has told nothing yet: its silence counts from then on."""
        self._accounts[device].setdefault(witness, Account(last_ms=at_ms))

    def tell(self, device: str, witness: Witness, ok: bool, at_ms: int) -> None:
        """Takes what a witness tells of a device; what is not newer than what it told before changes nothing."""
        accounts = self._accounts[device]
        accounts[witness] = told(accounts.get(witness, Account()), ok, at_ms)

    def tell_canary(self, target: str, witness: Witness, ok: bool, at_ms: int) -> None:
        """Takes what a poller tells of something that it must always see."""
        accounts = self._canaries[witness.by][target]
        accounts[witness] = told(accounts.get(witness, Account()), ok, at_ms)

    def keep_canaries(self, known: Set[tuple[str, str]]) -> None:
        """Forgets all that pollers must see but these: poller and target."""
        for poller, targets in list(self._canaries.items()):
            for target in [one for one in targets if (poller, one) not in known]:
                del targets[target]
            if not targets:
                del self._canaries[poller]

    def troubled(self) -> set[str]:
        """The devices that somebody does not see, as far as it is known."""
        well = (State.UP, State.MAINTENANCE, State.UNKNOWN)
        failing = {one for one, accounts in self._accounts.items() if any(each.failures for each in accounts.values())}
        return failing | {one for one, standing in self._standings.items() if standing.state not in well}

    def evidence(self, device: str, now_ms: int) -> tuple[str, ...]:
        """What each witness of a device says now."""
        standing = self._standings.get(device)
        if standing is not None and standing.evidence:
            return standing.evidence
        accounts, patience = self._accounts.get(device, {}), self._settings.patience
        return tuple(
            evidence(one, account, verdict(one, account, now_ms, patience), now_ms)
            for one, account in sorted(accounts.items(), key=lambda pair: pair[0])
        )

    def keep(self, devices: Iterable[str]) -> None:
        """Forgets all devices but these."""
        known = set(devices)
        for gone in set(self._accounts) - known:
            del self._accounts[gone]
        for gone in set(self._standings) - known:
            del self._standings[gone]

    def judge(self, now_ms: int, graph: Graph, serviced: Set[str] = frozenset()) -> Judgement:
        """Judges all devices together, as of now."""
        canaries = {poller: list(targets.values()) for poller, targets in self._canaries.items()}
        scene = Scene(self._accounts, canaries, serviced, graph, self._blind)
        survey = surveyed(scene, self._standings, now_ms, self._settings)
        changes = tuple(
            Change(device, before.state, standing)
            for device, standing in survey.standings.items()
            if standing.state is not (before := self._standings.get(device, Standing())).state
            or standing.page != before.page
        )
        blinded = tuple(one for one in survey.blind if one not in self._blind)
        seeing = tuple(one for one in self._blind if one not in survey.blind)
        self._standings, self._blind = dict(survey.standings), dict(survey.blind)
        self._shadows = defaultdict(set)
        for device, standing in self._standings.items():
            for cause in standing.shadowed_by:
                self._shadows[cause].add(device)
        self._forgive(now_ms)
        return Judgement(changes, blinded, seeing, survey.ask_again)

    def _forgive(self, now_ms: int) -> None:
        for accounts in self._accounts.values():
            for witness, account in accounts.items():
                if witness.by in self._blind:
                    accounts[witness] = forgiven(witness, account, now_ms)
