"""A Chromium, driven over the WebDriver protocol (W3C), and what it says of a page: errors, requests, accessibility."""

import base64
import contextlib
import http.client
import json
import os
import pathlib
import re
import shutil
import subprocess
import urllib.parse

from waiting import wait_until

ROOT = pathlib.Path(__file__).resolve().parents[2]
AXE = ROOT / ".build/tools/axe.min.js"
ELEMENT = "element-6066-11e4-a52e-4f735466cecf"  # the protocol's name for a reference to an element

# Nothing of its own may go out, and nothing may depend on the machine's graphics or its /dev/shm.
ARGUMENTS = ["--headless=new", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run", "--disable-sync",
             "--disable-background-networking", "--disable-component-update", "--force-color-profile=srgb",
             "--hide-scrollbars", "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"]


class Refused(Exception):
    """The browser could not do it; `kind` as the protocol names it."""

    def __init__(self, value):
        super().__init__(f"{value['error']}: {value['message']}")
        self.kind = value["error"]


def wait_for_page(condition, what, found):
    """As wait_until(), asking less often, since each question is work for the browser, and telling what is there."""
    try:
        wait_until(condition, what, pause_s=0.05)
    except AssertionError as failed:
        raise AssertionError(f"{failed}: {found()}") from None


class Browser:
    """One session. Elements are found by CSS selector, as people would: by what is visible where there are several."""

    def __init__(self, folder):
        for tool in ("chromedriver", "chromium"):
            assert shutil.which(tool), f"{tool} is missing: tests/deps browser"
        assert AXE.exists(), f"{AXE} is missing: tests/axe"
        self._log_path = folder / "chromedriver.log"
        with self._log_path.open("wb") as log:
            self._driver = subprocess.Popen(["chromedriver", "--port=0"], stdout=log, stderr=subprocess.STDOUT,
                                            env={**os.environ, "TMPDIR": str(folder)})
        self._port, self._session = None, None
        self._view = (1280, 900, "light")
        wait_until(self._find_port, "chromedriver")
        sandbox = ["--no-sandbox"] if os.geteuid() == 0 else []
        options = {"args": ARGUMENTS + sandbox + [f"--user-data-dir={folder}/profile"]}
        capabilities = {"goog:chromeOptions": options, "goog:loggingPrefs": {"browser": "ALL", "performance": "ALL"}}
        made = self._ask("POST", "/session", {"capabilities": {"alwaysMatch": capabilities}})
        self._session = f"/session/{made['sessionId']}"

    def _find_port(self):
        assert self._driver.poll() is None, self._log_path.read_text()
        match = re.search(r"successfully on port (\d+)", self._log_path.read_text())
        self._port = int(match[1]) if match else None
        return self._port

    def _ask(self, method, path, body=None):
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=60)
        with contextlib.closing(connection):
            connection.request(method, path, None if method != "POST" else json.dumps(body or {}))
            value = json.loads(connection.getresponse().read())["value"]
        if isinstance(value, dict) and "error" in value:
            raise Refused(value)
        return value

    def _do(self, what, body=None, method="POST"):
        return self._ask(method, self._session + what, body)

    def close(self):
        with contextlib.suppress(Refused, OSError):
            self._ask("DELETE", self._session)
        self._driver.terminate()
        self._driver.wait(20)

    # --- going and looking

    def open(self, url):
        """In a window of its own, so that neither storage nor place is left from before."""
        before = self._do("/window/handles", method="GET")
        fresh = self._do("/window/new", {"type": "tab"})["handle"]
        for handle in before:
            self._do("/window", {"handle": handle})
            self._do("/window", method="DELETE")
        self._do("/window", {"handle": fresh})
        self._emulate(*self._view)
        self._do("/url", {"url": url})

    def look(self, width, height, scheme="light"):
        """What is opened next is in a window of that size in CSS pixels, of somebody who likes it light or dark."""
        self._view = (width, height, scheme)

    def _emulate(self, width, height, scheme):
        self._cdp("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)
        self._cdp("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])

    def _cdp(self, command, **parameters):
        return self._do("/goog/cdp/execute", {"cmd": command, "params": parameters})

    def script(self, text, *arguments):
        return self._do("/execute/sync", {"script": text, "args": list(arguments)})

    def texts(self, selector):
        """What is visible of each, with all white space as single blanks."""
        found = self.script("return [...document.querySelectorAll(arguments[0])].filter(e => e.checkVisibility())"
                            ".map(e => e.innerText)", selector)
        return [" ".join(text.split()) for text in found]

    def text(self, selector):
        """Of all of them, one after the other; empty where none is visible."""
        return " ".join(self.texts(selector))

    def wait_for(self, selector, pattern):
        """Waits until that is visible and its text holds the pattern; returns the text."""
        text = ""

        def holds():
            nonlocal text
            text = self.text(selector)
            return re.search(pattern, text)

        wait_for_page(holds, f"{pattern} in {selector}", lambda: text)
        return text

    def wait_until_gone(self, selector):
        wait_for_page(lambda: not self.texts(selector), f"{selector} to be gone", lambda: self.text(selector))

    # --- doing

    def _on_element(self, selector, what, body=None):
        """Tries until it can be done: the page may draw its elements anew at any moment."""
        again = ("no such element", "stale element reference", "element not interactable", "element click intercepted")
        hindrance = None

        def attempt():
            nonlocal hindrance
            try:
                found = self._do("/element", {"using": "css selector", "value": selector})
                self._do(f"/element/{found[ELEMENT]}/{what}", body)
            except Refused as refused:
                if refused.kind not in again:
                    raise
                hindrance = refused
                return False
            return True

        wait_for_page(attempt, f"{what} on {selector}", lambda: hindrance)

    def click(self, selector):
        self._on_element(selector, "click")

    def type(self, selector, text):
        """In place of what is there."""
        self._on_element(selector, "clear")
        self._on_element(selector, "value", {"text": text})

    def choose(self, selector, text):
        """In a list of options: typing chooses."""
        self._on_element(selector, "value", {"text": text})

    def press(self, key):
        actions = [{"type": kind, "value": key} for kind in ("keyDown", "keyUp")]
        self._do("/actions", {"actions": [{"type": "key", "id": "keys", "actions": actions}]})

    # --- judging

    def shoot(self, path):
        """The whole page as a picture; or, while a dialog is open, what is seen of it."""
        width, height, is_dialog = self.script("""return [innerWidth, document.documentElement.scrollHeight,
            document.querySelector("dialog[open]") !== null]""")
        whole = {"clip": {"x": 0, "y": 0, "width": width, "height": height, "scale": 1}, "captureBeyondViewport": True}
        picture = self._cdp("Page.captureScreenshot", format="png", **({} if is_dialog else whole))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(base64.b64decode(picture["data"]))

    def barriers(self):
        """What axe-core calls serious or critical, in words."""
        self.script(AXE.read_text())
        found = self._do("/execute/async", {"args": [], "script": """const done = arguments[arguments.length - 1];
            axe.run().then(r => done(r.violations), e => done([{impact: "critical", id: "" + e, nodes: []}]));"""})
        nowhere = [{"html": "", "failureSummary": ""}]
        return [f"{each['id']}: {node['html']}: {node['failureSummary']}" for each in found
                if each["impact"] in ("serious", "critical") for node in each["nodes"] or nowhere]

    def forget(self):
        """What the browser has noted until now."""
        self.complaints()
        self.origins()

    def complaints(self):
        """What the console got since it was asked last, but for what is said for information."""
        entries = self._do("/se/log", {"type": "browser"})
        return [entry["message"] for entry in entries if entry["level"] in ("SEVERE", "WARNING")]

    def origins(self):
        """Where requests went to since it was asked last; the browser's own pages (about:, chrome:) go nowhere."""
        found = set()
        for entry in self._do("/se/log", {"type": "performance"}):
            message = json.loads(entry["message"])["message"]
            if message["method"] == "Network.requestWillBeSent":
                url = urllib.parse.urlsplit(message["params"]["request"]["url"])
                if url.scheme not in ("about", "chrome", "data"):
                    found.add(f"{url.scheme}://{url.netloc}")
        return found
