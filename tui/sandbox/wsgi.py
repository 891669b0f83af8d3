"""The one WSGI application: the door, the dispatch to the services, the faults and the error formats."""

from __future__ import annotations

import hmac
import json
import re
import socket
import sys
import threading
import traceback
import uuid
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from http import HTTPStatus
from typing import Any
from xml.sax.saxutils import escape

from tui.sandbox import account, endpoints, evaluations, jobs, models, pricing, quotas, schedules, simulation
from tui.sandbox.aws_storage import StorageService
from tui.sandbox.errors import ServiceError
from tui.sandbox.faults import (
    ANSWER_KINDS,
    STREAM_KINDS,
    ConnectionCutError,
    FaultKind,
    Faults,
    Rule,
    after,
    before,
    in_stream,
)
from tui.sandbox.incoming import Incoming, RecordedRequest
from tui.sandbox.metrics import Monitoring
from tui.sandbox.runtime import Runtime
from tui.sandbox.wire import Answer, Call, JsonWire
from tui.sandbox.world import World

Handler = Callable[[World, Call], dict[str, Any]]
StartResponse = Callable[[str, list[tuple[str, str]]], Any]

_SCOPE = re.compile(r"AWS4-HMAC-SHA256 Credential=([^/,\s]+)/\d{8}/([a-z0-9-]+)/([a-z0-9-]+)/aws4_request[,\s]")
_HOST = re.compile(r"(?:127\.0\.0\.1|localhost|\[::1\])(?::\d+)?")
_STORAGE = {"s3", "iam", "sts"}
_MODEL_NAMES = {"servicequotas": "service-quotas", "monitoring": "cloudwatch"}
"""botocore's name for a service that signs by another one."""
_NEEDS_STORAGE = {"CreateModelCustomizationJob", "CreateEvaluationJob"}
_KEPT_REQUESTS = 10_000
_STRANGERS_BYTES = 65_536
_REASONS = {int(status): status.phrase for status in HTTPStatus}

CONTROL_HANDLERS: dict[str, Handler] = {
    "ListFoundationModels": models.list_foundation_models,
    "GetFoundationModel": models.get_foundation_model,
    "GetFoundationModelAvailability": models.get_foundation_model_availability,
    "ListInferenceProfiles": models.list_inference_profiles,
    "GetInferenceProfile": models.get_inference_profile,
    "CreateModelCustomizationJob": jobs.create_job,
    "GetModelCustomizationJob": jobs.get_job,
    "ListModelCustomizationJobs": jobs.list_jobs,
    "StopModelCustomizationJob": jobs.stop_job,
    "GetCustomModel": models.get_custom_model,
    "ListCustomModels": models.list_custom_models,
    "DeleteCustomModel": models.delete_custom_model,
    "CreateProvisionedModelThroughput": endpoints.create_throughput,
    "GetProvisionedModelThroughput": endpoints.get_throughput,
    "ListProvisionedModelThroughputs": endpoints.list_throughputs,
    "UpdateProvisionedModelThroughput": endpoints.update_throughput,
    "DeleteProvisionedModelThroughput": endpoints.delete_throughput,
    "CreateCustomModelDeployment": endpoints.create_deployment,
    "GetCustomModelDeployment": endpoints.get_deployment,
    "ListCustomModelDeployments": endpoints.list_deployments,
    "DeleteCustomModelDeployment": endpoints.delete_deployment,
    "CreateEvaluationJob": evaluations.create_job,
    "GetEvaluationJob": evaluations.get_job,
    "ListEvaluationJobs": evaluations.list_jobs,
    "StopEvaluationJob": evaluations.stop_job,
    "TagResource": models.tag_resource,
    "UntagResource": models.untag_resource,
    "ListTagsForResource": models.list_tags,
}


