"""Every constant of the ensemble in one place. Times are physical: a series may come every second or every hour."""

from dataclasses import dataclass

MINUTE_S, HOUR_S, DAY_S, WEEK_S = 60.0, 3600.0, 86_400.0, 604_800.0


@dataclass(frozen=True)
class Constants:
    """What the ensemble is made of. None of these depends on the series that is looked at."""

    weeks_per_alarm: float = 4.0
    """How many weeks of one series are to pass between false alarms: the one setting that people change."""

    warm_up_s: float = HOUR_S
    """A series is not judged before it is this old."""

    slow_level_s: float = 2 * DAY_S
    fast_level_s: float = 4 * HOUR_S
    log_level_s: float = 1.5 * HOUR_S
    """How fast the three seasonal models follow the level."""

    slow_day_rate: float = 0.3
    fast_day_rate: float = 0.4
    """How much of a day's deviation enters the day's profile."""

    week_rate: float = 0.5
    """How much of a week's deviation enters the week's profile."""

    recent_s: float = 15 * MINUTE_S
    """What "just before" means to the rate of change."""

    scale_s: float = 3 * DAY_S
    """Memory of how far off values usually are."""

    clip: float = 5.0
    """A single value moves a level by as much as this many usual deviations, not more."""

    floor: float = 0.002
    """Deviations below this part of the value's usual magnitude are nothing."""

    log_offset: float = 0.1
    """Added before the logarithm, as a part of the first hour's usual magnitude."""

    accept_s: float = 6 * HOUR_S
    """A new level that has lasted this long is the level."""

    spread_s: float = HOUR_S
    """Over how long a change of the spread is looked for."""

    tail_share: float = 0.3
    """The share of hours whose strangest value lies above the level from which the tail is extrapolated."""

    tail_rate: float = 0.03
    """How fast that level follows: part of a log unit per hour."""

    tail_memory_h: float = 50.0
    """Over how many hours of excess the steepness of the tail is averaged."""

    tail_prior: float = 0.1
    """Steepness that is added to what was seen, so that a few quiet hours do not make a series touchy."""

    deviation_shape: tuple[float, float] = (1.6, 0.12)
    spread_shape: tuple[float, float] = (2.6, 0.0)
    novelty_shape: tuple[float, float] = (1.0, 0.0)
    """How the logarithm of a probability falls beyond that level, and how fast ever faster, for each component: between
    what normal, exponential and mildly heavy-tailed noise were seen to do."""

    novelty_s: float = 10 * DAY_S
    """Over how long the mean distance to values seen before is taken."""

    novelty_steepness: float = 1.9
    """How fast the probability of a distance falls: the exponent of its tail."""

    flat_factor: float = 3.0
    """An unchanged or absent value alarms after this many times the longest such stretch so far."""

    flat_changes: float = 24.0
    """A value that changed less often than this within the memory of the longest stretch is one that stays: it cannot
    be flat-lined. That is twice a day, once all is known."""

    longest_s: float = 14 * DAY_S
    """Memory of the longest stretch, and of changes."""

    habit_day: float = 0.85
    """What is left, a day later, of what is forgiven at a time of day because it was there on two days."""

    habit_week: float = 0.97
    """The same a week later, of what was there in two weeks at that hour of the week."""

    habit_slack: float = 0.3
    """By what part more is forgiven than was there in two weeks, or on enough occasions: a job is never quite as long
    or as heavy as before."""

    fine_s: float = 60 * DAY_S
    """How long "this was fine" is remembered: after this time half of it is left."""

    correction: float = 0.3
    """How far one alarm raises the series' own bar, in units of the score (natural logarithm of a probability)."""

    far_share: float = 1 / 48
    far_rate: float = 0.15
    far_reach: float = 1.0
    """The score that one hour in 48 exceeds is followed as well; where it is not what theory says, the error is carried
    on to the bar, in proportion to how far that lies beyond, times this."""

    young: float = 2.0
    young_share: float = 0.5
    """How many excesses a tail counts as known from at the beginning, and how many more with each hour. Few leave its
    steepness open: the bar of a young series is where the tail that they foretell has the probability asked."""

    occasion_far: float = 3.0
    """What alarms again and again becomes usual if its score is so much higher than the one that alarms."""

    quiet_s: float = 10 * HOUR_S
    quiet_decay_s: float = 4 * HOUR_S
    """After an alarm only a higher score is news, for this long; then the bar falls at this pace."""

    shares: tuple[float, float, float, float] = (0.89, 0.01, 0.1, 1.0)
    """What part of the false alarms each of COMPONENTS may spend; an unchanged value has no probability to spend."""

    def __post_init__(self) -> None:
        if not self.weeks_per_alarm > 0:
            raise ValueError(f"weeks_per_alarm must be more than 0 (got {self.weeks_per_alarm})")
