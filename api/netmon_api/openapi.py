"""The OpenAPI 3.1 document, made from the route table and the models that validate."""

import asyncio
import re
from collections.abc import Mapping, Sequence
from typing import Any

import orjson
from aiohttp import web
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from netmon_api.auth import Access
from netmon_api.envelope import json_response
from netmon_api.messages import ClientMessage, ServerMessage
from netmon_api.models import ErrorAnswer, NoQuery, Query
from netmon_api.routes import Call, Route
from netmon_proto import __version__

_REF = "#/components/schemas/{model}"
Schemas = Mapping[Any, dict[str, Any]]
"""Models, and what refers to each one's schema."""


async def show(call: Call[NoQuery]) -> web.Response:
    return json_response(await asyncio.to_thread(lambda: orjson.dumps(document(call.routes))))


def document(routes: Sequence[Route]) -> dict[str, Any]:
    """The whole API as an OpenAPI 3.1 document."""
    answers = [route.answer for route in routes if route.answer is not None and not isinstance(route.answer, str)]
    models: dict[type[BaseModel], None] = dict.fromkeys([*answers, ErrorAnswer, ClientMessage, ServerMessage])
    bodies = dict.fromkeys(route.body for route in routes if route.body is not None)
    schemas, definitions = models_json_schema(
        [*((model, "serialization") for model in models), *((body, "validation") for body in bodies)],
        ref_template=_REF,
    )
    known = {model: schema for (model, _), schema in schemas.items()}
    paths: dict[str, dict[str, Any]] = {}
    for route in routes:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route, known)
    return {
        "openapi": "3.1.0",
        "info": {"title": "netmon", "version": __version__},
        "paths": paths,
        "components": {
            "schemas": definitions["$defs"],
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
    }


def _operation(route: Route, schemas: Schemas) -> dict[str, Any]:
    handler = getattr(route.handler, "__name__", "")
    body = {"requestBody": _body(route.takes)} if route.takes else {}
    if route.body is not None:
        body = {"requestBody": {"required": True, "content": {"application/json": {"schema": schemas[route.body]}}}}
    return {
        "operationId": handler if route.method == "GET" else f"{handler}_by_{route.method.lower()}",
        "summary": route.summary,
        "parameters": _path_parameters(route.path) + _query_parameters(route.query),
        "security": [] if route.access is Access.PUBLIC else [{"token": []}],
        **body,
        "responses": _responses(route, schemas),
    }


def _body(media: str) -> dict[str, Any]:
    return {"required": True, "content": {media: {"schema": {"type": "string"}}}}


def _responses(route: Route, schemas: Schemas) -> dict[str, Any]:
    also = {str(status): _content(text, "text/plain", {"type": "string"}) for status, text in route.also.items()}
    return {**_success(route, schemas), **also, "default": _json("Any error", schemas[ErrorAnswer])}


def _success(route: Route, schemas: Schemas) -> dict[str, Any]:
    if route.answer is None and route.access is not Access.SOCKET:
        return {"204": {"description": "Everything is stored, on disk." if route.takes else route.summary}}
    if route.answer is None:
        text = "A WebSocket. The client sends ClientMessage, and hears ServerMessage, each as JSON text."
        return {"101": {"description": text}}
    if isinstance(route.answer, str):
        kind = "object" if route.answer == "application/json" else "string"
        return {"200": _content(route.summary, route.answer, {"type": kind})}
    return {"200": _json(route.summary, schemas[route.answer])}


def _json(description: str, schema: Mapping[str, Any]) -> dict[str, Any]:
    return _content(description, "application/json", schema)


def _content(description: str, media: str, schema: Mapping[str, Any]) -> dict[str, Any]:
    return {"description": description, "content": {media: {"schema": schema}}}


def _path_parameters(path: str) -> list[dict[str, Any]]:
    names = re.findall(r"{(\w+)}", path)
    return [{"name": name, "in": "path", "required": True, "schema": {"type": "string"}} for name in names]


def _query_parameters(query: type[Query]) -> list[dict[str, Any]]:
    schema = query.model_json_schema(mode="validation")
    required = schema.get("required", [])
    return [
        {"name": name, "in": "query", "required": name in required, "schema": one}
        for name, one in schema.get("properties", {}).items()
    ]
