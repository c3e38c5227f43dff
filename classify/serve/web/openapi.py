"""The description of the service for programs, in the form of OpenAPI 3.1."""

from __future__ import annotations

from importlib import metadata
from typing import Any

from classify.serve.settings import ServeSettings

Schema = dict[str, Any]

_TEXT: Schema = {"type": "string"}
_NUMBER: Schema = {"type": "number"}
_WHOLE: Schema = {"type": "integer"}


def _object(required: str = "", **fields: Schema) -> Schema:
    return {"type": "object", "properties": fields, "required": required.split() if required else list(fields)}


def _list(of: Schema) -> Schema:
    return {"type": "array", "items": of}


def _ref(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


_SCHEMAS: Schema = {
    "Error": _object(status=_WHOLE, code=_TEXT, message=_TEXT),
    "Alive": _object(status=_WHOLE),
    "Address": _object(
        url={"type": "string", "description": "http or https", "examples": ["https://example.org/a.jpg"]}
    ),
    "OldAnswer": _object(status=_WHOLE, req={"type": "object"}, url=_TEXT, predict=_TEXT),
    "Prediction": _object(label=_TEXT, probability={"type": "number", "minimum": 0, "maximum": 1}),
    "Similar": _object(name=_TEXT, similarity=_NUMBER, artist=_TEXT, year=_TEXT, label=_TEXT, thumbnail=_TEXT),
    "Picture": _object(
        "picture",
        picture={"type": "string", "description": "its file's name or address, as it was sent"},
        predictions=_list(_ref("Prediction")),
        unsure={
            "type": "boolean",
            "description": "the set holds several classes; without one, no class is likelier than all others together",
        },
        set={
            "type": ["array", "null"],
            "items": _TEXT,
            "description": "classes among which the true one is for the share of pictures that `coverage` says",
        },
        unlike={"type": ["boolean", "null"], "description": "the picture is unlike all that the head learned from"},
        error=_object(code=_TEXT, message=_TEXT),
        heatmap=_object(
            image={"type": "string", "description": "the square that the network sees: a PNG as a data: address"},
            fit={"type": "string", "description": "how the picture was fitted into it"},
            share={"type": "number", "description": "how much of the fitted side is kept, from the middle"},
        ),
        neighbours=_list(_ref("Similar")),
    ),
    "Answer": _object(
        status=_WHOLE,
        head=_TEXT,
        target=_TEXT,
        question={"type": ["string", "null"], "description": "which pictures the probabilities hold for"},
        holds={"type": ["string", "null"], "description": "the same as a sentence"},
        coverage={
            "type": ["number", "null"],
            "description": "for which share of pictures the true class is in `set`; null where there are no sets",
        },
        backbone=_TEXT,
        untrained={"type": "boolean"},
        key={"type": "string", "description": "identity of the embeddings"},
        pictures=_list(_ref("Picture")),
        seconds=_NUMBER,
    ),
    "Models": _object(status=_WHOLE, heads={"type": "object", "additionalProperties": {"type": "object"}}),
}
_ERRORS = {
    "400": "The request can't be understood.",
    "401": "The token is missing.",
    "403": "The service's name or the page's origin is wrong, or addresses are not fetched.",
    "404": "No such head.",
    "413": "The request is too large.",
    "415": "The body is of another type.",
    "422": "There is no picture in it, or it can't be shown what was asked for.",
    "429": "Too many requests a minute.",
    "503": "Too much is waiting; Retry-After says when to try again.",
}


def document(settings: ServeSettings) -> Schema:
    """The description, with the limits that are set.

    Parameters
    ----------
    settings : ServeSettings
    """
    predict = _operation("Styles of pictures", _predict_body(settings), "Answer", _predict_query())
    old = _operation(
        "The style behind an address, as the old demo answered", _json_body("Address"), "OldAnswer", [_head()]
    )
    described: Schema = {
        "openapi": "3.1.0",
        "info": {
            "title": "artstyle",
            "version": metadata.version("artstyle"),
            "description": "Tells the style of paintings. Pictures are kept no longer than it takes to answer.",
        },
        "paths": {
            "/v1/predict": {"post": predict},
            "/": {"get": _reading("The page for a browser, a sign of life for programs", "Alive"), "post": old},
            "/v1/model": {"get": _reading("What each head was trained and scored on", "Models", secured=True)},
            "/healthz": {"get": _reading("Whether the service runs", "Alive")},
            "/readyz": {"get": _reading("Whether the service takes pictures", "Alive")},
            "/metrics": {"get": _reading("Counts for Prometheus", None, secured=True)},
        },
        "components": {"schemas": _SCHEMAS},
    }
    if settings.token:
        described["components"]["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
        for path in ("/v1/predict", "/v1/model", "/metrics"):
            for operation in described["paths"][path].values():
                operation["security"] = [{"token": []}]
    return described


def _content(schema: str) -> Schema:
    return {"application/json": {"schema": _ref(schema)}}


def _json_body(schema: str) -> Schema:
    return {"required": True, "content": _content(schema)}


def _predict_body(settings: ServeSettings) -> Schema:
    several = f"One to {settings.max_pictures} files."
    file = {"type": "string", "format": "binary"}
    return {
        "required": True,
        "description": f"At most {settings.max_body:,} bytes.",
        "content": {
            **_content("Address"),
            "multipart/form-data": {"schema": {**_object(picture=_list(file)), "description": several}},
            "image/*": {"schema": {**file, "description": "The picture file as it is."}},
        },
    }


def _query(name: str, schema: Schema, text: str) -> Schema:
    return {"name": name, "in": "query", "required": False, "schema": schema, "description": text}


def _head() -> Schema:
    return _query("head", _TEXT, "Which head answers, where there are several; by default the first.")


def _predict_query() -> list[Schema]:
    return [
        _query("top", {"type": "integer", "minimum": 1, "default": 3}, "How many classes."),
        _head(),
        _query("explain", {"type": "integer", "enum": [0, 1]}, "1 adds where in the picture the class is seen."),
        _query("neighbours", {"type": "integer", "minimum": 0, "maximum": 50}, "Adds so many similar pictures."),
    ]


def _operation(summary: str, body: Schema, answer: str, query: list[Schema]) -> Schema:
    return {
        "summary": summary,
        "parameters": query,
        "requestBody": body,
        "responses": {"200": {"description": "The answer.", "content": _content(answer)}, **_errors(*_ERRORS)},
    }


def _reading(summary: str, answer: str | None, secured: bool = False) -> Schema:
    content = _content(answer) if answer else {"text/plain": {"schema": _TEXT}}
    listed = _errors("401", "403", "503") if secured else _errors("403", "503")
    return {"summary": summary, "responses": {"200": {"description": "The answer.", "content": content}, **listed}}


def _errors(*statuses: str) -> Schema:
    return {status: {"description": _ERRORS[status], "content": _content("Error")} for status in statuses}
