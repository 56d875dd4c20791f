"""The OpenAPI document passes what redocly recommends; `make check` runs this too, and redocly itself where it is."""

import copy
import functools
import inspect
import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from app.main import create_app
from core.settings import Settings
from tests import openapi_rules as rules

REDOCLY = shutil.which("redocly")
RULES: dict[str, rules.Rule] = {
    name: rule
    for name, rule in vars(rules).items()
    if inspect.isfunction(rule) and list(inspect.signature(rule).parameters) == ["document"]
    if name not in ("operations", "schemas")
}
OPERATION: rules.Json = {
    "operationId": "read",
    "summary": "Read",
    "responses": {"200": {"description": "It."}, "404": {"description": "None."}},
}
SOUND: rules.Json = {
    "info": {"license": {"name": "MIT", "identifier": "MIT"}},
    "servers": [{"url": "/"}],
    "security": [],
    "tags": [{"name": "a", "description": "All."}],
    "paths": {"/a": {"get": OPERATION}},
    "components": {},
}


def broken(path: str, value: Any) -> rules.Json:
    """SOUND with something else at a path; of a value None, without it."""
    document = copy.deepcopy(SOUND)
    *way, last = path.split(".")
    where = functools.reduce(lambda found, part: found[part], way, document)
    if value is None:
        del where[last]
    else:
        where[last] = value
    return document


def with_schema(schema: rules.Json) -> rules.Json:
    content = {"application/json": {"schema": {"$ref": "#/components/schemas/A"}}}
    document = broken("paths./a", {"get": {**OPERATION, "requestBody": {"content": content}}})
    return {**document, "components": {"schemas": {"A": schema}}}


BROKEN: dict[str, rules.Json] = {
    "info_license": broken("info.license", None),
    "info_license_strict": broken("info.license", {"name": "MIT"}),
    "no_ambiguous_paths": broken("paths", {"/{a}/b": {}, "/a/{b}": {}}),
    "no_identical_paths": broken("paths", {"/{a}": {}, "/{b}": {}}),
    "path_not_include_query": broken("paths", {"/a?b": {}}),
    "path_declaration_must_exist": broken("paths", {"/a/{}": {}}),
    "no_path_trailing_slash": broken("paths", {"/a/": {}}),
    "no_empty_servers": broken("servers", []),
    "no_server_example_com": broken("servers", [{"url": "https://example.com"}]),
    "no_server_trailing_slash": broken("servers", [{"url": "/a/"}]),
    "no_undefined_server_variable": broken("servers", [{"url": "/{a}"}]),
    "no_server_variables_empty_enum": broken("servers", [{"url": "/{a}", "variables": {"a": {"enum": []}}}]),
    "operation_2xx_response": broken("paths./a.get.responses", {"404": {"description": "None."}}),
    "operation_4xx_response": broken("paths./a.get.responses", {"200": {"description": "It."}}),
    "operation_operation_id": broken("paths./a.get.operationId", None),
    "operation_operation_id_url_safe": broken("paths./a.get.operationId", "read it"),
    "operation_parameters_unique": broken("paths./a.get.parameters", [{"in": "query", "name": "a"}] * 2),
    "operation_summary": broken("paths./a.get.summary", None),
    "security_defined": broken("security", None),
    "tag_description": broken("tags", [{"name": "a"}]),
    "no_duplicated_tag_names": broken("tags", [{"name": "a", "description": "All."}] * 2),
    "spec_components_invalid_map_name": broken("components", {"schemas": {"A[B]": {}}}),
    "no_unused_components": broken("components", {"schemas": {"A": {}}}),
    "spec_ref_siblings": broken("paths./a.get.requestBody", {"$ref": "#/components/requestBodies/A", "required": True}),
    "no_unsafe_markdown": broken("paths./a.get.description", "<script>alert()</script>"),
    "no_enum_type_mismatch": with_schema({"type": "string", "enum": [1]}),
    "no_duplicated_enum_values": with_schema({"enum": ["a", "a"]}),
    "no_schema_type_mismatch": with_schema({"type": "string", "items": {}}),
    "no_required_schema_properties_undefined": with_schema({"properties": {}, "required": ["a"]}),
    "no_mixed_number_range_constraints": with_schema({"type": "number", "minimum": 0, "exclusiveMinimum": 0}),
    "no_illogical_composition_keywords": with_schema({"anyOf": [{"type": "null"}] * 2}),
    "no_invalid_examples": with_schema({"type": "string", "examples": [1]}),
    "no_example_value_and_external_value": broken("components", {"examples": {"a": {"value": 1, "externalValue": ""}}}),
}


@functools.cache
def document() -> rules.Json:
    return create_app(Settings()).openapi()


@pytest.mark.parametrize("name", RULES)
def test_the_document_keeps_a_rule(name: str) -> None:
    assert list(RULES[name](document())) == []


@pytest.mark.parametrize("name", RULES)
def test_a_rule_notices_what_breaks_it_and_nothing_else(name: str) -> None:
    assert list(RULES[name](SOUND)) == []
    assert list(RULES[name](BROKEN[name]))


@pytest.mark.skipif(REDOCLY is None, reason="redocly is not here (npm install --global @redocly/cli)")
def test_redocly_has_nothing_to_say(tmp_path: Path) -> None:
    (tmp_path / "openapi.json").write_text(json.dumps(document()))

    order = [str(REDOCLY), "lint", "--extends=recommended", "--format=json", "openapi.json"]
    done = subprocess.run(order, cwd=tmp_path, capture_output=True, text=True, timeout=300)

    assert json.loads(done.stdout[done.stdout.index("{") :])["totals"] == {"errors": 0, "warnings": 0, "ignored": 0}
