"""Private D-Bus daemons, and something on them that answers as systemd does."""

import shutil
import subprocess
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from jeepney import HeaderFields, Message, MessageType, new_error, new_method_return
from jeepney.bus_messages import message_bus
from jeepney.io.blocking import DBusConnection, Proxy, open_dbus_connection

DAEMON = shutil.which("dbus-daemon")

CONFIG = """\
<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>session</type>
  <listen>unix:path={socket}</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow send_destination="*"/><allow receive_sender="*"/><allow own="*"/>
  </policy>
</busconfig>
"""


@contextmanager
def bus(folder: Path) -> Iterator[str]:
    """A D-Bus daemon of its own; its address."""
    socket = folder / "bus"
    config = folder / "bus.conf"
    config.write_text(CONFIG.format(socket=socket))
    command = [str(DAEMON), f"--config-file={config}", "--nofork", "--nopidfile"]
    daemon = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_for(socket.exists)
        yield f"unix:path={socket}"
    finally:
        daemon.terminate()
        daemon.wait(10)
        socket.unlink(missing_ok=True)


def wait_for(condition: Any, timeout_s: float = 10) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, f"{condition} did not come true"
        time.sleep(0.01)


def unit(name: str, active: str = "active", load: str = "loaded") -> tuple[Any, ...]:
    """A row of ListUnits, a(ssssssouso)."""
    path = "/org/freedesktop/systemd1/unit/" + "".join(one if one.isalnum() else f"_{ord(one):02x}" for one in name)
    return (name, f"what {name} does", load, active, "running", "", path, 0, "", "/")


class FakeSystemd:
    """Answers ListUnits and the properties that we ask for; writes down which ones were asked for."""

    def __init__(self, address: str, units: Sequence[tuple[Any, ...]]) -> None:
        self.units = list(units)
        self.types: dict[str, str] = {}
        self.state = "running"
        self.mute = False
        self.asked: list[tuple[str, str]] = []
        self._connection: DBusConnection = open_dbus_connection(address)
        Proxy(message_bus, self._connection).RequestName("org.freedesktop.systemd1")
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def leave(self) -> None:
        self._connection.sock.shutdown(2)
        self._thread.join(10)
        self._connection.close()

    def _serve(self) -> None:
        while True:
            try:
                message = self._connection.receive()
            except OSError:
                return
            if message.header.message_type is MessageType.method_call and not self.mute:
                self._connection.send(self._answer(message))

    def _answer(self, message: Message) -> Message:
        path, member = message.header.fields[HeaderFields.path], message.header.fields[HeaderFields.member]
        if member == "ListUnits":
            return new_method_return(message, "a(ssssssouso)", (self.units,))
        name = message.body[1]
        self.asked.append((path, name))
        properties = {"Version": "252.39-1~deb12u2", "SystemState": self.state, "Virtualization": "kvm"}
        told = self.types.get(path) if name == "Type" else properties.get(name)
        if told is None:
            return new_error(message, "org.freedesktop.DBus.Error.UnknownProperty", "s", ("no such property",))
        return new_method_return(message, "v", (("s", told),))
