"""The routes about SNMP devices and credentials, on one page; app.py adds them to its own."""

from netmon_agent.snmp.credentials import Credential
from netmon_api import pollers, snmp
from netmon_api.auth import Access
from netmon_api.models import Listing, NoQuery, PageQuery
from netmon_api.routes import Route
from netmon_api.snmp_models import (
    CredentialAnswer,
    PollAnswer,
    PortAnswer,
    SnmpDeviceAnswer,
    SnmpDeviceBody,
    SnmpDeviceChange,
    SnmpDevicesAnswer,
    SnmpDevicesBody,
)

_DEVICES, _CREDENTIALS = "/api/v1/snmp/devices", "/api/v1/snmp/credentials"

# fmt: off
SNMP_ROUTES: tuple[Route, ...] = (
    Route("GET", _DEVICES, Access.TOKEN, snmp.list_snmp_devices, PageQuery, Listing[SnmpDeviceAnswer],
          "Devices polled by SNMP, sorted by instance"),
    Route("POST", _DEVICES, Access.TOKEN, snmp.add_snmp_device, NoQuery, SnmpDeviceAnswer,
          "Poll another device", body=SnmpDeviceBody),
    Route("POST", _DEVICES + "/batch", Access.TOKEN, snmp.add_snmp_devices, NoQuery, SnmpDevicesAnswer,
          "Poll up to 1,000 other devices", body=SnmpDevicesBody),
    Route("GET", _DEVICES + "/{device}", Access.TOKEN, snmp.show_snmp_device, NoQuery, SnmpDeviceAnswer,
          "One device polled by SNMP"),
    Route("PATCH", _DEVICES + "/{device}", Access.TOKEN, snmp.change_snmp_device, NoQuery, SnmpDeviceAnswer,
          "Change how a device is polled", body=SnmpDeviceChange),
    Route("GET", _DEVICES + "/{device}/ports", Access.TOKEN, snmp.list_snmp_ports, PageQuery, Listing[PortAnswer],
          "A device's ports, sorted by ifIndex"),
    Route("DELETE", _DEVICES + "/{device}", Access.TOKEN, snmp.remove_snmp_device, NoQuery, SnmpDeviceAnswer,
          "Poll a device no more"),
    Route("POST", _DEVICES + "/{device}/poll", Access.TOKEN, snmp.poll_snmp_device, NoQuery, PollAnswer,
          "Poll a device at once"),
    Route("GET", "/api/v1/pollers", Access.TOKEN, pollers.list_pollers, PageQuery, Listing[pollers.PollerAnswer],
          "How busy the agents are that poll, now and within the hour"),
    Route("GET", _CREDENTIALS, Access.TOKEN, snmp.list_credentials, PageQuery, Listing[CredentialAnswer],
          "Credentials by name, without secrets"),
    Route("PUT", _CREDENTIALS + "/{credential}", Access.TOKEN, snmp.put_credential, NoQuery, CredentialAnswer,
          "Keep a credential under a name", body=Credential),
    Route("DELETE", _CREDENTIALS + "/{credential}", Access.TOKEN, snmp.remove_credential, NoQuery, CredentialAnswer,
          "Forget a credential"),
)
# fmt: on
