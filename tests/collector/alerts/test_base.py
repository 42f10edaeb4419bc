"""What an alert is called, and that rules may do without anybody who is told."""

from netmon_collector.alerts.base import Alert, AlertState, NobodyTold, fingerprint_of


def test_an_alert_has_the_fingerprint_that_alertmanager_gives_it() -> None:
    # the pair of labels and number that prometheus/common tests its own with
    labels = (("fear", "love is not enough"), ("name", "garland, briggs"))
    assert int(fingerprint_of(labels), 16) == 5799056148416392346
    assert fingerprint_of(tuple(reversed(labels))) == fingerprint_of(labels)


def test_no_labels_have_a_fingerprint_too() -> None:
    assert fingerprint_of(()) == "cbf29ce484222325"


async def test_alerts_of_which_nobody_is_told_keep_their_name() -> None:
    alert = Alert((("alertname", "DiskFull"),), (), AlertState.FIRING, 1_000, 1.0, fired_at_ms=1_000)
    await NobodyTold().take([alert], 1_000)
    assert alert.name == "DiskFull"
    assert alert.fingerprint == fingerprint_of(alert.labels)
