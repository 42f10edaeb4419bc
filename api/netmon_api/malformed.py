"""What is told to who sends what is no request, or more of one than is taken; aiohttp would send it back."""

from http import HTTPStatus
from typing import Final

from aiohttp import hdrs, web
from aiohttp.http_exceptions import BadHttpMessage, LineTooLong

LONGEST_LINE_BYTES: Final = 64 << 10
"""Of the URL: a selector of 16 KiB, each byte escaped, and some."""
LONGEST_HEADER_BYTES: Final = 32 << 10
_LONGEST_TEXT: Final = 200

UNREADABLE: Final = (web.RequestPayloadError, BadHttpMessage)
"""What reading a body raises that is not packed as it is said to be, or cut off."""
UNREADABLE_TEXT: Final = "the body is not packed as its Content-Encoding says, or is cut off"


def complaint(error: BaseException | None, message: str | None) -> web.Response:
    """The answer to what could not be read; it is the last one of its connection."""
    if isinstance(error, LineTooLong):
        status, text = _too_long(error)
    else:
        status, text = HTTPStatus.BAD_REQUEST, (message or "this is no request of HTTP").splitlines()[0].rstrip(":")
        text = text[:_LONGEST_TEXT]
    response = web.Response(text=f"{text}\n", status=status, headers={hdrs.SERVER: "netmon"})
    response.force_close()
    return response


def _too_long(error: LineTooLong) -> tuple[HTTPStatus, str]:
    if error.args[1] == LONGEST_LINE_BYTES:
        text = f"the URL is longer than {LONGEST_LINE_BYTES} bytes: queries may be sent as a form, by POST"
        return HTTPStatus.REQUEST_URI_TOO_LONG, text
    text = f"a header is longer than {LONGEST_HEADER_BYTES} bytes"
    return HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, text
