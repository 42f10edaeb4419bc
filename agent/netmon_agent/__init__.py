"""What runs on a host: inputs, their schedule, the spool on disk and the stream to a collector."""