class Front:
    """Answers every request of the sandbox's port."""

    def __init__(self, world: World, access_key_id: str, token_delay: float) -> None:
        self.world = world
        self.faults = Faults()
        self.requests: deque[RecordedRequest] = deque(maxlen=_KEPT_REQUESTS)
        self.ready = threading.Event()
        self._key = access_key_id.encode()
        self._storage = StorageService(world)
        self._control = JsonWire("bedrock")
        self._runtime_wire = JsonWire("bedrock-runtime")
        self._runtime = Runtime(world, self._runtime_wire, token_delay)
        self._handlers: dict[str, dict[str, Handler]] = {
            "bedrock": CONTROL_HANDLERS,
            "bedrock-runtime": {
                "Converse": self._runtime.converse,
                "InvokeModel": self._runtime.invoke,
                "CountTokens": self._runtime.count_tokens,
            },
            "service-quotas": quotas.QUOTA_HANDLERS,
            "pricing": pricing.PRICING_HANDLERS,
            "scheduler": schedules.SCHEDULE_HANDLERS,
            "account": account.ACCOUNT_HANDLERS,
            "cloudwatch": Monitoring(world.invocations).handlers(),
        }
        self._streams = {
            "ConverseStream": self._runtime.converse_stream,
            "InvokeModelWithResponseStream": self._runtime.invoke_stream,
        }

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        try:
            answer = self._answer(environ)
        except ConnectionCutError:
            _drop(environ)
        reason = _REASONS.get(answer.status, "Unknown")
        headers = [*answer.headers, ("x-amzn-RequestId", str(uuid.uuid4()))]
        if isinstance(answer.body, bytes):
            if not any(name.lower() == "content-length" for name, _ in headers):
                headers = [*headers, ("Content-Length", str(len(answer.body)))]
            start_response(f"{answer.status} {reason}", headers)
            return [answer.body]
        start_response(f"{answer.status} {reason}", headers)
        return _flowing(answer.body, environ)

    # The door

    def _answer(self, environ: dict[str, Any]) -> Answer:
        incoming = _read(environ)
        refusal = self._refusal(environ, incoming)
        if refusal is not None:
            # A stranger's body is not kept; what is left of it ends with the connection.
            environ["wsgi.input"].read(min(_length(environ), _STRANGERS_BYTES))
            return _plain_error(incoming, refusal)
        incoming = replace(incoming, body=_body(environ))
        if incoming.raw_path == "/_sandbox/faults":
            return self._order_faults(incoming)
        try:
            return self._dispatch(incoming)
        except ServiceError as error:
            return _plain_error(incoming, error)

    def _refusal(self, environ: dict[str, Any], incoming: Incoming) -> ServiceError | None:
        if not _HOST.fullmatch(environ.get("HTTP_HOST", "")):
            return ServiceError("AccessDeniedException", "The sandbox answers on the loopback address only.", 403)
        if "HTTP_ORIGIN" in environ:
            return ServiceError("AccessDeniedException", "The sandbox does not answer browsers.", 403)
        found = _SCOPE.match(environ.get("HTTP_AUTHORIZATION", ""))
        if found is None:
            return ServiceError("MissingAuthenticationTokenException", "The request is not signed.", 403)
        if not hmac.compare_digest(found[1].encode(), self._key):
            message = "The security token included in the request is invalid."
            return ServiceError("UnrecognizedClientException", message, 403)
        if "X-Amz-Signature" in incoming.query:
            return ServiceError("AccessDeniedException", "The sandbox takes no presigned requests.", 403)
        # The decoded path is what moto goes by.
        path = environ.get("PATH_INFO", "")
        if path.startswith(("/moto-api", "/latest/")) or path == "/favicon.ico":
            return ServiceError("AccessDeniedException", "There is nothing here.", 403)
        return None

    def _order_faults(self, incoming: Incoming) -> Answer:
        headers = [("Content-Type", "application/json")]
        if incoming.method != "PUT":
            return Answer(405, headers, b'{"message":"PUT a list of faults"}')
        try:
            self.faults.replace(json.loads(incoming.body))
        except (TypeError, ValueError, AttributeError) as error:
            return Answer(400, headers, json.dumps({"message": str(error)}).encode())
        return Answer(200, headers, b"{}")

    # The services

    def _dispatch(self, incoming: Incoming) -> Answer:
        if incoming.service in _STORAGE:
            return self._serve_storage(incoming)
        target = incoming.environ.get("HTTP_X_AMZ_TARGET", "")
        for wire in self._wires(incoming.service):
            matched = wire.match(incoming.method, incoming.raw_path, target)
            if matched is not None:
                return self._serve_json(wire, incoming, *matched)
        raise ServiceError(
            "UnknownOperationException",
            f"The sandbox does not emulate {incoming.method} {incoming.raw_path} of {incoming.service}.",
            501,
        )

    def _wires(self, service: str) -> list[JsonWire]:
        if service == "bedrock":
            return [self._control, self._runtime_wire]
        if service in _MODEL_NAMES:
            return [JsonWire(_MODEL_NAMES[service])]
        return [JsonWire(service)] if service in ("pricing", "scheduler", "account") else []

    def _serve_json(self, wire: JsonWire, incoming: Incoming, operation: str, labels: dict[str, str]) -> Answer:
        try:
            handler = self._handlers[wire.name].get(operation)
            stream = self._streams.get(operation) if wire.name == "bedrock-runtime" else None
            if handler is None and stream is None:
                message = f"The sandbox does not emulate {wire.name}:{operation}."
                raise ServiceError("UnknownOperationException", message, 501)
            rule = self._record(wire.name, operation, incoming)
            call = wire.parse(operation, incoming.region, labels, incoming.query, incoming.headers, incoming.body)
            if rule is not None and rule.kind in ANSWER_KINDS:
                call.manner = rule.kind.value
            if operation in _NEEDS_STORAGE and not self.ready.wait(30):
                raise ServiceError("ServiceUnavailableException", "The sandbox is still starting.", 503)
            if stream is not None:
                return self._stream(stream(call), rule)
            assert handler is not None
            answer = wire.render(operation, handler(self.world, call))
            if rule is not None:
                after(rule)
            return answer
        except ServiceError as error:
            return wire.render_error(error, operation)
        except ConnectionCutError:
            raise
        except Exception as error:
            traceback.print_exc(file=sys.stderr)
            code, message = "InternalServerException", f"The sandbox failed: {type(error).__name__}: {error}"
            return wire.render_error(ServiceError(code, message, 500), operation)

    def _record(self, service: str, operation: str, incoming: Incoming) -> Rule | None:
        """Note the request and let an ordered fault happen; the rule is answered for what follows."""
        token = None if service in _STORAGE else _token(incoming.body)
        self.requests.append(RecordedRequest(service, operation, token))
        rule = self.faults.take(service, operation, incoming.body)
        if rule is not None:
            before(rule, self.faults, service)
        return rule

    def _stream(self, answer: Answer, rule: Rule | None) -> Answer:
        if rule is None or rule.kind not in STREAM_KINDS | {FaultKind.RESET_AFTER, FaultKind.ERROR_AFTER}:
            return answer
        after(rule)
        assert not isinstance(answer.body, bytes)
        return Answer(answer.status, answer.headers, in_stream(rule, self.faults, answer.body))

    def _serve_storage(self, incoming: Incoming) -> Answer:
        operation = self._storage.operation(incoming.service, incoming.environ, incoming.body)
        rule = self._record(incoming.service, operation, incoming)
        if not self.ready.wait(30):
            raise ServiceError("ServiceUnavailable", "The sandbox is still starting.", 503)
        if operation == "SimulatePrincipalPolicy":
            return simulation.simulate(self.world, incoming.body)
        answer = self._storage.serve(incoming.service, operation, incoming.environ, incoming.body)
        if rule is not None:
            after(rule)
        return answer


