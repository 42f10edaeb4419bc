"""Lines of syslog: RFC 5424, RFC 3164, and what devices send that is neither. Anything is read as something."""

import re
from typing import Final

from netmon_proto.model import Event, Severity

SOURCE: Final = "syslog"
LONGEST_LINE: Final = 64 << 10
"""Bytes; what is longer is cut there."""
LONGEST_TEXT: Final = 4096
LONGEST_FIELD: Final = 1024
MOST_FIELDS: Final = 90

FACILITIES: Final = tuple(
    "kern user mail daemon auth syslog lpr news uucp cron authpriv ftp ntp audit alert clock".split()
    + [f"local{number}" for number in range(8)]
)
_DEFAULT: Final = 13  # user.notice: RFC 3164, section 4.3.3
_PRI = re.compile(r"<(\d{1,3})>")
_HEADER_5424 = re.compile(
    r"1 (-|\d{4}-\d\d-\d\dT\S{1,40}) " + " ".join(rf"(\S{{1,{most}}})" for most in (255, 48, 128, 32)) + r"(?: |$)"
)
_TIME_3164 = re.compile(
    r" ?(?:\d{0,10}: )?(?:(\S{1,255}?)(?:: | (?=[A-Z]{1,4}/\d)))?"  # Cisco's number, and its name
    r"(?:[A-Z]{1,4}/\d\S{1,40}?:)?[*.]?"  # the card of IOS XR, and a mark for a clock that is not set
    r"((?:\d{4} )?[A-Z][a-z]{2} [ \d]\d (?:\d{4} )?\d\d:\d\d:\d\d(?:\.\d{1,9})?"
    r"(?: \d{4}(?= ))?(?:[+-]\d\d:\d\d| [A-Z]{2,5}(?=:))?|\d{4}-\d\d-\d\dT\S{1,40}?)(?: ?:)? "
)
_HOST = re.compile(r"([A-Za-z0-9_.:-]{1,255}) ")
_TAG = re.compile(r"([A-Za-z0-9_./()%-]{1,64})(?:\[(\d{1,10})\])?: ?")
_PARAMETER = re.compile(r'([^\s="\]]{1,32})="((?:[^"\\\]]|\\.){0,8192})"')
_ESCAPED = re.compile(r'\\(["\\\]])')


def event_of(line: bytes, address: str, now_ms: int) -> Event:
    """The event that a line from an address is, without the end of the line."""
    text = _decoded(line[:LONGEST_LINE])
    priority, rest = _priority(text)
    fields: dict[str, str] = {}
    header = _HEADER_5424.match(rest)
    message = _modern(header, rest, fields) if header else _old(rest, fields)
    if "app" in fields and not message.startswith(fields["app"]):
        message = f"{fields['app']}: {message}" if message else fields["app"]
    kind = FACILITIES[priority >> 3] if priority >> 3 < len(FACILITIES) else "user"
    severity = Severity((priority & 7) + 1)
    return Event(now_ms, SOURCE, kind, severity, message[:LONGEST_TEXT], 1, "", address, fields)


def _decoded(line: bytes) -> str:
    try:
        text = line.decode()
    except UnicodeDecodeError:
        text = line.decode("latin-1")
    return text.replace("\0", "").rstrip("\r\n")


def _priority(text: str) -> tuple[int, str]:
    match = _PRI.match(text)
    if match is None or int(match[1]) > 191:
        return _DEFAULT, text
    return int(match[1]), text[match.end() :]


def _modern(header: re.Match[str], text: str, fields: dict[str, str]) -> str:
    """Fills in what the header and the structured data of RFC 5424 say; the rest is the message.

    Where nothing is left, as of Junos without its English texts, it is what these say.
    """
    told = zip(("timestamp", "hostname", "app", "pid", "msgid"), header.groups(), strict=True)
    fields.update((name, value) for name, value in told if value != "-")
    rest = text[header.end() :]
    parameters: dict[str, str] = {}
    if rest.startswith("["):
        rest = _structured(rest, parameters)
    elif rest == "-" or rest.startswith("- "):
        rest = rest[2:]
    fields.update(parameters)
    message = rest.removeprefix(" ").removeprefix("\ufeff")
    named = [fields["msgid"]] if "msgid" in fields else []
    return message or " ".join([*named, *(f"{name}={value}" for name, value in parameters.items())])


def _structured(text: str, fields: dict[str, str]) -> str:
    """Elements as [id name="value" …], each parameter a field `id.name`; the text behind them."""
    at = 0
    while at < len(text) and text[at] == "[":
        name = re.compile(r'\[([^\s="\]]{1,32})').match(text, at)
        if name is None:
            break
        end = name.end()
        while found := _PARAMETER.match(text, end + 1) if text[end : end + 1] == " " else None:
            if len(fields) < MOST_FIELDS:
                fields[f"{name[1]}.{found[1]}"] = _ESCAPED.sub(r"\1", found[2])[:LONGEST_FIELD]
            end = found.end()
        if text[end : end + 1] != "]":
            break  # it does not end as it should: it stays in the message
        at = end + 1
    return text[at:]


def _old(text: str, fields: dict[str, str]) -> str:
    """Fills in what RFC 3164 has in front of the message, as far as it is there; the rest is the message."""
    if time := _TIME_3164.match(text):
        fields["timestamp"] = time[2]
        if time[1]:
            fields["hostname"] = time[1]
        text = text[time.end() :].lstrip()
        if not time[1] and not text.startswith("%") and (host := _HOST.match(text)) and not _is_tag(host[1]):
            fields["hostname"] = host[1]
            text = text[host.end() :].removeprefix(": ")
    if tag := _TAG.match(text):
        fields["app"] = tag[1]
        if tag[2]:
            fields["pid"] = tag[2]
        if not tag[1].startswith("%"):  # %LINK-3-UPDOWN says what happened: it stays
            text = text[tag.end() :]
    return text


def _is_tag(word: str) -> bool:
    """Whether a word is the beginning of the message rather than a host: `sshd:`."""
    return word.endswith(":")
