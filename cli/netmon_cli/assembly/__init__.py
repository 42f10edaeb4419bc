"""The only place where daemons are put together: a module for each kind, which only a process of that kind loads."""
