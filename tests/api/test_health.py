"""Those who watch the watcher."""

from prometheus_client import Counter

from tests.api.lab import Lab


async def test_anybody_may_ask_whether_it_lives(lab: Lab) -> None:
    async with lab.stranger.get("/healthz") as response:
        assert (response.status, await response.text()) == (200, "ok\n")
    for path in ("/healthz", "/readyz", "/prometheus/-/healthy", "/prometheus/-/ready"):
        async with lab.stranger.head(path) as response:
            assert (response.status, await response.text()) == (200, "")


async def test_readiness_gives_its_reason(lab: Lab) -> None:
    async with lab.stranger.get("/readyz") as response:
        assert (response.status, await response.text()) == (200, "ready\n")
    lab.not_ready = "the store cannot write: disk full"
    async with lab.stranger.get("/readyz") as response:
        assert (response.status, await response.text()) == (503, "the store cannot write: disk full\n")


async def test_the_collectors_own_metrics_are_prometheus_text(lab: Lab) -> None:
    Counter("netmon_apples", "Apples seen.", registry=lab.registry).inc(3)
    async with lab.client.get("/metrics") as response:
        assert response.headers["Content-Type"].startswith("text/plain; version=")
        assert "netmon_apples_total 3.0" in await response.text()
