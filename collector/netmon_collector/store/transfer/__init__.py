"""History as files that other programs read, and files of others as history."""
