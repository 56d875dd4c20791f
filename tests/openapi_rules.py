"""The rules that redocly recommends for OpenAPI 3.1, one by one, so that `make check` needs no Node. Knows no route.

Each takes a document and yields what breaks it. What `openapi-spec-validator` holds already (the structure, references,
parameters of a path, operation ids that are there twice) is not said again.
"""

import re
from collections.abc import Callable, Iterator
from typing import Any

from openapi_schema_validator import OAS31Validator

Json = dict[str, Any]
Rule = Callable[[Json], Iterator[str]]

METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")
URL_SAFE = re.compile(r"[A-Za-z0-9\-._~:/?#\[\]@!$&'()*+,;=]+")
COMPONENT = re.compile(r"[A-Za-z0-9.\-_]+")
UNSAFE_MARKDOWN = re.compile(r"<\s*(script|iframe|object|embed|style)\b|javascript:|\son\w+\s*=", re.I)
PYTHON_TYPES: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "null": (type(None),),
    "array": (list,),
    "object": (dict,),
}
MEANT_FOR = {  # keywords that say something of one type alone
    "string": ("minLength", "maxLength", "pattern"),
    "array": ("items", "minItems", "maxItems", "uniqueItems"),
    "object": ("properties", "additionalProperties", "minProperties", "maxProperties", "required"),
    "number": ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"),
}


def operations(document: Json) -> Iterator[tuple[str, Json]]:
    for path, item in document["paths"].items():
        yield from ((f"{method.upper()} {path}", item[method]) for method in METHODS if method in item)


def nodes(value: Any, path: str = "#") -> Iterator[tuple[str, Json]]:
    """Every object of the document, but for values that examples and defaults hold."""
    if isinstance(value, dict):
        yield path, value
        for key, inner in value.items():
            if key not in ("example", "examples", "default", "value", "const", "enum") or path == "#/components":
                yield from nodes(inner, f"{path}/{key}")
    elif isinstance(value, list):
        for i, inner in enumerate(value):
            yield from nodes(inner, f"{path}/{i}")


def schemas(document: Json) -> Iterator[tuple[str, Json]]:
    for path, node in nodes(document):
        if (
            "/schema" in path
            and not path.endswith("/properties")
            and ("type" in node or "properties" in node or "enum" in node)
        ):
            yield path, node


def info_license(document: Json) -> Iterator[str]:
    if not document["info"].get("license", {}).get("name"):
        yield "info has no license"


def info_license_strict(document: Json) -> Iterator[str]:
    licence = document["info"].get("license", {})
    if not ("url" in licence or "identifier" in licence):
        yield "the license has neither url nor identifier"


def no_ambiguous_paths(document: Json) -> Iterator[str]:
    """Two paths of which one address could be either; one that is written out beside a parameter is meant to win."""
    paths = [[part.startswith("{") or part for part in path.split("/")] for path in document["paths"]]
    for i, one in enumerate(paths):
        for other in paths[:i]:
            pairs = list(zip(one, other, strict=False)) if len(one) == len(other) else []
            if pairs and all(a == b or True in (a, b) for a, b in pairs):
                wider = {a is True for a, b in pairs if (a is True) != (b is True)}
                if len(wider) == 2:
                    yield f"{one} and {other}"


def no_identical_paths(document: Json) -> Iterator[str]:
    seen = set[str]()
    for path in document["paths"]:
        bare = re.sub(r"\{[^}]*\}", "{}", path)
        if bare in seen:
            yield path
        seen.add(bare)


def path_not_include_query(document: Json) -> Iterator[str]:
    yield from (path for path in document["paths"] if "?" in path)


def path_declaration_must_exist(document: Json) -> Iterator[str]:
    yield from (path for path in document["paths"] if "{}" in path)


def no_path_trailing_slash(document: Json) -> Iterator[str]:
    yield from (path for path in document["paths"] if path != "/" and path.endswith("/"))


def no_empty_servers(document: Json) -> Iterator[str]:
    if not document.get("servers"):
        yield "no servers"


def no_server_example_com(document: Json) -> Iterator[str]:
    yield from (s["url"] for s in document["servers"] if re.search(r"\bexample\.(com|org)|localhost", s["url"]))


def no_server_trailing_slash(document: Json) -> Iterator[str]:
    yield from (s["url"] for s in document["servers"] if s["url"] != "/" and s["url"].endswith("/"))


def no_undefined_server_variable(document: Json) -> Iterator[str]:
    for server in document["servers"]:
        if set(re.findall(r"\{(\w+)\}", server["url"])) != server.get("variables", {}).keys():
            yield server["url"]


def no_server_variables_empty_enum(document: Json) -> Iterator[str]:
    for server in document["servers"]:
        yield from (name for name, v in server.get("variables", {}).items() if v.get("enum") == [])


def operation_2xx_response(document: Json) -> Iterator[str]:
    yield from (name for name, each in operations(document) if not any(code[0] == "2" for code in each["responses"]))


def operation_4xx_response(document: Json) -> Iterator[str]:
    yield from (name for name, each in operations(document) if not any(code[0] == "4" for code in each["responses"]))


def operation_operation_id(document: Json) -> Iterator[str]:
    yield from (name for name, each in operations(document) if not each.get("operationId"))


