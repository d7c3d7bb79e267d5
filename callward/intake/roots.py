"""Certificates that the operator trusts to vouch for those who sign records."""

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from callward.errors import SettingsError
from callward.settings import Settings


def trusted_roots(settings: Settings) -> tuple[bytes, ...]:
    """Those of the file that the settings name (DER); none if they name none.

    SettingsError if the file cannot be read or holds none: what was meant to be checked
    must not go unchecked.
    """
    path = settings.vcon_certificates
    if path is None:
        return ()
    try:
        found = x509.load_pem_x509_certificates(path.read_bytes())
    except (OSError, ValueError):
        raise SettingsError("vcon_roots: expected a PEM file with certificates") from None
    return tuple(one.public_bytes(Encoding.DER) for one in found)
