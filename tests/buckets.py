"""Buckets on the tests' own server, and what really lies in them."""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import count
from typing import Any

import boto3
from moto.s3.models import s3_backends

_numbers = count(1)


@dataclass(frozen=True)
class TestBucket:
    """A bucket; ``url`` opens it below a prefix, as an instance would."""

    __test__ = False
    name: str
    client: Any

    @property
    def url(self) -> str:
        """Where an instance's store would be."""
        return f"s3://{self.name}/an/instance"

    def key(self, path: str) -> str:
        """The bucket's name for a path of the store."""
        return f"an/instance/{path}"

    def everything(self) -> list[tuple[str, str]]:
        """Keys of all versions, markers and uploads, with what they are; sorted."""
        answer = self.client.list_object_versions(Bucket=self.name)
        assert not answer["IsTruncated"]
        uploads = self.client.list_multipart_uploads(Bucket=self.name).get("Uploads", [])
        return sorted(
            [(each["Key"], "version") for each in answer.get("Versions", [])]
            + [(each["Key"], "marker") for each in answer.get("DeleteMarkers", [])]
            + [(each["Key"], "upload") for each in uploads]
        )

    def put(self, path: str, content: bytes = b"x") -> str:
        """Put an object past the store; its version."""
        answer = self.client.put_object(Bucket=self.name, Key=self.key(path), Body=content)
        return str(answer.get("VersionId", "null"))

    def put_many(self, paths: Iterable[str]) -> None:
        """Put small objects without a request for each: the server is in this process."""
        backend: Any = s3_backends["123456789012"]["aws"]
        for path in paths:
            backend.put_object(self.name, self.key(path), b"x")

    def mark_deleted(self, path: str) -> None:
        """Delete as most tools do: in a versioned bucket that adds a marker."""
        self.client.delete_object(Bucket=self.name, Key=self.key(path))

    def remove_versions(self, path: str) -> None:
        """Remove every version of a path but not the markers above them."""
        found = self.client.list_object_versions(Bucket=self.name, Prefix=self.key(path))
        for one in found.get("Versions", []):
            self.client.delete_object(Bucket=self.name, Key=one["Key"], VersionId=one["VersionId"])

    def begin_upload(self, path: str) -> None:
        """Begin an upload in parts and leave it."""
        answer = self.client.create_multipart_upload(Bucket=self.name, Key=self.key(path))
        self.client.upload_part(
            Bucket=self.name,
            Key=self.key(path),
            UploadId=answer["UploadId"],
            PartNumber=1,
            Body=b"a part",
        )

    def hold(self, path: str) -> None:
        """Put a legal hold on the latest version."""
        self.client.put_object_legal_hold(
            Bucket=self.name, Key=self.key(path), LegalHold={"Status": "ON"}
        )


def new_bucket(endpoint: str, *, versioned: bool = True, lock: bool = False) -> TestBucket:
    """A bucket of its own; ``lock``: one whose objects can be locked."""
    client = boto3.client("s3", endpoint_url=endpoint, region_name="eu-west-2")
    name = f"callward-test-{next(_numbers)}"
    client.create_bucket(
        Bucket=name,
        CreateBucketConfiguration={"LocationConstraint": "eu-west-2"},
        ObjectLockEnabledForBucket=lock,
    )
    if versioned:
        client.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    return TestBucket(name, client)
