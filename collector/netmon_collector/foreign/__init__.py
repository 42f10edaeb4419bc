"""What other programs send: their formats become columns here. Bytes in, arrays out; no I/O, no clock."""
