"""A real browser without a window, driven through the two pipes that Chromium offers."""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
"""Programs that speak the DevTools protocol, by the name they have on different systems."""

SWITCHES = (
    "--headless",
    "--remote-debugging-pipe",
    "--no-sandbox",  # it cannot be had as root or in a container; the only page is our own
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-extensions",
    "--disable-background-networking",
    "--hide-scrollbars",
)


LAUNCH = """
import os, sys
from fcntl import F_DUPFD, fcntl
ends = [fcntl(int(end), F_DUPFD, 10) for end in sys.argv[1:3]]
for end, place in zip(ends, (3, 4)):
    os.dup2(end, place)
os.execv(sys.argv[3], sys.argv[3:])
"""
"""Becomes the browser, which reads commands from 3 and answers on 4."""


def installed() -> str | None:
    """Return the path of a browser, or None where there is none."""
    return next((path for name in NAMES if (path := shutil.which(name))), None)


@dataclass
class Browser:
    """One tab; what it asks the network for, and what goes wrong in it, is kept."""

    to: BinaryIO
    back: BinaryIO
    session: str = ""
    asked: list[str] = field(default_factory=list)
    """Addresses that were requested."""
    wrong: list[str] = field(default_factory=list)
    """Exceptions and errors of the console."""
    loads: int = 0
    """Pages that were loaded."""
    _number: int = 0
    _heard: bytes = b""

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Send a command and return its result."""
        self._number += 1
        message = {"id": self._number, "method": method, "params": parameters}
        if self.session:
            message["sessionId"] = self.session
        self.to.write(json.dumps(message).encode() + b"\0")
        while (answer := self._read()).get("id") != self._number:
            self._notice(answer)
        assert "error" not in answer, answer["error"]
        result: dict[str, Any] = answer["result"]
        return result

    def open(self, address: str, *, width: int = 1280, dark: bool = False) -> None:
        """Load a page into a window of that width, in CSS pixels, and wait until it is there."""
        scheme = [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]
        self.call("Emulation.setEmulatedMedia", features=scheme)
        self.call(
            "Emulation.setDeviceMetricsOverride",
            **{"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False},
        )
        for place in ("about:blank", address):  # a new fragment alone would load nothing
            before = self.loads
            self.call("Page.navigate", url=place)
            while self.loads == before:
                self._notice(self._read())

    def run(self, script: str) -> Any:
        """Return the value of an expression, as JSON carries it."""
        found = self.call("Runtime.evaluate", expression=script, returnByValue=True)
        assert "exceptionDetails" not in found, found["exceptionDetails"]
        return found["result"].get("value")

    def press(self, key: str) -> None:
        """Press and release a key, such as ``Tab`` or ``Enter``."""
        text = {"Enter": "\r", " ": " "}.get(key, "")
        code = {"Enter": 13, "Tab": 9, " ": 32}[key]
        known = {"key": key, "code": "Space" if key == " " else key, "windowsVirtualKeyCode": code}
        down = "keyDown" if text else "rawKeyDown"
        self.call("Input.dispatchKeyEvent", type=down, text=text, **known)
        self.call("Input.dispatchKeyEvent", type="keyUp", **known)

    def picture(self, path: Path) -> None:
        """Keep the whole page as it is seen, as PNG."""
        found = self.call("Page.captureScreenshot", captureBeyondViewport=True)
        path.write_bytes(base64.b64decode(found["data"]))

    def _read(self) -> dict[str, Any]:
        while b"\0" not in self._heard:
            more = self.back.read(1 << 16)
            assert more, "the browser ended"
            self._heard += more
        content, self._heard = self._heard.split(b"\0", 1)
        message: dict[str, Any] = json.loads(content)
        return message

    def _notice(self, event: dict[str, Any]) -> None:
        kind, told = event.get("method"), event.get("params", {})
        if kind == "Page.loadEventFired":
            self.loads += 1
        elif kind == "Network.requestWillBeSent":
            self.asked.append(told["request"]["url"])
        elif kind == "Runtime.exceptionThrown":
            self.wrong.append(str(told["exceptionDetails"]))
        elif kind == "Log.entryAdded" and told["entry"]["level"] == "error":
            self.wrong.append(told["entry"]["text"])


@contextmanager
def browser(program: str, profile: Path) -> Iterator[Browser]:
    """Start a browser that keeps its files in ``profile``, and end it."""
    theirs_in, to = os.pipe()
    back, theirs_out = os.pipe()
    ends = [str(theirs_in), str(theirs_out)]
    switches = [*SWITCHES, f"--user-data-dir={profile}", "about:blank"]
    process = subprocess.Popen(
        [sys.executable, "-Ic", LAUNCH, *ends, program, *switches],
        pass_fds=(theirs_in, theirs_out),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    os.close(theirs_in)
    os.close(theirs_out)
    with os.fdopen(to, "wb", 0) as writer, os.fdopen(back, "rb", 0) as reader:
        try:
            yield _first_tab(Browser(to=writer, back=reader))
        finally:
            process.kill()
            process.wait()


def _first_tab(found: Browser) -> Browser:
    targets = found.call("Target.getTargets")["targetInfos"]
    tab = next(target["targetId"] for target in targets if target["type"] == "page")
    attached = found.call("Target.attachToTarget", targetId=tab, flatten=True)
    found.session = attached["sessionId"]
    for domain in ("Page", "Runtime", "Network", "Log"):
        found.call(f"{domain}.enable")
    return found
