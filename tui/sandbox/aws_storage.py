"""S3, IAM and STS: requests handed to moto's public WSGI application, changes written to disk before the answer."""

from __future__ import annotations

import io
import sys
import threading
import traceback
from typing import Any
from urllib.parse import parse_qs, unquote

from tui.sandbox.errors import ServiceError
from tui.sandbox.wire import Answer
from tui.sandbox.world import World

_S3_BUCKET = {"GET": "ListObjects", "PUT": "CreateBucket", "DELETE": "DeleteBucket", "HEAD": "HeadBucket"}
_S3_OBJECT = {"GET": "GetObject", "PUT": "PutObject", "DELETE": "DeleteObject", "HEAD": "HeadObject"}
_S3_SUBRESOURCES = {
    "policy": "BucketPolicy",
    "versioning": "BucketVersioning",
    "location": "BucketLocation",
    "tagging": "Tagging",
    "acl": "Acl",
    "encryption": "BucketEncryption",
    "cors": "BucketCors",
    "publicAccessBlock": "PublicAccessBlock",
    "versions": "ObjectVersions",
}
_VERBS = {"GET": "Get", "PUT": "Put", "DELETE": "Delete", "HEAD": "Head", "POST": "Post"}


class StorageService:
    """moto behind our door."""

    def __init__(self, world: World) -> None:
        self.world = world
        self._lock = threading.Lock()
        self._app: Any = None

    def application(self) -> Any:
        """moto's application, made at the first use: its import takes a while."""
        with self._lock:
            if self._app is None:
                from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app

                self._app = DomainDispatcherApplication(create_backend_app)
            return self._app

    def operation(self, service: str, environ: dict[str, Any], body: bytes) -> str:
        """The operation's name as AWS calls it."""
        if service != "s3":
            return parse_qs(body.decode("utf-8", "replace")).get("Action", ["Unknown"])[0]
        method = environ["REQUEST_METHOD"]
        query = parse_qs(environ.get("QUERY_STRING", ""), keep_blank_values=True)
        key = unquote(environ.get("PATH_INFO", "/")).strip("/").partition("/")[2]
        if "uploadId" in query or "uploads" in query:
            return _multipart(method, query)
        for name, what in _S3_SUBRESOURCES.items():
            if name in query:
                return _VERBS.get(method, "Post") + what
        if not environ.get("PATH_INFO", "/").strip("/"):
            return "ListBuckets"
        if "delete" in query:
            return "DeleteObjects"
        if not key:
            return "ListObjectsV2" if "list-type" in query else _S3_BUCKET.get(method, "PostObject")
        if method == "PUT" and "HTTP_X_AMZ_COPY_SOURCE" in environ:
            return "CopyObject"
        return _S3_OBJECT.get(method, "PostObject")

    def serve(self, service: str, operation: str, environ: dict[str, Any], body: bytes) -> Answer:
        """Run moto's application; raises ServiceError for what it does not do."""
        status_line: list[str] = []
        headers: list[tuple[str, str]] = []

        def start_response(status: str, items: list[tuple[str, str]], *_: Any) -> None:
            status_line.append(status)
            headers.extend(items)

        environ = {**environ, "wsgi.input": io.BytesIO(body)}
        unknown = ServiceError("NotImplemented", f"The sandbox does not emulate {service}:{operation}.", 501)
        try:
            answered = self.application()(environ, start_response)
            try:
                content = b"".join(answered)
            finally:
                if hasattr(answered, "close"):
                    answered.close()
        except NotImplementedError as error:
            raise unknown from error
        except Exception as error:
            traceback.print_exc(file=sys.stderr)
            raise ServiceError("InternalError", f"The sandbox failed: {type(error).__name__}: {error}", 500) from error
        status = int(status_line[0].split()[0])
        kind = next((value for name, value in headers if name.lower() == "content-type"), "")
        if status in (500, 501) and "html" in kind:
            raise unknown
        if environ["REQUEST_METHOD"] not in ("GET", "HEAD") and service != "sts" and status < 300:
            self._save(service, operation)
        hidden = ("access-control-", "x-amzn-requestid", "server", "date", "connection", "transfer-encoding")
        return Answer(status, [item for item in headers if not item[0].lower().startswith(hidden)], content)

    def _save(self, service: str, operation: str) -> None:
        # IAM reads are POST requests as well.
        if not operation.startswith(("Get", "List", "Simulate", "Generate", "UploadPart", "CreateMultipart")):
            if service == "s3":
                self.world.storage.save_objects()
            else:
                self.world.storage.save_roles()


def _multipart(method: str, query: dict[str, list[str]]) -> str:
    if "uploads" in query:
        return "CreateMultipartUpload" if method == "POST" else "ListMultipartUploads"
    names = {"PUT": "UploadPart", "POST": "CompleteMultipartUpload", "DELETE": "AbortMultipartUpload"}
    return names.get(method, "ListParts")
