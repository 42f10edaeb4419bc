"""The API that Prometheus' users, Grafana first of all, know: the same requests, the same answers."""
