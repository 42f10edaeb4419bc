"""What can be set of the embedded store. The defaults are for a collector; tests shrink them to see every path."""

from dataclasses import dataclass, field

from netmon_collector.store.retention import Retention


@dataclass(frozen=True, slots=True)
class StoreSettings:
    """Sizes and times of the embedded store.

    The log: a file takes the samples of `log_slice_ms`, or `segment_bytes` if that is less; commits are `window_s`
    apart where there is more to do than one; no more than `waiting_bytes` wait for the disk.

    Start: what an earlier process left in the log is taken into memory, `replay_bytes` of it; what is more is sealed on
    the way. A query waits for it, for `replay_wait_s` at most.

    Chunks: a head has `head_slots` times (that of a series which comes by itself `lane_slots`, if less) and is sealed
    when it is full, or after `seal_after_s`, in which samples ten seconds apart just fill it, or when the log has
    `log_bytes`, and the oldest when all have more than `head_bytes`; the disk is visited every `seal_every_s`.
    Chunks are of `chunk_ms` at most; those that are newer than the last visit of `merge_every_s` are in recent files,
    the others in files of `span_ms`, and where there are `merge_files` of one span they become one. Of a past that was
    written at once, if recent files of `past_bytes` have it, they are merged at the first visit that finds no more.

    What was read of files lately stays in memory, up to `cache_bytes`.

    How long what is kept says `retention`. The whole store stays below `max_bytes`.
    """

    log_slice_ms: int = 20 * 60_000
    segment_bytes: int = 64 << 20
    window_s: float = 0.1
    waiting_bytes: int = 256 << 20
    replay_bytes: int = 1280 << 20
    replay_wait_s: float = 30.0
    head_slots: int = 120
    lane_slots: int = 48
    seal_after_s: float = 1200.0
    head_bytes: int = 512 << 20
    seal_every_s: float = 30.0
    log_bytes: int = 1 << 30
    chunk_ms: int = 86_400_000
    merge_every_s: float = 7200.0
    merge_files: int = 8
    past_bytes: int = 4 << 20
    span_ms: int = 86_400_000
    retention: Retention = field(default_factory=Retention)
    max_bytes: int = 1 << 60
    cache_bytes: int = 256 << 20
