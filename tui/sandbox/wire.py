"""Requests and answers as botocore's service models describe them.

Routes, parameter parsing, constraint checks, status codes and error shapes all come from the models that boto3
itself ships, so that what a client may send and what it can read is decided in one place.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any
from urllib.parse import parse_qs, unquote

from botocore.loaders import Loader
from botocore.model import OperationModel, ServiceModel

from tui.sandbox.errors import ServiceError, validation
from tui.sandbox.shapes import problems


@cache
def service_model(name: str) -> ServiceModel:
    """botocore's model of a service, from the installed package only: never from the user's ~/.aws/models."""
    loader = Loader(extra_search_paths=[Loader.BUILTIN_DATA_PATH], include_default_search_paths=False)
    return ServiceModel(loader.load_service_model(name, "service-2"), name)


@dataclass(slots=True)
class Call:
    """A parsed request: ``parameters`` has the members of the operation's input shape, ``manner`` says how a rule
    is to go wrong, if that was ordered."""

    service: str
    operation: str
    region: str
    parameters: dict[str, Any]
    manner: str = ""


@dataclass(slots=True)
class Answer:
    """What goes back: a status, headers and a body that is whole or comes in pieces."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes | Iterator[bytes]


@dataclass(frozen=True, slots=True)
class Route:
    method: str
    path: re.Pattern[str]
    labels: tuple[str, ...]
    operation: str


class JsonWire:
    """One service that speaks JSON, with REST paths or with a target header."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.model = service_model(name)
        self.rest = self.model.metadata["protocol"] == "rest-json"
        self._routes = [self._route(op) for op in self.model.operation_names] if self.rest else []

    def _route(self, operation: str) -> Route:
        http = self.model.operation_model(operation).http
        path = http["requestUri"].split("?")[0]
        labels = tuple(re.findall(r"{([^}]+)}", path))
        pattern = "".join(
            "([^/]+)" if part.startswith("{") else re.escape(part) for part in re.split(r"({[^}]+})", path)
        )
        return Route(http["method"], re.compile(pattern + "/?"), labels, operation)

    def match(self, method: str, raw_path: str, target: str) -> tuple[str, dict[str, str]] | None:
        """The operation asked for and its path labels, or None when the service has no such operation."""
        if not self.rest:
            prefix, _, operation = target.rpartition(".")
            known = prefix == self.model.metadata["targetPrefix"] and operation in self.model.operation_names
            return (operation, {}) if known else None
        for route in self._routes:
            if route.method == method and (found := route.path.fullmatch(raw_path)):
                values = (unquote(group) for group in found.groups())
                return route.operation, dict(zip(route.labels, values, strict=True))
        return None

    def operation(self, name: str) -> OperationModel:
        return self.model.operation_model(name)

    def parse(
        self,
        operation: str,
        region: str,
        labels: Mapping[str, str],
        query: str,
        headers: Mapping[str, str],
        body: bytes,
    ) -> Call:
        """Read the parameters and check them; raises ServiceError ValidationException or SerializationException."""
        shape = self.operation(operation).input_shape
        parameters: dict[str, Any] = {}
        if shape is not None:
            parameters = self._read(shape, labels, query, headers, body)
            found = problems(shape, parameters)
            if found:
                noun = "validation error" if len(found) == 1 else "validation errors"
                raise validation(f"{len(found)} {noun} detected: " + "; ".join(found))
        return Call(self.name, operation, region, parameters)

    def _read(
        self, shape: Any, labels: Mapping[str, str], query: str, headers: Mapping[str, str], body: bytes
    ) -> dict[str, Any]:
        payload = shape.serialization.get("payload")
        given = parse_qs(query, keep_blank_values=True)
        document: dict[str, Any] = {}
        if payload is None and body.strip():
            document = load_document(body)
        parameters: dict[str, Any] = {}
        for name, member in shape.members.items():
            wire_name = member.serialization.get("name", name)
            where = member.serialization.get("location")
            if where == "uri":
                parameters[name] = labels[wire_name]
            elif where == "querystring":
                if wire_name in given:
                    parameters[name] = _from_text(member, given[wire_name])
            elif where == "header":
                if wire_name.lower() in headers:
                    parameters[name] = _from_text(member, [headers[wire_name.lower()]])
            elif name == payload:
                parameters[name] = body if member.type_name == "blob" else _from_json(member, load_document(body))
            elif document.get(wire_name) is not None:
                parameters[name] = _from_json(member, document[wire_name])
        return parameters

    def render(self, operation: str, result: Mapping[str, Any]) -> Answer:
        """An answer in the service's format; raises ServiceError when the result breaks the output shape."""
        model = self.operation(operation)
        shape = model.output_shape
        status = int(model.http.get("responseCode", 200))
        content_type = "application/json" if self.rest else "application/x-amz-json-1.1"
        if shape is None:
            return Answer(status, [("Content-Type", content_type)], b"{}")
        found = problems(shape, result)
        if found:
            raise ServiceError("InternalServerException", f"{operation} answered wrongly: " + "; ".join(found))
        headers = [("Content-Type", content_type)]
        payload = shape.serialization.get("payload")
        document: dict[str, Any] = {}
        body = b""
        for name, member in shape.members.items():
            if name not in result:
                continue
            wire_name = member.serialization.get("name", name)
            if member.serialization.get("location") == "header":
                headers = [item for item in headers if item[0].lower() != wire_name.lower()]
                headers.append((wire_name, str(result[name])))
            elif name == payload:
                body = bytes(result[name])
            else:
                document[wire_name] = to_json(member, result[name])
        if payload is None:
            body = json.dumps(document, ensure_ascii=False).encode("utf-8", "surrogatepass")
        return Answer(status, headers, body)

    def render_event(self, operation: str, name: str, value: Mapping[str, Any]) -> bytes:
        """The JSON payload of one event of the operation's stream, checked against its shape."""
        output = self.operation(operation).output_shape
        assert output is not None
        stream = output.members[output.serialization["payload"]]
        member = stream.members[name]
        found = problems(member, value)
        if found:
            raise ServiceError("InternalServerException", f"{operation} sent a wrong {name}: " + "; ".join(found))
        return json.dumps(to_json(member, value), ensure_ascii=False).encode("utf-8", "replace")

    def error_status(self, code: str, operation: str | None) -> int:
        """The HTTP status the model gives an error code; 400 for codes it does not know."""
        shapes = self.operation(operation).error_shapes if operation else []
        for shape in [*shapes, *self.model.error_shapes]:
            if code in (shape.name, shape.error_code):
                return int(shape.metadata.get("error", {}).get("httpStatusCode", 400))
        return 403 if code in _FORBIDDEN else 400

    def render_error(self, error: ServiceError, operation: str | None) -> Answer:
        status = error.status or self.error_status(error.code, operation)
        content_type = "application/json" if self.rest else "application/x-amz-json-1.1"
        document = {"message": error.message, "__type": error.code}
        headers = [("Content-Type", content_type), ("x-amzn-ErrorType", error.code)]
        return Answer(status, headers, json.dumps(document, ensure_ascii=False).encode("utf-8", "replace"))


