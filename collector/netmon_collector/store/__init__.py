"""Where samples are kept: one interface, one file or folder per store."""
