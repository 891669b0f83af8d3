"""S3 objects and IAM roles, held by moto: what jobs read and write, and how they reach the disk and come back."""

from __future__ import annotations

import hashlib
import sys
import threading
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from tui.sandbox.catalog import ACCOUNT_ID
from tui.sandbox.state_folder import Folder


@dataclass(frozen=True, slots=True)
class RoleDocuments:
    """A role's trust policy and the permission policies attached to it, as JSON texts."""

    trust: str
    permissions: tuple[str, ...]


def split_uri(uri: str) -> tuple[str, str]:
    """Bucket and key of an s3:// URI."""
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    return bucket, key


class Storage:
    """The door to moto's S3 and IAM backends. Imports moto when first used."""

    def __init__(self, folder: Folder | None) -> None:
        self._folder = folder
        self._lock = threading.RLock()
        self._digests: dict[int, tuple[Any, str]] = {}
        self._written: set[str] = set()

    @property
    def _s3(self) -> Any:
        from moto.backends import get_backend

        return get_backend("s3")[ACCOUNT_ID]["aws"]

    @property
    def _iam(self) -> Any:
        from moto.backends import get_backend

        return get_backend("iam")[ACCOUNT_ID]["aws"]

    def bucket_region(self, bucket: str) -> str | None:
        """The Region of a bucket, None when there is no such bucket."""
        found = self._s3.buckets.get(bucket)
        return found.region_name if found else None

    def read(self, uri: str) -> bytes | None:
        """The newest version of an object, None when it is not there."""
        bucket, key = split_uri(uri)
        if bucket not in self._s3.buckets:
            return None
        found = self._s3.get_object(bucket, key)
        return None if found is None else bytes(found.value)

    def write(self, uri: str, data: bytes, content_type: str) -> bool:
        """Put an object; False when the bucket is not there."""
        bucket, key = split_uri(uri)
        if bucket not in self._s3.buckets:
            return False
        self._s3.put_object(bucket, key, data).set_metadata({"Content-Type": content_type})
        self.save_objects()
        return True

    def role(self, arn: str) -> RoleDocuments | None:
        """The documents of a role, None when there is no such role."""
        role = next((item for item in self._iam.get_roles() if item.arn == arn), None)
        if role is None:
            return None
        managed = []
        for policy in role.managed_policies.values():
            managed += [str(v.document) for v in policy.versions if v.version_id == policy.default_version_id]
        return RoleDocuments(str(role.assume_role_policy_document), (*role.policies.values(), *managed))

    def clear(self) -> None:
        """Empty S3, IAM and STS, in memory and on disk."""
        with self._lock:
            self._empty()
            if self._folder is not None:
                self._written = set(self._folder.names("objects"))
            self.save_objects()
            self.save_roles()

    def _empty(self) -> None:
        """Empty what moto holds in this process; what was never imported holds nothing."""
        for service in ("s3", "iam", "sts"):
            if f"moto.{service}.models" in sys.modules:
                from moto.backends import get_backend

                backends: Any = get_backend(service)  # type: ignore[call-overload, unused-ignore]
                for account in list(backends.values()):
                    account.reset()
        self._digests.clear()

    # To disk. Objects lie in files named by their SHA-256, an index says what they are.

    def save_roles(self) -> None:
        """Write the roles and policies."""
        if self._folder is not None:
            with self._lock:
                self._folder.write_json("iam.json", self._iam_json())

    def save_objects(self) -> None:
        """Write what changed; a file no longer named by the index is removed after the index is in place."""
        if self._folder is None:
            return
        with self._lock:
            digests: dict[int, tuple[Any, str]] = {}
            buckets = [self._bucket_json(bucket, digests) for bucket in list(self._s3.buckets.values())]
            self._digests = digests
            self._folder.write_json("s3.json", {"buckets": buckets})
            for stale in self._written - {digest for _, digest in digests.values()}:
                self._folder.remove(f"objects/{stale}")
                self._written.discard(stale)

    def _bucket_json(self, bucket: Any, digests: dict[int, tuple[Any, str]]) -> dict[str, Any]:
        objects = []
        for name in list(bucket.keys):
            key = bucket.keys[name]
            if not hasattr(key, "contentsize"):  # a delete marker
                continue
            digest = self._store(key)
            digests[id(key)] = (key, digest)
            objects.append(
                {
                    "key": key.name,
                    "digest": digest,
                    "etag": key.etag.strip('"'),
                    "modified": _epoch(key.last_modified),
                    "metadata": dict(key.metadata),
                    "storage": key._storage_class,
                    "checksum": [key.checksum_algorithm, key.checksum_value],
                }
            )
        return {
            "name": bucket.name,
            "region": bucket.region_name,
            "created": _epoch(bucket.creation_date),
            "versioning": bucket.versioning_status,
            "policy": bucket.policy.decode() if bucket.policy else None,
            "objects": objects,
        }

    def _store(self, key: Any) -> str:
        known = self._digests.get(id(key))
        if known and known[0] is key:
            return known[1]
        value = bytes(key.value)
        digest = hashlib.sha256(value).hexdigest()
        if digest not in self._written:
            assert self._folder is not None
            self._folder.write(f"objects/{digest}", value)
            self._written.add(digest)
        return digest

    def _iam_json(self) -> dict[str, Any]:
        policies = [
            {
                "name": policy.name,
                "path": policy.path,
                "description": policy.description,
                "document": str(next(v.document for v in policy.versions if v.version_id == policy.default_version_id)),
                "tags": _tag_list(policy.tags),
            }
            for policy in self._iam.managed_policies.values()
            if f":{ACCOUNT_ID}:" in policy.arn
        ]
        roles = [
            {
                "id": role.id,
                "name": role.name,
                "path": role.path,
                "trust": str(role.assume_role_policy_document),
                "description": role.description,
                "session": role.max_session_duration,
                "created": _epoch(role.create_date),
                "inline": dict(role.policies),
                "attached": list(role.managed_policies),
                "tags": _tag_list(role.tags),
            }
            for role in list(self._iam.get_roles())
        ]
        return {"policies": policies, "roles": roles}

    # From disk.

    def restore(self) -> None:
        """Bring back what was saved; a damaged index is set aside, a missing object is told and left out."""
        with self._lock:
            self._empty()
            if self._folder is None:
                return
            if self._folder.load("s3.json", self._restore_buckets):
                self._written = {digest for _, digest in self._digests.values()}
                for orphan in set(self._folder.names("objects")) - self._written:
                    self._folder.remove(f"objects/{orphan}")
            self._folder.load("iam.json", self._restore_iam)

    def _restore_buckets(self, document: dict[str, Any]) -> bool:
        for item in document["buckets"]:
            bucket = self._s3.create_bucket(item["name"], item["region"])
            bucket.creation_date = datetime.fromtimestamp(item["created"], UTC)
            if item["versioning"]:
                bucket.versioning_status = item["versioning"]
            if item["policy"]:
                bucket.policy = item["policy"].encode()
            for stored in item["objects"]:
                self._restore_object(item["name"], stored)
        return True

    def _restore_object(self, bucket: str, stored: dict[str, Any]) -> None:
        assert self._folder is not None
        value = self._folder.read(f"objects/{stored['digest']}")
        if value is None or hashlib.sha256(value).hexdigest() != stored["digest"]:
            self._folder.notices.append(f"s3://{bucket}/{stored['key']} was damaged on disk and is gone")
            return
        key = self._s3.put_object(bucket, stored["key"], value, storage=stored["storage"], etag=stored["etag"])
        key.set_metadata(dict(stored["metadata"]))
        key.last_modified = datetime.fromtimestamp(stored["modified"], UTC).replace(tzinfo=None)
        key.checksum_algorithm, key.checksum_value = stored["checksum"]
        self._digests[id(key)] = (key, stored["digest"])

    def _restore_iam(self, document: dict[str, Any]) -> bool:
        for item in document["policies"]:
            self._iam.create_policy(item["description"], item["path"], item["document"], item["name"], item["tags"])
        for item in document["roles"]:
            role = self._iam.create_role(
                item["name"], item["trust"], item["path"], None, item["description"], item["tags"], item["session"]
            )
            role.create_date = datetime.fromtimestamp(item["created"], UTC).replace(tzinfo=None)
            for name, text in item["inline"].items():
                self._iam.put_role_policy(item["name"], name, text)
            for arn in item["attached"]:
                self._iam.attach_role_policy(arn, item["name"])
        return True


def _epoch(moment: datetime) -> float:
    """moto's times carry no zone and are UTC."""
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def _tag_list(tags: Any) -> list[dict[str, str]]:
    return [dict(tag) for tag in (tags.values() if isinstance(tags, dict) else tags or [])]
