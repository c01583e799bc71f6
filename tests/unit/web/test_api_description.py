from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from openapi_spec_validator import validate

from feedsrv.web.api.browsing import POLICY
from feedsrv.web.api.glossary import MEANINGS
from tests.programs import Programs, said

ENOUGH = {"enum", "const", "maxLength", "pattern", "format", "$ref"}
"""What bounds a text."""


@pytest.fixture
def description(programs: Programs) -> dict[str, Any]:
    """What the API says of itself, to whoever asks."""
    return said(programs.app.test_client().get("/api/openapi.json"))


class TestTheDescription:
    """OpenAPI 3.1, made from the code, and complete."""

    def test_it_is_valid(self, description: dict[str, Any]) -> None:
        """By the grammar of OpenAPI itself."""
        validate(description)

        assert description["openapi"].startswith("3.1")
        assert description["info"]["title"]

    def test_it_tells_of_every_path_that_answers(
        self, programs: Programs, description: dict[str, Any]
    ) -> None:
        """No operation is hidden."""
        rules = {
            (rule.rule.replace("<", "{").replace(">", "}"), method.lower())
            for rule in programs.app.url_map.iter_rules()
            for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
            if rule.rule.startswith("/api/v1/")
        }

        told = {(path, method) for path, methods in description["paths"].items() for method in methods}

        assert told == rules

    def test_every_member_and_parameter_is_explained(self, description: dict[str, Any]) -> None:
        """Nobody has to guess what a word means."""
        for name, schema in description["components"]["schemas"].items():
            for member, told in schema.get("properties", {}).items():
                assert told.get("description"), f"{name}.{member}"
        for path, method, operation in operations(description):
            assert operation["summary"], f"{method} {path}"
            for parameter in operation.get("parameters", ()):
                assert parameter["description"], f"{method} {path} {parameter['name']}"

    def test_no_word_of_the_glossary_is_idle(self, programs: Programs, description: dict[str, Any]) -> None:
        """What is explained there is said somewhere."""
        del programs
        members = {
            member
            for schema in description["components"]["schemas"].values()
            for member in schema.get("properties", {})
        }
        members |= {
            parameter["name"]
            for _, _, operation in operations(description)
            for parameter in operation.get("parameters", ())
        }

        assert MEANINGS.keys() <= members

    def test_whatever_comes_in_is_bounded(self, description: dict[str, Any]) -> None:
        """Every text has a longest, every list a most, every number a range."""
        schemas = description["components"]["schemas"]
        for path, method, operation in operations(description):
            for parameter in operation.get("parameters", ()):
                for problem in unbounded(parameter["schema"], schemas):
                    pytest.fail(f"{method} {path}: {parameter['name']} {problem}")
            for media_type, told in operation.get("requestBody", {}).get("content", {}).items():
                if media_type == "application/json":
                    for problem in unbounded(told["schema"], schemas):
                        pytest.fail(f"{method} {path}: {problem}")

    def test_every_operation_says_how_it_refuses(self, description: dict[str, Any]) -> None:
        """As problems, and only so."""
        for path, method, operation in operations(description):
            for status, answer in operation["responses"].items():
                if status >= "400":
                    assert set(answer["content"]) == {"application/problem+json"}, f"{method} {path} {status}"
            assert {"401", "403", "422", "429"} <= set(operation["responses"])


class TestThePage:
    """The description can be browsed without a request to anywhere else."""

    def test_nothing_of_it_is_inline_or_from_elsewhere(self, programs: Programs) -> None:
        """Its policy allows neither; every file it names is served beside it."""
        client = programs.app.test_client()

        answer = client.get("/api/")
        page = answer.get_data(as_text=True)

        assert answer.headers["Content-Security-Policy"] == POLICY
        assert "unsafe" not in POLICY
        assert "http://" not in page
        assert "https://" not in page
        assert "style=" not in page
        for name in ("swagger-ui-bundle.js", "swagger-ui.css", "favicon-32x32.png", "api.js", "api.css"):
            assert f"page/{name}" in page
            beside = client.get(f"/api/page/{name}")
            assert beside.status_code == 200
            assert beside.headers["X-Content-Type-Options"] == "nosniff"

    @pytest.mark.parametrize("name", ["../door.py", "swagger-ui-bundle.js.map", "LICENSE", "%2e%2e/api.js"])
    def test_no_other_file_is_served(self, programs: Programs, name: str) -> None:
        """404."""
        assert programs.app.test_client().get(f"/api/page/{name}").status_code == 404


def operations(description: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Each operation with its path and method."""
    for path, methods in description["paths"].items():
        for method, operation in methods.items():
            yield path, method, operation


def unbounded(
    schema: Mapping[str, Any], schemas: Mapping[str, Any], seen: frozenset[str] = frozenset(), where: str = ""
) -> Iterator[str]:
    """What could be as long or as large as anybody likes."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        if name not in seen:
            yield from unbounded(schemas[name], schemas, seen | {name}, f"{where} {name}")
        return
    kind = schema.get("type")
    if kind == "string" and not ENOUGH & schema.keys():
        yield f"{where}: a text without an end"
    if kind == "array":
        if "maxItems" not in schema:
            yield f"{where}: a list without an end"
        yield from unbounded(schema["items"], schemas, seen, f"{where}[]")
    if kind in {"integer", "number"} and not {"minimum", "maximum"} <= schema.keys():
        yield f"{where}: a number without bounds"
    for choice in (*schema.get("anyOf", ()), *schema.get("oneOf", ())):
        yield from unbounded(choice, schemas, seen, where)
    for name, told in schema.get("properties", {}).items():
        yield from unbounded(told, schemas, seen, f"{where}.{name}")
