"""The way out: what is stored goes on to other servers as well, by Prometheus' remote write."""
