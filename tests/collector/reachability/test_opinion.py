"""What ARP is worth where pings and SNMP are not answered: only what it saw since these were lost."""

import pytest

from netmon_collector.reachability.opinion import Finding, opinion_of
from netmon_collector.reachability.witnesses import Account, Kind, Patience, Witness

PING, SNMP, ARP = (Witness(kind, "p", 10_000) for kind in (Kind.ICMP, Kind.SNMP, Kind.ARP))


@pytest.mark.parametrize(
    ("seen_ms", "finding"),
    [
        (99_000, Finding.ILL),
        (104_000, Finding.ILL),  # after the last success, before the first failure: it may have died between
        (106_000, Finding.MIXED),
        (112_000, Finding.MIXED),
    ],
)
def test_arp_counts_from_the_first_failure_after_the_last_success_on(seen_ms: int, finding: Finding) -> None:
    accounts = {
        PING: Account(125_000, 100_000, failures=3, failing_ms=105_000),
        SNMP: Account(120_000, 95_000, failures=2, failing_ms=110_000),
        ARP: Account(seen_ms, seen_ms),
    }
    assert opinion_of(accounts, 126_000, Patience()).finding is finding


def test_a_witness_that_has_failed_for_long_does_not_make_arp_count_sooner() -> None:
    accounts = {
        PING: Account(125_000, None, failures=50, failing_ms=1_000),
        SNMP: Account(120_000, 95_000, failures=2, failing_ms=110_000),
        ARP: Account(105_000, 105_000),
    }
    assert opinion_of(accounts, 126_000, Patience()).finding is Finding.ILL
