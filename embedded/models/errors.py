"""Errors in OpenAI's shape: https://platform.openai.com/docs/guides/error-codes (body `{"error": {…}}`)."""

from starlette.requests import Request
from starlette.responses import JSONResponse


class ApiError(Exception):
    """A request that is refused; `message` says what this server can do instead."""

    def __init__(self, message: str, *, status: int = 400, code: str | None = None, param: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.status = status
        self.code = code
        self.param = param

    @property
    def body(self) -> dict[str, dict[str, str | None]]:
        """The JSON body that OpenAI's clients understand."""
        kind = "server_error" if self.status >= 500 else "invalid_request_error"
        return {"error": {"message": self.message, "type": kind, "param": self.param, "code": self.code}}


def unsupported(message: str, param: str) -> ApiError:
    """Return the error for an option that the local models do not have."""
    return ApiError(message, code="unsupported_value", param=param)


def model_check(given: object, expected: str) -> None:
    """Raise ApiError unless the request names the one model of this address."""
    if given != expected:
        message = f"The model {given!r} is not here; this server has {expected!r} for this address."
        raise ApiError(message, status=404, code="model_not_found", param="model")


async def api_error_response(_: Request, error: Exception) -> JSONResponse:
    """Render an ApiError; registered as the app's exception handler."""
    assert isinstance(error, ApiError)
    headers = {"retry-after": "1"} if error.status in (429, 503) else None
    return JSONResponse(error.body, status_code=error.status, headers=headers)
