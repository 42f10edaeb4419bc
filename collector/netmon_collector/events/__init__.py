"""What happened: taken from agents, said of which device, kept, counted and acted on."""
