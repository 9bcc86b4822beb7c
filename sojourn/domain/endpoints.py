"""Addresses of services that get signed calls; one that others could listen in on is refused."""

import ipaddress
from urllib.parse import urlsplit


def fault_of(url: str) -> str:
    """Return what is wrong with the address of a service; an empty text if nothing is.

    The text does not quote the address, which may hold a secret.
    """
    try:
        parsed = urlsplit(url)
        host, port = parsed.hostname or "", parsed.port
    except ValueError:
        return "is not an address"
    if parsed.username is not None or parsed.password is not None:
        return "must not have a user or a password in it"
    if any(letter.isspace() or not letter.isprintable() for letter in url) or port == 0:
        return "is not an address"
    if parsed.scheme == "https" and host:
        return ""
    if parsed.scheme == "http" and _is_here(host):
        return ""
    return "must begin with https:// (http:// on this machine alone)"


def _is_here(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
