"""Receives what devices send by themselves: notifications of SNMP and lines of syslog."""
