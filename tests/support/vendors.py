"""Whose the operating systems of the captures are, as their makers' documents say; for comparing, not for finding."""

VENDORS = {
    os: vendor
    for vendor, systems in {
        "APC": "apc",
        "Arista": "arista_eos",
        "Brocade": "fabos",
        "Brother": "brother",
        "Cambium": "pmp",
        "Check Point": "gaia",
        "Cisco": "asa ciscosb ios iosxe iosxr nxos",
        "D-Link": "dlink",
        "Dell": "dell-os10 drac",
        "Eaton": "eaton-mgeups",
        "Extreme Networks": "voss xos",
        "F5": "f5",
        "Fortinet": "fortigate",
        "Generex": "generex-ups",
        "HP": "jetdirect",
        "HPE": "arubaos-cx aruba-instant arubaos comware hpe-ilo procurve",
        "Huawei": "vrp",
        "Juniper": "junos",
        "Linux": "linux",
        "MikroTik": "routeros",
        "Microsoft": "windows",
        "Moxa": "moxa-etherdevice",
        "Netgate": "pfsense",
        "OpenWrt": "openwrt",
        "Palo Alto Networks": "panos",
        "QNAP": "qnap",
        "Synology": "dsm",
        "Ubiquiti": "edgeos edgeswitch unifi",
        "VMware": "vmware-esxi",
        "iXsystems": "truenas",
    }.items()
    for os in systems.split()
}
