"""Where may a webhook point? Rules for its address, and for the network address that its name leads to."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from urllib.parse import urlsplit

from services.core.errors import Problem

URL_LIMIT = 2000
#: IPv6 networks that carry an IPv4 address inside, which could be anybody's: NAT64, 6to4, Teredo.
_WRAPPED = tuple(ip_network(each) for each in ("64:ff9b::/96", "64:ff9b:1::/48", "2002::/16", "2001::/32"))


def url_problems(url: str, *, private: bool, field: str = "/url") -> list[Problem]:
    """What is wrong with an address; `private` allows http and machines inside, for tests and closed networks."""
    if len(url) > URL_LIMIT or not url.isascii() or not url.isprintable() or " " in url:
        return [Problem(field, "invalid", f"give an address of at most {URL_LIMIT} plain characters")]
    try:
        parts = urlsplit(url)
        host, _port = parts.hostname, parts.port
    except ValueError:
        return [Problem(field, "invalid", "give a whole address, for example https://crm.example/hooks/referrals")]
    found = []
    if parts.scheme != "https" and not (private and parts.scheme == "http"):
        found.append(Problem(field, "https_only", "give an address that begins with https://"))
    if not host:
        found.append(Problem(field, "invalid", "give a whole address, for example https://crm.example/hooks/referrals"))
    if parts.username is not None or parts.password is not None or parts.fragment:
        found.append(Problem(field, "too_much", "leave user, password and #fragment out; the signature proves us"))
    if host and not private and _is_literal(host) and not reachable(host):
        found.append(Problem(field, "private_address", "give the address of a machine that the internet can reach"))
    return found


def _is_literal(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def reachable(address: str) -> bool:
    """Whether a network address is one of the open internet: not ours, not a machine's own, nothing that hides one."""
    try:
        found: IPv4Address | IPv6Address = ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(found, IPv6Address):
        if found.ipv4_mapped is not None:
            found = found.ipv4_mapped
        elif any(found in network for network in _WRAPPED):
            return False
    return found.is_global and not found.is_multicast