def _read(environ: dict[str, Any]) -> Incoming:
    raw = str(environ.get("RAW_URI") or environ.get("REQUEST_URI") or environ.get("PATH_INFO", "/"))
    path, _, query = raw.partition("?")
    found = _SCOPE.match(environ.get("HTTP_AUTHORIZATION", ""))
    region, service = (found[2], found[3]) if found else ("", "")
    return Incoming(environ, environ["REQUEST_METHOD"], path, query, b"", region, service)


def _length(environ: dict[str, Any]) -> int:
    text = str(environ.get("CONTENT_LENGTH") or "")
    return int(text) if text.isdecimal() else 0


def _body(environ: dict[str, Any]) -> bytes:
    # A body sent in chunks has no length, but an end.
    size = -1 if environ.get("wsgi.input_terminated") else _length(environ)
    return bytes(environ["wsgi.input"].read(size))


def _token(body: bytes) -> str | None:
    if b'"clientRequestToken"' not in body:
        return None
    try:
        token = json.loads(body).get("clientRequestToken")
    except (ValueError, AttributeError, RecursionError):
        return None
    return token if isinstance(token, str) else None


def _plain_error(incoming: Incoming, error: ServiceError) -> Answer:
    """An error in the format of the service that was asked."""
    status = error.status or 400
    if incoming.service == "s3" or (not incoming.service and "HTTP_X_AMZ_TARGET" not in incoming.environ):
        code = _S3_CODES.get(error.code, error.code)
        text = f"<Error><Code>{escape(code)}</Code><Message>{escape(error.message)}</Message></Error>"
        return Answer(status, [("Content-Type", "application/xml")], f'<?xml version="1.0"?>{text}'.encode())
    if incoming.environ.get("CONTENT_TYPE", "").startswith("application/x-www-form-urlencoded"):
        code = _QUERY_CODES.get(error.code, error.code)
        text = (
            f"<ErrorResponse><Error><Type>Sender</Type><Code>{escape(code)}</Code>"
            f"<Message>{escape(error.message)}</Message></Error></ErrorResponse>"
        )
        return Answer(status, [("Content-Type", "text/xml")], text.encode())
    headers = [("Content-Type", "application/json"), ("x-amzn-ErrorType", error.code)]
    return Answer(status, headers, json.dumps({"message": error.message, "__type": error.code}).encode())


_S3_CODES = {
    "AccessDeniedException": "AccessDenied",
    "MissingAuthenticationTokenException": "AccessDenied",
    "UnrecognizedClientException": "InvalidAccessKeyId",
    "InternalServerException": "InternalError",
    "UnknownOperationException": "NotImplemented",
}
_QUERY_CODES = {
    "AccessDeniedException": "AccessDenied",
    "ExpiredTokenException": "ExpiredToken",
    "UnrecognizedClientException": "InvalidClientTokenId",
    "ThrottlingException": "Throttling",
    "UnknownOperationException": "NotImplemented",
}


def _drop(environ: dict[str, Any]) -> None:
    """Close the client's connection without an answer."""
    connection: socket.socket | None = environ.get("werkzeug.socket")
    if connection is not None:
        connection.shutdown(socket.SHUT_RDWR)
    raise ConnectionResetError("dropped on purpose")


def _flowing(body: Iterator[bytes], environ: dict[str, Any]) -> Iterator[bytes]:
    try:
        yield from body
    except ConnectionCutError:
        _drop(environ)
    except Exception:
        traceback.print_exc(file=sys.stderr)
        _drop(environ)
    finally:
        close = getattr(body, "close", None)
        if close is not None:
            close()
