"""JSON of what may hold text that is no Unicode: expressions can make such text from bytes, labels of it too."""

import re
from typing import Any

import orjson

_LONE = re.compile("[\ud800-\udfff]")


def dumps(content: Any) -> bytes:
    """The content as JSON; bytes that are no text become U+FFFD, as in Go's JSON."""
    try:
        return orjson.dumps(content)
    except orjson.JSONEncodeError:
        return orjson.dumps(_readable(content))


def _readable(content: Any) -> Any:
    match content:
        case str():
            return _LONE.sub("\ufffd", content)
        case dict():
            return {_readable(key): _readable(value) for key, value in content.items()}
        case list() | tuple():
            return [_readable(one) for one in content]
    return content
