"""openapi.json: the trial API's addresses, with the schemas that pydantic makes of its models."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from study_server import api_models as models
from study_server.vocabulary import Place

SCHEMAS = "#/components/schemas/"
Json = dict[str, Any]
PROBLEMS = {
    400: "What was sent is not as described.",
    401: "No token, or that of nobody.",
    403: "The study lets nobody new in.",
    404: "There is no such thing.",
    405: "Not a method of this address.",
    409: "Something is asked first, the trial was replaced, it is over, or the text has changed.",
    410: "The trial is answered or voided: its images are gone.",
    413: "More than 64 KiB.",
    415: "Not sent as application/json.",
}
EVERYWHERE = (405,)
SENT = (400, 413, 415)  # where there is a body


@dataclass(frozen=True)
class Operation:
    """One address and method. takes, gives: models; gives is None where there is no content."""

    method: str
    path: str
    summary: str
    takes: type[BaseModel] | None = None
    gives: type[BaseModel] | None = None
    status: int = 200
    problems: tuple[int, ...] = ()
    private: bool = True  # wants a token
    image: bool = False


TRIAL = "/api/trials/{trial_token}"
OPERATIONS = (
    Operation(
        "get", "/api/studies/{slug}", "What somebody reads before they take part",
        gives=models.StudyDescription, problems=(404,), private=False,
    ),
    Operation(
        "post", "/api/studies/{slug}/participants", "Take part, or come back",
        models.ConsentBody, models.Enrolled, 201, (403, 404, 409), private=False,
    ),
    Operation(
        "get", "/api/eligibility", "What is asked before the first trial",
        gives=models.Eligibility,
    ),
    Operation(
        "post", "/api/eligibility", "What they answer; the first answers stand",
        models.EligibilityBody, status=204,
    ),
    Operation(
        "get", "/api/eligibility/plates/{number}", "A plate, until the questions are answered",
        problems=(404, 410), image=True,
    ),
    Operation(
        "post", "/api/resume", "The next trials after a (re)load; what was interrupted is replaced",
        gives=models.Trials, problems=(409,),
    ),
    Operation("get", "/api/trials", "The next trials", gives=models.Trials, problems=(409,)),
    Operation("get", TRIAL + "/{place}", "An image", problems=(404, 409, 410), image=True),
    Operation(
        "post", TRIAL + "/start", "Its images are being seen from now on",
        status=204, problems=(404, 409),
    ),
    Operation(
        "post", TRIAL + "/incident", "An image cannot be shown; the trial is replaced",
        models.IncidentBody, status=204, problems=(404, 409),
    ),
    Operation(
        "post", TRIAL + "/response", "The answer; the first one stands",
        models.ResponseBody, models.Stored, problems=(404, 409),
    ),
    Operation(
        "post", "/api/environment", "The screen; the first description stands",
        models.EnvironmentBody, status=204,
    ),
    Operation("get", "/api/result", "How it ended, and the completion code", gives=models.Result),
    Operation("post", "/api/comment", "What they want to say", models.CommentBody, status=204),
    Operation("post", "/api/withdraw", "Delete the participant and every answer", status=204),
)  # fmt: skip
PARAMETERS: Mapping[str, Json] = {
    "slug": {"type": "string", "pattern": "^[a-z0-9][a-z0-9-]{0,62}$"},
    "trial_token": {"type": "string", "pattern": "^[A-Za-z0-9_-]{1,64}$"},
    "number": {"type": "integer", "minimum": 0, "maximum": 1000},
    "place": {"type": "string", "enum": list(Place)},
}


@cache
def describe_api() -> Json:
    """The whole document, OpenAPI 3.1."""
    paths: Json = {}
    for operation in OPERATIONS:
        paths.setdefault(operation.path, {})[operation.method] = _describe(operation)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Hue & Eye, trial API", "version": version("hue-and-eye")},
        "paths": paths,
        "components": {
            "schemas": _schemas(OPERATIONS),
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
    }


def _describe(operation: Operation) -> Json:
    problems = (*operation.problems, *EVERYWHERE, *(SENT if operation.takes else ()))
    problems += (401,) if operation.private else ()
    described: Json = {
        "summary": operation.summary,
        "parameters": [
            {"name": name, "in": "path", "required": True, "schema": schema}
            for name, schema in PARAMETERS.items()
            if f"{{{name}}}" in operation.path
        ],
        "responses": {str(operation.status): _reply(operation)}
        | {str(code): _json(models.Problem, PROBLEMS[code]) for code in sorted(problems)},
    }
    if operation.takes:
        described["requestBody"] = _json(operation.takes) | {"required": True}
    if operation.private:
        described["security"] = [{"token": []}]
    return described


def _reply(operation: Operation) -> Json:
    if operation.image:
        return {"description": "8-bit RGB", "content": {"image/png": {}}}
    if operation.gives is None:
        return {"description": "It is stored."}
    return _json(operation.gives, "As described.")


def _json(model: type[BaseModel], description: str = "") -> Json:
    content = {"application/json": {"schema": {"$ref": SCHEMAS + model.__name__}}}
    return {"content": content} | ({"description": description} if description else {})


def _schemas(operations: Iterable[Operation]) -> Json:
    taken = {operation.takes for operation in operations if operation.takes}
    given = {operation.gives for operation in operations if operation.gives} | {models.Problem}
    _, schemas = models_json_schema(
        [
            *((model, "validation") for model in sorted(taken, key=str)),
            *((model, "serialization") for model in sorted(given, key=str)),
        ],
        ref_template=SCHEMAS + "{model}",
    )
    return dict(schemas["$defs"])