_FORBIDDEN = {
    "AccessDeniedException",
    "ExpiredTokenException",
    "UnrecognizedClientException",
    "InvalidSignatureException",
    "MissingAuthenticationTokenException",
}


def load_document(body: bytes) -> Any:
    """A JSON object; raises ServiceError SerializationException for anything else."""
    try:
        document = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise ServiceError("SerializationException", "The request body is not valid JSON.") from error
    if not isinstance(document, dict):
        raise ServiceError("SerializationException", "The request body is not a JSON object.")
    return document


def _from_text(shape: Any, values: list[str]) -> Any:
    kind = shape.type_name
    if kind == "list":
        return [_from_text(shape.member, [value]) for value in values]
    text = values[0]
    try:
        if kind in ("integer", "long"):
            return int(text)
        if kind in ("float", "double"):
            return float(text)
        if kind == "timestamp":
            moment = datetime.fromisoformat(text)
            return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except ValueError as error:
        raise ServiceError("SerializationException", f"{text!r} is not a {kind}.") from error
    return text.lower() == "true" if kind == "boolean" else text


def _from_json(shape: Any, value: Any) -> Any:
    """Blobs decoded, wire names replaced by member names; wrong types are left for ``problems``."""
    kind = shape.type_name
    if kind == "structure" and isinstance(value, dict) and not getattr(shape, "is_document_type", False):
        parsed = {}
        for name, member in shape.members.items():
            wire_name = member.serialization.get("name", name)
            if value.get(wire_name) is not None:
                parsed[name] = _from_json(member, value[wire_name])
        return parsed
    if kind == "list" and isinstance(value, list):
        return [_from_json(shape.member, item) for item in value]
    if kind == "map" and isinstance(value, dict):
        return {key: _from_json(shape.value, item) for key, item in value.items()}
    if kind == "blob" and isinstance(value, str):
        try:
            return base64.b64decode(value, validate=True)
        except ValueError as error:
            raise ServiceError("SerializationException", "A blob is not valid base64.") from error
    return value


def to_json(shape: Any, value: Any) -> Any:
    """A value of a shape as the JSON the service sends; times are seconds since the epoch on our side."""
    kind = shape.type_name
    if kind == "structure" and not getattr(shape, "is_document_type", False):
        return {
            member.serialization.get("name", name): to_json(member, value[name])
            for name, member in shape.members.items()
            if name in value
        }
    if kind == "list":
        return [to_json(shape.member, item) for item in value]
    if kind == "map":
        return {key: to_json(shape.value, item) for key, item in value.items()}
    if kind == "blob":
        return base64.b64encode(value).decode()
    if kind == "timestamp":
        return datetime.fromtimestamp(value, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    return value
