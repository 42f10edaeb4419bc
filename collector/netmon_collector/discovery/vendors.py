"""Who made a network card: the IEEE's public list of the first halves of MAC addresses, as netaddr packs it."""

from functools import lru_cache

_LOCAL = 0x02


@lru_cache(maxsize=10_000)
def vendor_of(mac: str) -> str:
    """The vendor of a MAC address written as 00:1a:2b:3c:4d:5e; empty where nobody has registered it."""
    from netaddr import EUI, AddrFormatError, NotRegisteredError

    try:
        address = EUI(mac)
        if address.words[0] & _LOCAL:  # made up by software, which may hit what somebody has registered
            return ""
        return str(address.oui.registration().org)
    except (AddrFormatError, NotRegisteredError):
        return ""
