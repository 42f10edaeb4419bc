"""HTTP and WebSocket on top of a collector."""
