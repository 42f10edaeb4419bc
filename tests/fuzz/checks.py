"""Random answers to the checks: each is read or refused with a reason, in bounded time and memory.

python tests/fuzz/checks.py [SECONDS [SEED]]
"""

import random
from collections.abc import Callable

import dns.message
import dns.rrset

from netmon_agent.inputs.checks.base import Wrong
from netmon_agent.inputs.checks.dns import DnsInput, _read, _texts
from tests.support.fuzzing import damaged, main

Work = Callable[[bytes], bool]
QUESTION = dns.message.make_query("www.example.test", "ANY")
DNS_PIECES = [b"\xc0\x0c", b"\xc0\xff", b"\0", b"\xff\xff", b"\x3f", b"\0\x29", b"\0\x10\0\1", b"\x80\x80"]
CHECK = DnsInput(type="dns", host="a", query="www.example.test", record="SOA", expect=["mail"])


def _dns() -> bytes:
    answer = dns.message.make_response(QUESTION)
    for kind, text in {
        "A": "192.0.2.1", "MX": "10 mail.example.test.", "TXT": '"a" "\\255\\000"', "SOA": "a. b. 1 2 3 4 5",
        "HTTPS": "1 . alpn=h2", "CAA": '0 issue "x"', "NAPTR": '1 1 "u" "e" "!x!y!" .', "TLSA": "3 1 0 00ff",
        "SSHFP": "1 1 " + "00" * 20, "SRV": "1 1 1 x.", "DS": "1 8 2 " + "00" * 32,
    }.items():  # fmt: skip
        answer.answer.append(dns.rrset.from_text("www.example.test.", 60, "IN", kind, text))
    return answer.to_wire()


DNS = _dns()


def read_dns(data: bytes) -> bool:
    try:
        answer = _read(data, QUESTION)
        if answer is None:
            return False
        CHECK._about(answer, {"target": "a"})
        assert len(_texts(answer)) <= len(answer.answer)
        CHECK._judge(answer)
    except Wrong as error:
        assert str(error)
        return False
    return True


def dns_answer(rng: random.Random) -> tuple[bytes, Work]:
    if rng.random() < 0.05:
        return DNS[:12] + rng.choice(DNS_PIECES) * rng.choice([10, 1_000, 30_000]), read_dns
    return DNS[:2] + damaged(DNS[2:], rng, DNS_PIECES)[:65_533], read_dns


def make(rng: random.Random) -> tuple[bytes, Work]:
    return rng.choice([dns_answer])(rng)


if __name__ == "__main__":
    main("checks", make)
