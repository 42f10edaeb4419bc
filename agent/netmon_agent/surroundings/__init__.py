"""What this host knows of its network without sending anything: addresses, routes, neighbours, LLDP that it hears."""
