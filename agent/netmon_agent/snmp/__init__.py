"""Asks network devices by SNMP, and says what they are and how they are."""
