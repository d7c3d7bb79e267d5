"""A time-stamp authority of our own (RFC 3161), on loopback."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

from asn1crypto import algos, cms, core, tsp
from asn1crypto import x509 as asn1_x509
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

_POLICY = "1.3.6.1.4.1.99999.1"
_DAY = timedelta(days=1)


@dataclass
class Authority:
    """Root, signing certificate and key; ``at`` is what its clock says."""

    at: datetime
    name: str = "Test authority"
    granted: bool = True
    nonce: int | None = None
    """Answer with this nonce instead of the one asked with."""
    asked: list[bytes] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Make keys and certificates."""
        self._root_key = ec.generate_private_key(ec.SECP256R1())
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._root = self._certificate("root", self._root_key, ca=True)
        self._leaf = self._certificate("signer", self._key, ca=False)

    @property
    def roots(self) -> bytes:
        """The root certificate, PEM."""
        return self._root.public_bytes(serialization.Encoding.PEM)

    def answer(self, request: bytes) -> bytes:
        """The time-stamp response to a request, both DER."""
        self.asked.append(request)
        if not self.granted:
            return bytes(tsp.TimeStampResp({"status": {"status": "rejection"}}).dump())
        asked = tsp.TimeStampReq.load(request)
        info = tsp.TSTInfo(
            {
                "version": "v1",
                "policy": _POLICY,
                "message_imprint": asked["message_imprint"],
                "serial_number": len(self.asked),
                "gen_time": self.at.astimezone(UTC),
                "nonce": asked["nonce"].native if self.nonce is None else self.nonce,
            }
        ).dump()
        token = cms.ContentInfo({"content_type": "signed_data", "content": self._signed(info)})
        status = {"status": "granted"}
        return bytes(tsp.TimeStampResp({"status": status, "time_stamp_token": token}).dump())

    def _signed(self, info: bytes) -> Any:
        leaf = asn1_x509.Certificate.load(self._leaf.public_bytes(serialization.Encoding.DER))
        attributes = cms.CMSAttributes(
            [
                cms.CMSAttribute({"type": "content_type", "values": ["tst_info"]}),
                cms.CMSAttribute(
                    {"type": "message_digest", "values": [hashlib.sha256(info).digest()]}
                ),
                cms.CMSAttribute({"type": "signing_certificate_v2", "values": [_named(leaf)]}),
            ]
        )
        signer = cms.IssuerAndSerialNumber(
            {"issuer": leaf.issuer, "serial_number": leaf.serial_number}
        )
        signature = self._key.sign(attributes.dump(), ec.ECDSA(hashes.SHA256()))
        return cms.SignedData(
            {
                "version": "v3",
                "digest_algorithms": [algos.DigestAlgorithm({"algorithm": "sha256"})],
                "encap_content_info": {
                    "content_type": "tst_info",
                    "content": core.ParsableOctetString(info),
                },
                "certificates": [leaf],
                "signer_infos": [
                    {
                        "version": "v1",
                        "sid": cms.SignerIdentifier("issuer_and_serial_number", signer),
                        "digest_algorithm": {"algorithm": "sha256"},
                        "signed_attrs": attributes,
                        "signature_algorithm": {"algorithm": "sha256_ecdsa"},
                        "signature": signature,
                    }
                ],
            }
        )

    def _certificate(
        self, role: str, key: ec.EllipticCurvePrivateKey, *, ca: bool
    ) -> x509.Certificate:
        def named(part: str) -> x509.Name:
            return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"{self.name} {part}")])

        builder = (
            x509.CertificateBuilder()
            .subject_name(named(role))
            .issuer_name(named("root"))
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(self.at - 30 * _DAY)
            .not_valid_after(self.at + 30 * _DAY)
            .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
        )
        if not ca:
            usage = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.TIME_STAMPING])
            builder = builder.add_extension(usage, critical=True)
        return builder.sign(self._root_key, hashes.SHA256())


def _named(leaf: Any) -> Any:
    """The certificate that signs, by its digest (RFC 5035)."""
    return tsp.SigningCertificateV2(
        {"certs": [{"cert_hash": hashlib.sha256(leaf.dump()).digest()}]}
    )


@contextmanager
def serving(authority: Authority) -> Iterator[str]:
    """The authority over HTTP; its address."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            """Answer a time-stamp query."""
            asked = self.rfile.read(int(self.headers["Content-Length"]))
            if self.headers["Content-Type"] != "application/timestamp-query":
                self.send_error(415)
                return
            answer = authority.answer(asked)
            self.send_response(200)
            self.send_header("Content-Type", "application/timestamp-reply")
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: object) -> None:
            """Be silent."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()
