"""A moto server on loopback that plays S3 and KMS, and what moto is too lenient about."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

REGION = "eu-west-2"
_ACCOUNT = "123456789012"
_ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": "made-up",
    "AWS_SECRET_ACCESS_KEY": "made-up",
    "AWS_DEFAULT_REGION": REGION,
    # Nothing of the machine's own: no profile, no instance role, no proxy.
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    "AWS_EC2_METADATA_DISABLED": "true",
    "NO_PROXY": "127.0.0.1",
    "no_proxy": "127.0.0.1",
}


@contextmanager
def moto_server() -> Iterator[str]:
    """Run a server; yields its URL. Credentials are made up and in the environment meanwhile."""
    # Here, so that tests without it do not load it.
    from moto.server import ThreadedMotoServer  # noqa: PLC0415

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    with pytest.MonkeyPatch.context() as patch:
        for name, value in _ENVIRONMENT.items():
            patch.setenv(name, value)
        for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL"):
            patch.delenv(name, raising=False)
        _correct_kms(patch)
        server.start()
        host, port = server.get_host_and_port()
        yield f"http://{host}:{port}"
        server.stop()


def let_window_pass(key_id: str) -> None:
    """What AWS does when the window has passed: the KMS key is gone for good."""
    from moto.kms.models import kms_backends  # noqa: PLC0415 - as above

    backend = kms_backends[_ACCOUNT][REGION]
    backend.keys.pop(backend.any_id_to_key_id(key_id))


def _correct_kms(patch: pytest.MonkeyPatch) -> None:
    """Where moto's KMS is not as the real one."""
    from moto.core.exceptions import JsonRESTError  # noqa: PLC0415 - as above
    from moto.kms.models import KmsBackend  # noqa: PLC0415 - as above

    lenient, by_id = KmsBackend.decrypt, KmsBackend.schedule_key_deletion
    codes = {"PendingDeletion": "KMSInvalidStateException", "Disabled": "DisabledException"}

    def decrypt(self: Any, *args: Any, **kwargs: Any) -> Any:
        """Not under a key that is disabled or to be deleted."""
        plaintext, arn = lenient(self, *args, **kwargs)
        state = self.keys[self.any_id_to_key_id(arn)].key_state
        if state in codes:
            raise JsonRESTError(codes[state], f"{arn} is {state}")
        return plaintext, arn

    def schedule_key_deletion(self: Any, key_id: str, days: int) -> Any:
        """By ARN, too."""
        return by_id(self, self.any_id_to_key_id(key_id), days)

    patch.setattr(KmsBackend, "decrypt", decrypt)
    patch.setattr(KmsBackend, "schedule_key_deletion", schedule_key_deletion)
