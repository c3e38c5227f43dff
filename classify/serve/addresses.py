"""Which internet addresses are public: only those are ever connected to on behalf of somebody else.

A service that fetches any address it is given can be made to read what only its own machine or network can reach.
The lists are IANA's registries of special-purpose addresses (RFC 6890 and its updates), written out here because
Python's `ipaddress.is_global` differs between versions and lets some of them pass (`fec0::`, `64:ff9b::`).
"""

from __future__ import annotations

import ipaddress

_SPECIAL_V4 = tuple(
    map(
        ipaddress.IPv4Network,
        (
            "0.0.0.0/8",  # this network
            "10.0.0.0/8",  # private
            "100.64.0.0/10",  # shared between a provider and its customers
            "127.0.0.0/8",  # this machine
            "168.63.129.16/32",  # public in form, but the host of a virtual machine in Azure
            "169.254.0.0/16",  # link-local; cloud machines find their credentials here
            "172.16.0.0/12",  # private
            "192.0.0.0/24",  # protocol assignments
            "192.0.2.0/24",  # documentation
            "192.31.196.0/24",  # AS112
            "192.52.193.0/24",  # AMT
            "192.88.99.0/24",  # 6to4 relays
            "192.168.0.0/16",  # private
            "192.175.48.0/24",  # AS112
            "198.18.0.0/15",  # benchmarks
            "198.51.100.0/24",  # documentation
            "203.0.113.0/24",  # documentation
            "224.0.0.0/4",  # multicast
            "240.0.0.0/4",  # reserved, broadcast
        ),
    )
)
_GLOBAL_V6 = ipaddress.IPv6Network("2000::/3")  # all global unicast addresses that were ever assigned
_SPECIAL_V6 = tuple(
    map(
        ipaddress.IPv6Network,
        (
            "2001::/23",  # protocol assignments, Teredo among them: an IPv4 address inside
            "2001:db8::/32",  # documentation
            "2002::/16",  # 6to4: an IPv4 address inside
            "2620:4f:8000::/48",  # AS112
            "3fff::/20",  # documentation
        ),
    )
)
_ISATAP = (0x00005EFE, 0x02005EFE)  # the third quarter of an address with an IPv4 address behind it (RFC 5214)


def is_public(address: str) -> bool:
    """Whether an address can be reached by everybody, and so tells nothing that only this machine can see.

    Parameters
    ----------
    address : str
        IPv4 or IPv6 in numbers, as `socket.getaddrinfo` gives it. Anything else is not public.
    """
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return False
    if isinstance(parsed, ipaddress.IPv4Address):
        return not any(parsed in network for network in _SPECIAL_V4)
    if parsed not in _GLOBAL_V6 or parsed.scope_id is not None:
        return False  # ::1, mapped and compatible IPv4, NAT64, unique local, link-local, site-local, multicast
    if (int(parsed) >> 32) & 0xFFFFFFFF in _ISATAP:
        return False
    return not any(parsed in network for network in _SPECIAL_V6)
