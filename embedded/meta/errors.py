"""Meta's error objects: https://developers.facebook.com/docs/whatsapp/cloud-api/support/error-codes"""

import secrets
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse

HREF = "https://developers.facebook.com/docs/whatsapp/cloud-api/support/error-codes/"
TITLES = {
    4: "Application request limit reached",
    100: "Invalid parameter",
    131000: "Something went wrong",
    131005: "Access denied",
    131008: "Required parameter is missing",
    131009: "Parameter value is not valid",
    131026: "Message undeliverable",
    131031: "Business Account locked",
    131047: "Re-engagement message",
    131048: "Spam rate limit hit",
    131049: "Meta chose not to deliver",
    131051: "Unsupported message type",
    131052: "Media download error",
    131053: "Media upload error",
    131056: "(Business Account, Consumer Account) pair rate limit hit",
    130429: "Rate limit hit",
    130472: "User's number is part of an experiment",
    132000: "Template Param Count Mismatch",
    132001: "Template does not exist",
    132012: "Template Parameter Format Mismatch",
    132015: "Template is Paused",
}
DETAILS = {
    131026: "Message undeliverable.",
    131047: "Message failed to send because more than 24 hours have passed since the customer last replied to this number.",
    131049: "This message was not delivered to maintain healthy ecosystem engagement.",
    131056: "Message failed to send because there were too many messages sent from this phone number to the same phone number"
    " in a short period of time.",
    130429: "Message failed to send because there were too many messages sent from this phone number in a short period of time.",
}
TOO_MANY = (4, 80007, 130429, 131048, 131056)


class GraphError(Exception):
    """A request that Meta refuses. `details` is what its `error_data` says; `faulty` marks what no correct client does."""

    def __init__(self, code: int, details: str = "", *, message: str = "", status: int = 0, subcode: int | None = None) -> None:
        super().__init__(message or f"(#{code}) {title_of(code)}")
        self.code = code
        self.details = details or DETAILS.get(code, "")
        self.subcode = subcode
        self.status = status or _status_of(code)

    @property
    def body(self) -> dict[str, Any]:
        """The JSON body."""
        kind = "GraphMethodException" if self.subcode == 33 else "OAuthException"
        error: dict[str, Any] = {"message": str(self), "type": kind, "code": self.code}
        if self.details:
            error["error_data"] = {"messaging_product": "whatsapp", "details": self.details}
        if self.subcode is not None:
            error["error_subcode"] = self.subcode
        return {"error": error | {"fbtrace_id": f"A{secrets.token_urlsafe(16)}"}}


def title_of(code: int) -> str:
    """Return Meta's title of an error code."""
    return TITLES.get(code, "Something went wrong")


def status_error(code: int, details: str = "") -> dict[str, Any]:
    """Return the entry of a failed status's `errors`."""
    data = {"details": details or DETAILS.get(code, title_of(code))}
    return {"code": code, "title": title_of(code), "message": title_of(code), "error_data": data, "href": HREF}


def unknown_object(object_id: str, method: str) -> GraphError:
    """Return the error for an id that does not exist."""
    message = (
        f"Unsupported {method.lower()} request. Object with ID '{object_id}' does not exist, cannot be loaded due to missing "
        "permissions, or does not support this operation. Please read the Graph API documentation at "
        "https://developers.facebook.com/docs/graph-api"
    )
    return GraphError(100, message=message, subcode=33)


def parameter(details: str) -> GraphError:
    """Return the error for a parameter of the wrong type, size or value."""
    return GraphError(100, message=f"(#100) {details}")


def missing(name: str) -> GraphError:
    """Return the error for a parameter that has to be there."""
    return GraphError(131008, f"Parameter '{name}' is required.")


def not_valid(details: str) -> GraphError:
    """Return the error for a value that means nothing here."""
    return GraphError(131009, details)


def _status_of(code: int) -> int:
    if code == 190:
        return 401
    if code in (1, 2, 131000, 131016):
        return 500
    return 429 if code in TOO_MANY else 400


async def graph_error_response(_: Request, error: Exception) -> JSONResponse:
    """Render a GraphError; registered as the app's exception handler."""
    assert isinstance(error, GraphError)
    return JSONResponse(error.body, status_code=error.status)
