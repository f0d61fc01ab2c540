"""A headless Chromium that is driven over pipes, by the protocol of its developer tools."""

from __future__ import annotations

import base64
import json
import os
import select
import shutil
import subprocess
import time

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
#: Where the browser reads and writes.
READS, WRITES = 3, 4
KEYS = {"Tab": 9, "Enter": 13, " ": 32}


class Browser:
    """One page; what it logs, and what it asks for, is kept."""

    def __init__(self, profile):
        to_browser, self._to = os.pipe()
        self._from, from_browser = os.pipe()

        def connect():
            # By way of numbers that neither is.
            os.dup2(to_browser, 30)
            os.dup2(from_browser, 31)
            os.dup2(30, READS)
            os.dup2(31, WRITES)

        self._process = subprocess.Popen(
            [
                CHROMIUM, "--headless", "--no-sandbox", "--disable-dev-shm-usage", "--no-first-run",
                "--disable-background-networking", "--use-angle=swiftshader", "--enable-unsafe-swiftshader",
                "--remote-debugging-pipe", f"--user-data-dir={profile}", "about:blank",
            ],
            preexec_fn=connect, pass_fds=(READS, WRITES), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        os.close(to_browser)
        os.close(from_browser)
        self._buffer, self._number, self._session = b"", 0, None
        self.logged, self.asked = [], []
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network", "DOM"):
            self.call(f"{domain}.enable")

    def call(self, method, **parameters):
        self._number += 1
        message = {"id": self._number, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._to, json.dumps(message).encode() + b"\0")
        while (answer := self._read()).get("id") != self._number:
            self._note(answer)
        assert "error" not in answer, answer
        return answer["result"]

    def run(self, code):
        """Value of an expression in the page; of its promise, if it is one."""
        given = self.call("Runtime.evaluate", expression=code, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in given, given
        return given["result"].get("value")

    def until(self, code, seconds=60):
        """Wait for an expression to be true."""
        end = time.monotonic() + seconds
        while not self.run(code):
            assert time.monotonic() < end, (code, self.logged, self.run("document.body.innerText"))
            time.sleep(0.1)

    def press(self, key, times=1):
        for _ in range(times):
            about = {"key": key, "code": "Space" if key == " " else key, "windowsVirtualKeyCode": KEYS[key]}
            text = {"Enter": {"text": "\r"}, " ": {"text": " "}}.get(key, {})
            self.call("Input.dispatchKeyEvent", type="keyDown", **about, **text)
            self.call("Input.dispatchKeyEvent", type="keyUp", **about)

    def type(self, text):
        self.call("Input.insertText", text=text)

    def choose(self, selector, path):
        root = self.call("DOM.getDocument")["root"]["nodeId"]
        node = self.call("DOM.querySelector", nodeId=root, selector=selector)["nodeId"]
        self.call("DOM.setFileInputFiles", nodeId=node, files=[str(path)])

    def width(self, pixels, height=900):
        self.call(
            "Emulation.setDeviceMetricsOverride", width=pixels, height=height, deviceScaleFactor=1, mobile=pixels < 600
        )

    def scheme(self, name):
        self.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": name}])

    def picture(self, path):
        taken = self.call("Page.captureScreenshot", captureBeyondViewport=True)
        path.write_bytes(base64.b64decode(taken["data"]))

    def close(self):
        self._process.terminate()
        self._process.wait(10)
        os.close(self._to)
        os.close(self._from)

    def _read(self):
        while b"\0" not in self._buffer:
            assert select.select([self._from], [], [], 60)[0], "the browser does not answer"
            got = os.read(self._from, 1 << 20)
            assert got, "the browser ended"
            self._buffer += got
        message, _, self._buffer = self._buffer.partition(b"\0")
        return json.loads(message)

    def _note(self, event):
        given = event.get("params", {})
        if event.get("method") == "Log.entryAdded":
            self.logged.append(given["entry"]["text"])
        elif event.get("method") == "Runtime.consoleAPICalled" and given["type"] in ("error", "warning", "assert"):
            self.logged.append(" ".join(str(each.get("value", each.get("description"))) for each in given["args"]))
        elif event.get("method") == "Runtime.exceptionThrown":
            self.logged.append(json.dumps(given["exceptionDetails"])[:500])
        elif event.get("method") == "Network.requestWillBeSent":
            self.asked.append(given["request"]["url"])
