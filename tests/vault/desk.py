"""A vault at work on a catalogue, for tests."""

from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

import sqlalchemy as sa

from callward.vault.cells import FileCell
from callward.vault.filing import NewObject, file_objects, seal_payload
from callward.vault.vault import Vault

AT = datetime(2026, 11, 20, 1, 0, tzinfo=UTC)
DUE = date(2027, 1, 4)


@dataclass(frozen=True)
class Desk:
    """A vault and the catalogue it works on."""

    vault: Vault
    cell: FileCell
    engine: sa.Engine

    def file(self, *object_ids: str, **fields: Any) -> None:
        """Seal each id's name as its content, and file it; fields as of ``NewObject``."""
        with self.engine.begin() as connection:
            items = [self.new(one, one.encode(), **fields) for one in object_ids]
            file_objects(connection, self.vault, items, AT)

    def new(self, object_id: str, content: bytes, store_key: str = "", **fields: Any) -> NewObject:
        """An object that is sealed but not filed."""
        controller = str(fields.get("controller", "acorn"))
        values: dict[str, Any] = {
            "id": object_id,
            "controller": controller,
            "kind": "note",
            "retention_class": "interactions",
            "anchor_day": date(2026, 11, 20),
            "due_day": DUE,
            **fields,
        }
        sealed = seal_payload(
            self.vault, controller, object_id, str(values["kind"]), content, store_key
        )
        return NewObject(sealed=sealed, **values)

    def open(self, object_id: str) -> bytes:
        """The plaintext."""
        with self.engine.begin() as connection:
            return b"".join(self.vault.open(connection, object_id))
