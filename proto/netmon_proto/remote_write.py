"""Requests of remote write whose fields come in any order, put in the order of their numbers: one of the few places
that see Protocol Buffers, as otlp.py.
"""

from google.protobuf.message import DecodeError, Message

from netmon_proto.generated import remote_write_pb2


class NotRemoteWrite(Exception):
    """Bytes that are no request."""


def in_order(body: bytes) -> bytes:
    """The same request of 1.0: each message's fields by their numbers, what is not read left out. Raises
    NotRemoteWrite.
    """
    return _in_order(remote_write_pb2.Request1(), body)


def in_order_2(body: bytes) -> bytes:
    """The same of a request of 2.0, with one list of references to a series. Raises NotRemoteWrite."""
    return _in_order(remote_write_pb2.Request2(), body)


def _in_order(request: Message, body: bytes) -> bytes:
    try:
        request.ParseFromString(body)
    except DecodeError as error:
        raise NotRemoteWrite(str(error)) from None
    request.DiscardUnknownFields()
    return request.SerializeToString()
