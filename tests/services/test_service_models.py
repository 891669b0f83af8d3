"""botocore reads its own descriptions of the services, without the text that is for people."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import botocore.session
from botocore.loaders import JSONFileLoader

from tui.services.service_models import read_leanly


def lean_loader() -> Any:
    session = botocore.session.Session()
    read_leanly(session)
    return session.get_component("data_loader")


def without_texts(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: "" if k == "documentation" and isinstance(v, str) else without_texts(v) for k, v in value.items()}
    return [without_texts(inner) for inner in value] if isinstance(value, list) else value


def test_a_service_is_described_as_by_botocore_itself() -> None:
    loader = lean_loader()
    found, path = loader.load_data_with_path("bedrock-runtime/2023-09-30/service-2")
    own = JSONFileLoader().load_file(path)
    assert found == without_texts(own) != own
    assert list(found["shapes"]) == list(own["shapes"])
    assert loader.is_builtin_path(path)
    assert "bedrock" in loader.list_available_services("service-2")
    assert loader.load_service_model("bedrock-runtime", "service-2")["operations"]


def test_files_of_either_kind_and_none(tmp_path: Path) -> None:
    files = lean_loader().file_loader
    described = {"documentation": "words", "members": {"documentation": {"shape": "Text"}}}
    lean = described | {"documentation": ""}
    (tmp_path / "plain.json").write_text(json.dumps(described))
    (tmp_path / "packed.json.gz").write_bytes(gzip.compress(json.dumps(described).encode()))
    for name in ("plain", "packed"):
        assert files.exists(str(tmp_path / name))
        assert files.load_file(str(tmp_path / name)) == lean
    assert not files.exists(str(tmp_path / "none"))
    assert files.load_file(str(tmp_path / "none")) is None
