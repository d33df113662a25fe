"""TLS to webhooks, trusted as the real server trusts them: also certificates whose issuer bears the same name."""

from __future__ import annotations

import base64
import binascii
import contextlib
import ipaddress
import socket
import ssl
from datetime import UTC, datetime
from functools import lru_cache

_SELF_SIGNED = 18


def secure(address: tuple[str, int], *, name: str, authority: str, seconds: int) -> ssl.SSLSocket:
    """A connection to a server that proves its name by a certificate of this authority (PEM in base64; "" for the system's).
    ssl.SSLError, OSError."""
    try:
        return _connected(address, _context(authority), name, seconds)
    except ssl.SSLCertVerificationError as error:
        if error.verify_code != _SELF_SIGNED or not authority:
            raise
        found = _trusted(address, name, authority, seconds)
        if found is None:
            raise
        return found


def _trusted(address: tuple[str, int], name: str, authority: str, seconds: int) -> ssl.SSLSocket | None:
    """Webhooks that make their own certificates (Knative's, and so Tekton's) call the authority and the server by one name.
    OpenSSL takes such a certificate for one that signed itself, and looks no further: so it is looked at here."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    found = _connected(address, context, name, seconds)
    if _is_issued(found.getpeercert(binary_form=True) or b"", name, base64.b64decode(authority)):
        return found
    found.close()
    return None


def _connected(address: tuple[str, int], context: ssl.SSLContext, name: str, seconds: int) -> ssl.SSLSocket:
    plain = socket.create_connection(address, timeout=seconds)
    try:
        return context.wrap_socket(plain, server_hostname=name)
    except BaseException:
        plain.close()
        raise


def _is_issued(certificate: bytes, name: str, bundle: bytes) -> bool:
    """Whether one of the bundle's authorities has signed it for this name, and it holds now."""
    from cryptography import x509  # takes long to import, and is hardly ever needed
    from cryptography.exceptions import InvalidSignature

    leaf, now = x509.load_der_x509_certificate(certificate), datetime.now(UTC)
    if not leaf.not_valid_before_utc <= now <= leaf.not_valid_after_utc:
        return False
    try:
        names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return False
    addresses = {str(each) for each in names.get_values_for_type(x509.IPAddress)}
    hosts = {each.lower() for each in names.get_values_for_type(x509.DNSName)}
    if name.lower() not in (addresses if _is_address(name) else hosts):
        return False
    for each in x509.load_pem_x509_certificates(bundle):
        with contextlib.suppress(ValueError, TypeError, InvalidSignature, x509.ExtensionNotFound):
            constraints = each.extensions.get_extension_for_class(x509.BasicConstraints).value
            leaf.verify_directly_issued_by(each)
            if constraints.ca and each.not_valid_before_utc <= now <= each.not_valid_after_utc:
                return True
    return False


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


@lru_cache(maxsize=64)
def _context(authority: str) -> ssl.SSLContext:
    if not authority:
        return ssl.create_default_context()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    # A bundle may hold the server's own certificate instead of its authority's, and old forms of both.
    context.verify_flags = (context.verify_flags | ssl.VERIFY_X509_PARTIAL_CHAIN) & ~ssl.VERIFY_X509_STRICT
    with contextlib.suppress(binascii.Error, ValueError, ssl.SSLError):
        context.load_verify_locations(cadata=base64.b64decode(authority).decode())
    return context
