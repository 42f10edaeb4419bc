"""What an agent knows of the network that it stands on: whether it still has one, and who is near."""
