"""Values held to the shapes of botocore's service models: what boto3 does not check and AWS does."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

# The model's own pattern backtracks exponentially; this one accepts the same names in linear time.
_SAFE_PATTERNS = {
    "JobName": r"[a-zA-Z0-9][a-zA-Z0-9+\-.]*",
    "CustomModelName": r"(?:[0-9a-zA-Z][_-]?)+",
    "ProvisionedModelName": r"(?:[0-9a-zA-Z][_-]?)+",
    "ModelDeploymentName": r"(?:[0-9a-zA-Z][_-]?)+",
    "EvaluationJobName": r"[a-z0-9](?:-*[a-z0-9])*",
}
# Patterns are run on texts up to this length only: the alternatives of an ARN's pattern backtrack polynomially.
_LONGEST_MATCHED = 2048
# The service itself sends brand names longer than its model says.
_LENGTH_NOT_KEPT = {"BrandedName"}
# Sent empty in recorded answers.
_EMPTY_IN_REALITY = {"ModelName"}
# Values the service sends although the model does not list them.
_VALUES_IN_REALITY = {
    "InferenceType": {"INFERENCE_PROFILE"},
    # The User Guide's jobs with a judge ("Create a model evaluation job using built-in metrics") are of this type.
    "EvaluationTaskType": {"General"},
}
# Absent in recorded answers of jobs without validation data, although the model requires it.
_ABSENT_IN_REALITY = {("GetModelCustomizationJobResponse", "validationDataConfig")}

_TYPES: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "long": (int,),
    "float": (int, float),
    "double": (int, float),
    "boolean": (bool,),
    "timestamp": (int, float),
    "blob": (bytes, bytearray),
    "list": (list, tuple),
    "map": (dict,),
    "structure": (dict,),
}


def _has_type(kind: str, value: Any) -> bool:
    return isinstance(value, _TYPES[kind]) and (kind == "boolean" or not isinstance(value, bool))


@lru_cache(maxsize=4096)
def _matches(name: str, pattern: str, text: str) -> bool:
    return re.fullmatch(_SAFE_PATTERNS.get(name, pattern), text) is not None


def problems(shape: Any, value: Any, path: str = "") -> list[str]:
    """Every way in which a value breaks its shape: types, required and unknown members, ranges, patterns, enums."""
    kind: str = shape.type_name
    where = path or shape.name
    if kind == "structure" and getattr(shape, "is_document_type", False):
        return []
    if not _has_type(kind, value):
        return [f"Value at '{where}' failed to satisfy constraint: Member must be a {kind}"]
    if kind == "structure":
        return _structure_problems(shape, value, path)
    if value == "" and shape.name in _EMPTY_IN_REALITY:
        return []
    found = _range_problems(shape, value, where)
    if kind == "list":
        for number, item in enumerate(value, 1):
            found += problems(shape.member, item, f"{where}.{number}.member")
    elif kind == "map":
        for key, item in value.items():
            found += problems(shape.key, key, f"{where}.key")
            found += problems(shape.value, item, f"{where}.{key}.value")
    elif kind == "string":
        found += _text_problems(shape, value, where)
    return found


def _structure_problems(shape: Any, value: Mapping[str, Any], path: str) -> list[str]:
    found = []
    if getattr(shape, "is_tagged_union", False) and len(value) != 1:
        found.append(f"Value at '{path}' failed to satisfy constraint: Member must have exactly one value set")
    for name in shape.required_members:
        if name not in value and (shape.name, name) not in _ABSENT_IN_REALITY:
            where = f"{path}.{name}" if path else name
            found.append(f"Value at '{where}' failed to satisfy constraint: Member must not be null")
    for name, item in value.items():
        where = f"{path}.{name}" if path else name
        member = shape.members.get(name)
        if member is None:
            found.append(f"Member '{where}' is not known")
        else:
            found += problems(member, item, where)
    return found


def _range_problems(shape: Any, value: Any, where: str) -> list[str]:
    low, high = shape.metadata.get("min"), shape.metadata.get("max")
    if shape.name in _LENGTH_NOT_KEPT:
        low = high = None
    if low is None and high is None:
        return []
    found = []
    if shape.type_name in ("string", "list", "map", "blob"):
        size, noun = len(value), "length"
    elif shape.type_name in ("integer", "long", "float", "double"):
        size, noun = value, "value"
    else:
        return []
    if low is not None and size < low:
        found.append(f"Value {_shown(value)} at '{where}' failed to satisfy constraint: {_bound(noun, 'greater', low)}")
    if high is not None and size > high:
        found.append(f"Value {_shown(value)} at '{where}' failed to satisfy constraint: {_bound(noun, 'less', high)}")
    return found


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 200 else text[:197] + "..."


def _bound(noun: str, relation: str, limit: float) -> str:
    subject = "Member must have length" if noun == "length" else "Member must have value"
    return f"{subject} {relation} than or equal to {limit}"


def _text_problems(shape: Any, value: str, where: str) -> list[str]:
    enum = getattr(shape, "enum", None)
    pattern = shape.metadata.get("pattern")
    if not enum and not pattern:
        return []
    start = f"Value {_shown(value)} at '{where}' failed to satisfy constraint: "
    if enum and value not in enum and value not in _VALUES_IN_REALITY.get(shape.name, ()):
        return [start + f"Member must satisfy enum value set: [{', '.join(enum)}]"]
    if pattern and len(value) <= _LONGEST_MATCHED and not _matches(shape.name, pattern, value):
        return [start + f"Member must satisfy regular expression pattern: {pattern}"]
    if pattern and len(value) > _LONGEST_MATCHED:
        return [start + f"Member must have length less than or equal to {_LONGEST_MATCHED}"]
    return []
