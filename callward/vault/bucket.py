"""The requests that are made of a bucket through boto3, and where it is and who we are."""

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError
from obstore.auth.boto3 import Boto3CredentialProvider
from obstore.store import S3Store

from callward.errors import SettingsError
from callward.vault.storing import StoreError, StoreRefusesError

if TYPE_CHECKING:
    from obstore.store import RetryConfig

_CONFIG = Config(
    connect_timeout=10,
    read_timeout=60,
    retries={"mode": "standard", "max_attempts": 5},
    s3={"addressing_style": "path"},  # as obstore does: one certificate fits all buckets
)
_TIMEOUT = timedelta(seconds=120)  # a request, so 70 kB a second for a part
_RETRY: "RetryConfig" = {"max_retries": 5, "retry_timeout": timedelta(minutes=3)}
_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
_FORBIDDEN = 403
_READ = 1024 * 1024
_NO_VERSION = "null"


@dataclass(frozen=True, slots=True)
class Version:
    """One version of a path, or a marker that says it was deleted."""

    path: str
    id: str
    marker: bool
    latest: bool
    etag: str = ""
    size: int = 0


class BucketClient:
    """A bucket, or a part of one: ``s3://BUCKET/PREFIX``. Paths are below the prefix."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        prefix = unquote(parts.path).strip("/")
        self.bucket, self._base = parts.netloc, f"{prefix}/" if prefix else ""
        self._session = boto3.Session()
        # boto3 knows the older variable only, obstore and the newer tools both.
        region = os.environ.get("AWS_REGION") or self._session.region_name
        if not region:
            raise SettingsError("the object store's region is not known: set AWS_REGION")
        with boto_errors("be opened"):
            self._client: Any = self._session.client("s3", region_name=region, config=_CONFIG)
        self._region: str = region
        self._plain = _is_plain(self._client.meta.endpoint_url)

    def store(self) -> S3Store:
        """The same place, with the same credentials, for obstore."""
        if self._session.get_credentials() is None:
            raise SettingsError("there are no credentials for the object store")
        return S3Store(
            self.bucket,
            prefix=self._base.rstrip("/") or None,
            endpoint=self._client.meta.endpoint_url,
            region=self._region,
            credential_provider=Boto3CredentialProvider(self._session),
            client_options={"allow_http": self._plain, "timeout": _TIMEOUT},
            retry_config=_RETRY,
        )

    def versions(self, prefix: str) -> Iterator[Version]:
        """Every version and marker of paths that begin with ``prefix``, path by path.

        In the order of the paths' bytes (UTF-8).
        """
        for page in self._pages("list_object_versions", prefix):
            found = [self._version(each, marker=False) for each in page.get("Versions", ())]
            found += [self._version(each, marker=True) for each in page.get("DeleteMarkers", ())]
            yield from sorted(found, key=lambda one: one.path.encode())

    def fetch(self, version: Version) -> Iterator[bytes]:
        """Yield one version's content; StoreError if it is not there as it was listed.

        Not through obstore, which refuses paths that are no paths of files.
        """
        # An object of a bucket without versions has none to ask for.
        which = {} if version.id == _NO_VERSION else {"VersionId": version.id}
        with boto_errors("read"):
            answer = self._client.get_object(
                Bucket=self.bucket, Key=self._base + version.path, IfMatch=version.etag, **which
            )
            if answer["ETag"] != version.etag:
                raise StoreError("the object store's object was changed while it was read")
            with closing(answer["Body"]) as body:
                yield from body.iter_chunks(_READ)

    def uploads(self, prefix: str) -> Iterator[tuple[str, str]]:
        """Paths and ids of the uploads in parts that were begun and not completed."""
        for page in self._pages("list_multipart_uploads", prefix):
            for each in page.get("Uploads", ()):
                yield each["Key"].removeprefix(self._base), each["UploadId"]

    def abort(self, path: str, upload: str) -> None:
        """Give an upload up; one that has gone is no error."""
        key = self._base + path
        with boto_errors("give up an upload", absent="NoSuchUpload"):
            self._client.abort_multipart_upload(Bucket=self.bucket, Key=key, UploadId=upload)

    def delete(self, versions: Sequence[Version]) -> Mapping[Version, str]:
        """Delete up to a thousand versions; the error codes of those that did not go."""
        wanted = [{"Key": self._base + one.path, "VersionId": one.id} for one in versions]
        with boto_errors("delete"):
            answer = self._client.delete_objects(
                Bucket=self.bucket, Delete={"Objects": wanted, "Quiet": True}
            )
        codes = {
            (each["Key"], each.get("VersionId")): str(each.get("Code", "unknown"))
            for each in answer.get("Errors", ())
        }
        # Not every server names the version; then all of the path are meant.
        found = {
            one: codes.get((each["Key"], one.id)) or codes.get((each["Key"], None))
            for one, each in zip(versions, wanted, strict=True)
        }
        return {one: code for one, code in found.items() if code is not None}

    def _version(self, each: Mapping[str, Any], *, marker: bool) -> Version:
        path = each["Key"].removeprefix(self._base)
        told = each.get("ETag", ""), int(each.get("Size", 0))
        return Version(path, each["VersionId"], marker, bool(each["IsLatest"]), *told)

    def _pages(self, operation: str, prefix: str) -> Iterator[Mapping[str, Any]]:
        pages = self._client.get_paginator(operation).paginate(
            Bucket=self.bucket, Prefix=self._base + prefix
        )
        with boto_errors("list"):
            yield from pages


@contextmanager
def boto_errors(what: str, *, absent: str = "") -> Iterator[None]:
    """Turn what boto3 raises, which quotes paths and answers, into our own errors."""
    try:
        yield
    except ClientError as error:
        code = str(error.response.get("Error", {}).get("Code", "unknown"))
        if code == absent:
            return
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode")
        if status == _FORBIDDEN:
            raise StoreRefusesError(f"the object store refuses to {what} ({code})") from None
        raise StoreError(f"the object store cannot {what} ({code})") from None
    except NoCredentialsError:
        raise SettingsError("there are no credentials for the object store") from None
    except (BotoCoreError, ValueError) as error:
        raise StoreError(f"the object store cannot {what} ({type(error).__name__})") from None


def _is_plain(endpoint: str) -> bool:
    """Whether the endpoint is without TLS; SettingsError unless it is here or said to be so."""
    parts = urlsplit(endpoint)
    if parts.scheme == "https":
        return False
    told = os.environ.get("AWS_ALLOW_HTTP", "").lower() in {"1", "true"}
    if not told and parts.hostname not in _LOOPBACK:
        raise SettingsError(
            "the object store's endpoint is without TLS; AWS_ALLOW_HTTP=true allows that"
        )
    return True
