"""A key cell in AWS KMS: roots that only a KMS key of their own can open.

A root's KMS key encrypts it; what comes out is kept in a small file here and is
worth nothing without that key. AWS destroys a key only after a window of 7 to 30
days, in which it cannot be used but the deletion could be called off: until then
the root's destruction is pending.
"""

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from callward.errors import DefectError, IntegrityError, KeyMissingError
from callward.vault.cells import DESTROYED, CellError, Destruction, kebab, unwrap, wrap
from callward.vault.kmsrecords import KmsRecord, KmsRecords

_CONFIG = Config(
    connect_timeout=5, read_timeout=15, retries={"mode": "standard", "total_max_attempts": 4}
)
_GONE, _PENDING, _USABLE = "Gone", "PendingDeletion", "Enabled"
_UNKNOWN_KEY = "not-found-exception"
_DAMAGED = ("invalid-ciphertext-exception", "incorrect-key-exception")


class KmsCell:
    """One KMS key per generation; what it encrypted, and its name, in ``folder``.

    ``label`` tells the instance's keys from others in the account (tags, encryption
    context). ``region`` and credentials: if not given, as boto3 finds them. CellError,
    with AWS's own code as ``reason``, if KMS cannot be reached or refuses.
    """

    def __init__(
        self,
        folder: Path,
        label: str,
        *,
        region: str | None = None,
        endpoint_url: str | None = None,
        window_days: int = 7,
        name: str = "aws-kms",
    ) -> None:
        self.name = name
        self._records = KmsRecords(folder, name)
        self._label = label
        self._where = {"region_name": region, "endpoint_url": endpoint_url}
        self._window_days = window_days
        self._made: tuple[int, Any] | None = None

    def hold(self, generation: int, root: bytes) -> None:
        """Make a KMS key and keep ``root`` under it."""
        for record in self._held(generation):
            if self._state(record)[0] in (_GONE, _PENDING):
                self._records.write(replace(record, root=None))
            elif self._decrypt(record) == root:
                return
            else:
                raise DefectError(f"key cell {self.name} already holds generation {generation}")
        record = KmsRecord(generation, self._make_key(generation), None)
        self._records.write(record)  # before it is used: what has a name can be destroyed
        sealed = self._call(
            "encrypt", KeyId=record.key, Plaintext=root, EncryptionContext=self._context(generation)
        )
        record = replace(record, root=sealed["CiphertextBlob"])
        if self._decrypt(record) != root:
            raise self._error("import-failed")
        self._records.write(record)

    def wrap(self, generation: int, keys: Sequence[bytes]) -> list[bytes]:
        """Wrap ``keys`` here, with the root opened by KMS for this call."""
        root = self._root(generation)
        return [wrap(root, key) for key in keys]

    def unwrap(self, generation: int, wraps: Sequence[bytes]) -> list[bytes]:
        """Unwrap keys here, with the root opened by KMS for this call."""
        root = self._root(generation)
        return [unwrap(root, wrapped) for wrapped in wraps]

    def destroy(self, generation: int) -> Destruction:
        """Schedule the deletion of the root's KMS key; destroyed once KMS knows it no more.

        A deletion that somebody called off is scheduled anew.
        """
        said = [self._destroy(record) for record in self._records.of(generation)]
        moments = [one.until for one in said if one.until is not None]
        return Destruction("pending", max(moments)) if moments else DESTROYED

    def generations(self) -> frozenset[int]:
        """The generations whose KMS key can be used now."""
        return frozenset(
            record.generation
            for record in self._records.all()
            if record.root is not None and self._state(record)[0] == _USABLE
        )

    def _held(self, generation: int) -> list[KmsRecord]:
        return [record for record in self._records.of(generation) if record.root is not None]

    def _make_key(self, generation: int) -> str:
        tags = {"callward:label": self._label, "callward:generation": str(generation)}
        made = self._call(
            "create_key",
            Description=f"Callward {self._label}, root of generation {generation}",
            KeyUsage="ENCRYPT_DECRYPT",
            KeySpec="SYMMETRIC_DEFAULT",
            Tags=[{"TagKey": key, "TagValue": value} for key, value in tags.items()],
        )
        return str(made["KeyMetadata"]["Arn"])

    def _destroy(self, record: KmsRecord) -> Destruction:
        state, until = self._state(record)
        if state == _GONE:
            self._require_known_service(record)
            self._records.forget(record)
            return DESTROYED
        if state != _PENDING or until is None:
            until = _moment(
                self._call(
                    "schedule_key_deletion",
                    KeyId=record.key,
                    PendingWindowInDays=self._window_days,
                )
            )
        if record.root is not None:
            self._records.write(replace(record, root=None))
        return Destruction("pending", until)

    def _require_known_service(self, record: KmsRecord) -> None:
        """Another account, region or endpoint knows none of our keys: that proves nothing."""
        others = [one for one in self._records.all() if one.root and one.key != record.key]
        if others and self._state(others[-1])[0] == _GONE:
            raise self._error("not-our-kms")

    def _root(self, generation: int) -> bytes:
        held = self._held(generation)
        missing = KeyMissingError(f"key cell {self.name} holds no root of generation {generation}")
        if not held:
            raise missing
        try:
            return self._decrypt(held[-1])
        except CellError as error:
            if error.reason in _DAMAGED:
                raise IntegrityError(
                    f"root of generation {generation} is damaged in {self.name}"
                ) from None
            if self._state(held[-1])[0] in (_GONE, _PENDING):
                raise missing from None
            raise

    def _decrypt(self, record: KmsRecord) -> bytes:
        opened = self._call(
            "decrypt",
            KeyId=record.key,
            CiphertextBlob=record.root,
            EncryptionContext=self._context(record.generation),
        )
        return bytes(opened["Plaintext"])

    def _state(self, record: KmsRecord) -> tuple[str, datetime | None]:
        """What KMS says of a key: its state and, if it is to be deleted, when (UTC)."""
        try:
            said = self._call("describe_key", KeyId=record.key)["KeyMetadata"]
        except CellError as error:
            if error.reason == _UNKNOWN_KEY:
                return _GONE, None
            raise
        return str(said["KeyState"]), _moment(said) if "DeletionDate" in said else None

    def _context(self, generation: int) -> dict[str, str]:
        return {"callward:label": self._label, "callward:generation": str(generation)}

    def _call(self, operation: str, **arguments: Any) -> Mapping[str, Any]:
        """Call KMS; what goes wrong becomes a code, for texts name accounts and endpoints."""
        try:
            answer: Mapping[str, Any] = getattr(self._client(), operation)(**arguments)
        except ClientError as error:
            raise self._error(_code(error)) from None
        except (BotoCoreError, ValueError) as error:
            raise self._error(kebab(type(error).__name__)) from None
        return answer

    def _client(self) -> Any:
        """A client of this process: connections do not survive a fork."""
        if self._made is None or self._made[0] != os.getpid():
            session = boto3.session.Session()
            self._made = os.getpid(), session.client("kms", config=_CONFIG, **self._where)
        return self._made[1]

    def _error(self, word: str) -> CellError:
        return CellError(f"key cell {self.name}: {word}", word)


def _code(error: ClientError) -> str:
    code = str(error.response.get("Error", {}).get("Code", ""))
    return kebab(code) if re.fullmatch(r"[A-Za-z0-9.]{1,50}", code) else "unknown-error"


def _moment(answer: Mapping[str, Any]) -> datetime:
    moment: datetime = answer["DeletionDate"]
    return moment.astimezone(UTC)