def operation_operation_id_url_safe(document: Json) -> Iterator[str]:
    yield from (n for n, each in operations(document) if not URL_SAFE.fullmatch(each.get("operationId", "-")))


def operation_parameters_unique(document: Json) -> Iterator[str]:
    for name, each in operations(document):
        told = [(parameter["in"], parameter["name"]) for parameter in each.get("parameters", [])]
        if len(told) != len(set(told)):
            yield name


def operation_summary(document: Json) -> Iterator[str]:
    yield from (name for name, each in operations(document) if not each.get("summary"))


def security_defined(document: Json) -> Iterator[str]:
    schemes = document.get("components", {}).get("securitySchemes", {})
    for name, each in operations(document):
        wanted = each.get("security", document.get("security"))
        if wanted is None or any(scheme not in schemes for choice in wanted for scheme in choice):
            yield name


def tag_description(document: Json) -> Iterator[str]:
    yield from (tag["name"] for tag in document.get("tags", []) if not tag.get("description"))


def no_duplicated_tag_names(document: Json) -> Iterator[str]:
    names = [tag["name"] for tag in document.get("tags", [])]
    yield from (name for name in set(names) if names.count(name) > 1)


def spec_components_invalid_map_name(document: Json) -> Iterator[str]:
    for kind in document["components"].values():
        yield from (name for name in kind if not COMPONENT.fullmatch(name))


def no_unused_components(document: Json) -> Iterator[str]:
    used = {node["$ref"] for _, node in nodes(document) if isinstance(node.get("$ref"), str)}
    used |= {
        example["$ref"]
        for _, node in nodes(document)
        if isinstance(node.get("examples"), dict)
        for example in node["examples"].values()
        if "$ref" in example
    }
    for kind, named in document["components"].items():
        yield from (name for name in named if kind != "securitySchemes" and f"#/components/{kind}/{name}" not in used)


def spec_ref_siblings(document: Json) -> Iterator[str]:
    """In 3.1 a schema may say more beside a reference; nothing else may."""
    for path, node in nodes(document):
        if "$ref" in node and len(node.keys() - {"$ref", "summary", "description"}) and "/schema" not in path:
            yield path


def no_unsafe_markdown(document: Json) -> Iterator[str]:
    for path, node in nodes(document):
        if isinstance(text := node.get("description"), str) and UNSAFE_MARKDOWN.search(text):
            yield path


def no_enum_type_mismatch(document: Json) -> Iterator[str]:
    for path, schema in schemas(document):
        kinds = tuple(k for name in _types(schema) for k in PYTHON_TYPES[name])
        if kinds and any(not isinstance(value, kinds) for value in schema.get("enum", [])):
            yield path


def no_duplicated_enum_values(document: Json) -> Iterator[str]:
    for path, schema in schemas(document):
        values = [repr(value) for value in schema.get("enum", [])]
        if len(values) != len(set(values)):
            yield path


def no_schema_type_mismatch(document: Json) -> Iterator[str]:
    for path, schema in schemas(document):
        types = {"number" if name == "integer" else name for name in _types(schema)}
        for name, keywords in MEANT_FOR.items():
            if types and name not in types and schema.keys() & set(keywords):
                yield f"{path}: {name}"


def no_required_schema_properties_undefined(document: Json) -> Iterator[str]:
    for path, schema in schemas(document):
        if "properties" in schema and set(schema.get("required", [])) - schema["properties"].keys():
            yield path


def no_mixed_number_range_constraints(document: Json) -> Iterator[str]:
    for path, schema in schemas(document):
        for end in ("Minimum", "Maximum"):
            if {end.lower(), f"exclusive{end}"} <= schema.keys():
                yield path


def no_illogical_composition_keywords(document: Json) -> Iterator[str]:
    for path, node in nodes(document):
        for word in ("oneOf", "anyOf", "allOf"):
            choices = [repr(choice) for choice in node.get(word, [])] if "/schema" in path else []
            if word in node and "/schema" in path and (not choices or len(choices) != len(set(choices))):
                yield f"{path}/{word}"


def no_invalid_examples(document: Json) -> Iterator[str]:
    """Of schemas, parameters and media types."""
    parts = {"components": document["components"]}
    for path, node in nodes(document):
        schema = node.get("schema", node if "/schema" in path else None)
        examples = node.get("examples", [node["example"]] if "example" in node else [])
        if isinstance(examples, dict):
            examples = [_resolved(document, each).get("value") for each in examples.values()]
        if isinstance(schema, dict):
            checker = OAS31Validator({**schema, **parts})
            yield from (f"{path}: {value!r:.80}" for value in examples if not checker.is_valid(value))


def no_example_value_and_external_value(document: Json) -> Iterator[str]:
    for name, example in document["components"].get("examples", {}).items():
        if {"value", "externalValue"} <= example.keys():
            yield name


def _types(schema: Json) -> list[str]:
    kind = schema.get("type", [])
    return kind if isinstance(kind, list) else [kind]


def _resolved(document: Json, value: Json) -> Json:
    found: Any = document
    for part in value["$ref"].removeprefix("#/").split("/") if "$ref" in value else ():
        found = found[part]
    return found if "$ref" in value else value
