"""Times as the API writes and reads them."""

import re
from datetime import UTC, datetime

_LAST_MS = 253_402_300_799_999  # the end of the year 9999
_RFC3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)", re.ASCII)
_EXPECTED = "must be a time such as 2026-01-31T12:00:00Z, or Unix seconds"


def rfc3339(time_ms: int) -> str:
    """Unix milliseconds as 2026-01-31T12:00:00.000Z; a time outside 1970 to 9999 as the nearest within."""
    seconds, ms = divmod(max(0, min(time_ms, _LAST_MS)), 1000)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{ms:03d}Z"


def parse_time_ms(text: object) -> int:
    """Unix milliseconds from RFC 3339 text or Unix seconds. Raises ValueError."""
    if not isinstance(text, str):
        raise ValueError(_EXPECTED)
    # In a query string a + that was not escaped arrives as a space.
    written = text.strip().replace(" ", "+")
    try:
        if _RFC3339.fullmatch(written):
            return round(datetime.fromisoformat(written.upper()).timestamp() * 1000)
        seconds = float(written)
    except ValueError:
        raise ValueError(_EXPECTED) from None
    if not 0 <= seconds <= _LAST_MS // 1000:  # NaN is not either
        raise ValueError(f"{_EXPECTED} from 0 to {_LAST_MS // 1000}")
    return round(seconds * 1000)
