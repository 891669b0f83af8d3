"""Requests and answers are held to the service models."""

from __future__ import annotations

import re
import time
from typing import Any

import pytest
from botocore.eventstream import EventStreamBuffer
from botocore.exceptions import ClientError
from hypothesis import given
from hypothesis import strategies as st

from tests.sandbox.conftest import Scene, code_of
from tui.sandbox import pricing, quotas, wsgi
from tui.sandbox.eventstream import encode_event, encode_exception
from tui.sandbox.shapes import problems
from tui.sandbox.wire import JsonWire, service_model

MODEL_NAME_PATTERNS = [
    ("CustomModelName", r"([0-9a-zA-Z][_-]?){1,63}"),
    ("ProvisionedModelName", r"([0-9a-zA-Z][_-]?)+"),
]


def _shape(name: str) -> Any:
    return service_model("bedrock").shape_for(name)


@given(st.text(alphabet="aZ9+-._! ", min_size=1, max_size=14))
def test_the_safe_pattern_of_job_names_is_the_services_own(name: str) -> None:
    own = re.fullmatch(_shape("JobName").metadata["pattern"], name) is not None
    assert (problems(_shape("JobName"), name) == []) is own


@pytest.mark.parametrize(("shape", "pattern"), MODEL_NAME_PATTERNS)
@given(name=st.text(alphabet="aZ9-_!", min_size=1, max_size=14))
def test_the_safe_patterns_of_other_names_are_too(shape: str, pattern: str, name: str) -> None:
    assert (problems(_shape(shape), name) == []) is (re.fullmatch(pattern, name) is not None)


@pytest.mark.parametrize(
    ("shape", "text"),
    [
        ("JobName", "a" + "-" * 61 + "!"),
        ("CustomModelName", "a" * 62 + "!"),
        ("S3Uri", "s3://" + "a" * 63 + "/" + "a/" * 470 + " "),
        ("ModelIdentifier", "arn:aws:bedrock:us-west-2::foundation-model/" + "a" * 2000 + "!"),
        ("BaseModelIdentifier", "a" * 63 + "." + "a" * 1900 + "!"),
        ("ProvisionedModelId", "a-" * 5000 + "!"),
        ("TaggableResourcesArn", "a" * 1010 + "!"),
    ],
)
def test_no_pattern_takes_long(shape: str, text: str) -> None:
    began = time.thread_time()
    assert problems(_shape(shape), text)
    assert time.thread_time() - began < 5  # some milliseconds, or for ever


@pytest.mark.parametrize(
    ("answer", "part"),
    [
        ({"jobArn": "arn:aws:bedrock:us-west-2:1:x"}, "regular expression pattern"),
        ({}, "'jobArn' failed to satisfy constraint: Member must not be null"),
        ({"jobArn": 5}, "must be a string"),
        ({"jobArn": "arn", "more": 1}, "'more' is not known"),
    ],
)
def test_an_answer_that_breaks_its_shape_is_found(answer: dict[str, Any], part: str) -> None:
    found = problems(_shape("CreateModelCustomizationJobResponse"), answer)
    assert any(part in item for item in found)


def test_no_wrong_answer_ever_leaves(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(wsgi.CONTROL_HANDLERS, "ListCustomModels", lambda world, call: {"modelSummaries": [{}]})
    with pytest.raises(ClientError) as error:
        scene.bedrock.list_custom_models()
    assert code_of(error) == "InternalServerException"


def test_a_defect_is_an_internal_error_and_is_seen(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(wsgi.CONTROL_HANDLERS, "ListCustomModels", lambda world, call: 1 / 0)
    with pytest.raises(ClientError) as error:
        scene.bedrock.list_custom_models()
    assert code_of(error) == "InternalServerException"
    assert "ZeroDivisionError" in capfd.readouterr().err


def test_every_handler_is_an_operation_of_its_service() -> None:
    for name, handlers in (
        ("bedrock", wsgi.CONTROL_HANDLERS),
        ("service-quotas", quotas.QUOTA_HANDLERS),
        ("pricing", pricing.PRICING_HANDLERS),
    ):
        assert set(handlers) <= set(JsonWire(name).model.operation_names)


def test_paths_are_matched_as_they_were_sent() -> None:
    wire = JsonWire("bedrock")
    arn = "arn:aws:bedrock:us-west-2:123456789012:custom-model/a.b/abcdefghijkl"
    encoded = arn.replace(":", "%3A").replace("/", "%2F")
    assert wire.match("GET", f"/custom-models/{encoded}", "") == ("GetCustomModel", {"modelIdentifier": arn})
    assert wire.match("GET", f"/custom-models/{arn}", "") is None
    assert wire.match("PATCH", "/custom-models", "") is None


@given(st.text(max_size=50))
def test_frames_can_be_read_by_botocore(text: str) -> None:
    payload = text.encode("utf-8", "replace")
    buffer = EventStreamBuffer()
    buffer.add_data(encode_event("contentBlockDelta", payload) + encode_exception("throttlingException", b"{}"))
    event, exception = list(buffer)
    assert event.payload == payload
    assert event.headers[":event-type"] == "contentBlockDelta"
    assert exception.headers[":message-type"] == "exception"
