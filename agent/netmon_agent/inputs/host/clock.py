"""The machine's clock: its time and zone, its source, and how the kernel keeps it (adjtimex(2))."""

import ctypes
import os
import struct
import time
from collections.abc import Callable

from netmon_agent.inputs.base import Columns, Key
from netmon_agent.inputs.host.family import Family, Keys, NoData, counter, gauge, text
from netmon_agent.inputs.host.files import Files, Members


class Time(Family):
    """Seconds since 1970, offset of the time zone, and clock sources."""

    SECONDS = gauge("node_time_seconds")

    def __init__(self, files: Files, sysfs: str, clock: Callable[[], float] = time.time) -> None:
        self._sources = Members(files, f"{sysfs}/devices/system/clocksource", "clocksource")
        self._clock = clock
        self._said: object = None
        self._info: dict[Key, float] = {}
        self._keys = Keys()

    def gather(self) -> Columns:
        now_s = self._clock()
        local = time.localtime(now_s)
        read = self._sources.read
        self._sources.scan()
        sources = [
            (read(name, "available_clocksource"), read(name, "current_clocksource")) for name in self._sources.names
        ]
        said = local.tm_zone, local.tm_gmtoff, sources
        if said != self._said:
            self._info = {gauge("node_time_zone_offset_seconds", time_zone=local.tm_zone): local.tm_gmtoff}
            for device, (available, current) in enumerate(sources):
                self._info |= _clock_sources(str(device), available or b"", current or b"")
            self._said = said
        return self._keys.columns({self.SECONDS: now_s, **self._info})


def _clock_sources(device: str, available: bytes, current: bytes) -> dict[Key, float]:
    keys = [
        gauge("node_time_clocksource_available_info", clocksource=text(one), device=device) for one in available.split()
    ]
    keys.append(gauge("node_time_clocksource_current_info", clocksource=text(current), device=device))
    return dict.fromkeys(keys, 1.0)


_TIMEX = struct.Struct("@I4li8li5li")
"""struct timex of <sys/timex.h>, up to `tai`; what follows is unused."""

_TIMEX_BYTES = 256
_TIME_ERROR = 5  # the clock is not synchronized
_STA_NANO = 0x2000  # offset and jitter are in nanoseconds
_PPM = 65536e6  # frequencies are in parts per million with 16 bits of fraction
_US_PER_S = 1e6

_TIMEX_KEYS = tuple(
    (counter if name.endswith("_total") else gauge)(f"node_timex_{name}")
    for name in (
        "estimated_error_seconds frequency_adjustment_ratio loop_time_constant maxerror_seconds offset_seconds "
        "pps_calibration_total pps_error_total pps_frequency_hertz pps_jitter_seconds pps_jitter_total "
        "pps_shift_seconds pps_stability_exceeded_total pps_stability_hertz status sync_status tai_offset_seconds "
        "tick_seconds"
    ).split()
)


class Adjtimex:
    """adjtimex(2), asked to change nothing."""

    def __init__(self) -> None:
        self._adjtimex = ctypes.CDLL(None, use_errno=True).adjtimex

    def __call__(self) -> tuple[int, bytes]:
        """The clock's state and the kernel's struct timex. Raises OSError."""
        buffer = ctypes.create_string_buffer(_TIMEX_BYTES)
        state = self._adjtimex(buffer)
        if state < 0:
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
        return state, buffer.raw


class Timex(Family):
    """How well the clock is kept, by NTP or a pulse per second."""

    def __init__(self, read: Callable[[], tuple[int, bytes]]) -> None:
        self._read = read

    def gather(self) -> Columns:
        try:
            state, timex = self._read()
        except PermissionError as error:
            raise NoData("adjtimex is not permitted") from error
        (
            _modes, offset, freq, maxerror, esterror, status, constant, _precision, _tolerance, _time_s, _time_part,
            tick, ppsfreq, jitter, shift, stabil, jitcnt, calcnt, errcnt, stbcnt, tai,
        ) = _TIMEX.unpack_from(timex)  # fmt: skip
        parts_per_s = 1e9 if status & _STA_NANO else 1e6
        values = [
            esterror / _US_PER_S, 1 + freq / _PPM, constant, maxerror / _US_PER_S, offset / parts_per_s,
            calcnt, errcnt, ppsfreq / _PPM, jitter / parts_per_s, jitcnt,
            shift, stbcnt, stabil / _PPM, status, float(state != _TIME_ERROR), tai,
            tick / _US_PER_S,
        ]  # fmt: skip
        return Columns(_TIMEX_KEYS, values)
