"""The API described: made from the same table that serves it."""

from __future__ import annotations

import json
import re
from functools import cache
from typing import Any, Final

from pydantic import BaseModel

from bot.api.endpoints import ENDPOINTS, Endpoint

PREFIX: Final = "/api/v1"
_NAMES: Final = re.compile(r"{(\w+)}")
_ERRORS: Final = {
    "400": "it cannot be read",
    "401": "nobody is signed in",
    "403": "not with these rights",
    "404": "there is no such thing",
    "409": "things stand differently by now",
    "413": "too large",
    "415": "not in this form",
    "422": "an argument is wrong: `field` names it",
    "429": "too often",
}


@cache
def document() -> bytes:
    """The file as it is served. It depends on the code alone; made when it is first asked for, because it takes as long as
    half of a start."""
    return json.dumps(describe(), ensure_ascii=False).encode()


def describe() -> dict[str, Any]:
    schemas: dict[str, Any] = {"Error": _ERROR}
    paths: dict[str, Any] = {}
    for one in ENDPOINTS:
        paths.setdefault(f"{PREFIX}{one.path}", {})[one.method.lower()] = _operation(one, schemas)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "LoopOS",
            "version": "1",
            "description": "The back office of a deskless service company. Each call acts with its person's rights.",
        },
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer", "description": "a token of audience api"},
                "cookie": {"type": "apiKey", "in": "cookie", "name": "loopos"},
            },
        },
        "security": [{"bearer": []}, {"cookie": []}],
    }


_ERROR: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["error"],
    "properties": {
        "error": {
            "type": "object",
            "required": ["code", "message"],
            "properties": {
                "code": {"type": "string"},
                "message": {"type": "string"},
                "field": {"type": "string"},
            },
        }
    },
}


def _operation(one: Endpoint, schemas: dict[str, Any]) -> dict[str, Any]:
    in_path = _NAMES.findall(one.path)
    request = one.request.model_json_schema(ref_template="#/components/schemas/{model}")
    fields, needed = request.get("properties", {}), request.get("required", [])
    rest = {name: schema for name, schema in fields.items() if name not in in_path}
    found: dict[str, Any] = {
        "operationId": f"{one.method.lower()}_{re.sub(r'[^a-z]+', '_', one.path.strip('/'))}".strip("_"),
        "summary": one.about,
        "description": f"Needs the scope `{one.scope.value}`.",
        "parameters": [
            {"name": name, "in": "path", "required": True, "schema": fields[name]} for name in in_path
        ],
        "responses": _responses(one, schemas),
    }
    if one.method == "GET":
        found["parameters"] += [
            {"name": name, "in": "query", "required": name in needed, "schema": schema}
            for name, schema in rest.items()
        ]
    elif one.method == "POST":
        body = {
            "type": "object",
            "properties": rest,
            "required": [name for name in needed if name in rest],
            "additionalProperties": False,
        }
        found["requestBody"] = {"required": True, "content": {"application/json": {"schema": body}}}
    return found


def _responses(one: Endpoint, schemas: dict[str, Any]) -> dict[str, Any]:
    good: dict[str, Any] = {"description": "done"}
    if one.result is not None:
        good["content"] = {"application/json": {"schema": _named(one.result, schemas)}}
    error = {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}
    return {
        str(one.status): good,
        **{code: {"description": about, "content": error} for code, about in _ERRORS.items()},
        "503": {"description": "try again in a moment", "content": error},
    }


def _named(model: type[BaseModel], schemas: dict[str, Any]) -> dict[str, str]:
    schema = model.model_json_schema(ref_template="#/components/schemas/{model}")
    schemas.update(schema.pop("$defs", {}))
    schemas[model.__name__] = schema
    return {"$ref": f"#/components/schemas/{model.__name__}"}
