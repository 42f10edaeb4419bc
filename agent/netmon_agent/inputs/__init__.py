"""What an agent can read: one file or folder per input."""
