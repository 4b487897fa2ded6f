"""How the OpenAPI schema shows error answers."""

from typing import Any

from drf_spectacular.utils import OpenApiResponse
from pydantic import BaseModel, ConfigDict, Field

from apps.core.errors import PROBLEM_TYPE

MEANINGS = {
    400: "The body is not JSON.",
    401: "The token is missing, not valid, or over.",
    403: "The token was made for something else.",
    404: "There is no such thing.",
    409: "It is there, and not in a state for this; `code` says why.",
    422: "Some fields are not right; `errors` names each.",
    425: "Something that comes before it is still missing; send that first, then this again.",
    503: "A part of the installation does not answer now; try again later.",
    429: "Too many requests; `detail` or Retry-After (seconds) says when to try again.",
}


class ProblemDocument(BaseModel):
    """RFC 9457. `code` is stable; `detail` is a sentence that says what to do. 422 has `errors`."""

    model_config = ConfigDict(extra="allow")

    type: str = Field(examples=["urn:meridian:not_published"])
    title: str = Field(examples=["Conflict"])
    status: int = Field(examples=[409])
    detail: str = Field(examples=["Reception has no published version. Publish its draft in Compass."])
    code: str = Field(examples=["not_published"])


def problems(*statuses: int) -> dict[tuple[int, str], Any]:
    """The `responses` of extend_schema for these error statuses."""
    return {(status, PROBLEM_TYPE): OpenApiResponse(ProblemDocument, description=MEANINGS[status]) for status in statuses}
