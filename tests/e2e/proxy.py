"""The real program: started, spoken to, killed, started again."""

import dataclasses
import http.client
import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import threading

from messages import encode
from waiting import wait_until

BINARY = pathlib.Path(os.environ.get("HOOKSHIFT_BIN", ".build/debug/hookshift")).resolve()

# Small enough that no test waits long, overridden test by test.
SETTINGS = {
    "listen": "127.0.0.1:0",
    "admin.listen": "127.0.0.1:0",
    "workers": 2,
    "retry.schedule": "20ms,20ms,20ms",
    "endpoints.legacy.timeout": "5s",
    "endpoints.new.timeout": "5s",
    "drain_time": "400ms",
}

SANITIZER_REPORT = re.compile(r"(Address|Thread|Leak|UndefinedBehavior)Sanitizer|runtime error:")


@dataclasses.dataclass
class Answer:
    status: int
    headers: dict  # names in lower case
    body: bytes

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def outcome(self):
        return self.headers.get("hookshift-outcome")

    @property
    def id(self):
        return self.headers.get("hookshift-message-id")


def nested(flat):
    """{"admin.listen": x} as {"admin": {"listen": x}}."""
    result = {}
    for key, value in flat.items():
        *parents, last = key.split(".")
        place = result
        for parent in parents:
            if isinstance(place.get(parent), str):  # "listen" is a value and the front of others
                place[parent] = {"address": place[parent]}
            place = place.setdefault(parent, {})
        place[last] = value
    return result


def flag_file(legacy=True, new=True, **more):
    """A flag file; `more`: whole definitions by name."""
    def flag(on):
        return {"state": "ENABLED", "variants": {"on": True, "off": False}, "defaultVariant": "on" if on else "off"}

    return json.dumps({"flags": {"legacy-consumer": flag(legacy), "new-consumer": flag(new), **more}}, indent=2)


def environment():
    """Without settings of the caller's; sanitizers stop at the first finding."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("HOOKSHIFT_")}
    env.setdefault("ASAN_OPTIONS", "exitcode=99:detect_leaks=1:detect_stack_use_after_return=1")
    env.setdefault("TSAN_OPTIONS", "exitcode=98:halt_on_error=1:second_deadlock_stack=1")
    env.setdefault("UBSAN_OPTIONS", "print_stacktrace=1:halt_on_error=1")
    return env


def run(*arguments, stdin=b"", timeout_s=60, **more):
    """Runs the program to its end."""
    done = subprocess.run([BINARY, *map(str, arguments)], input=stdin, capture_output=True, timeout=timeout_s,
                          env=environment(), check=False, **more)
    assert not SANITIZER_REPORT.search(done.stderr.decode(errors="replace")), done.stderr.decode(errors="replace")
    return done


class Proxy:
    """One installation: folder with settings, flags and store, and the process where it runs."""

    def __init__(self, folder, legacy_url, new_url, store="sqlite", flags=None, **settings):
        self.folder = folder
        self.flag_path = folder / "flags.json"
        self.settings_path = folder / "hookshift.json"
        self.store_path = folder / "messages.db"
        self.flag_path.write_text(flags if flags is not None else flag_file())
        stores = {"sqlite": f"sqlite:{self.store_path}", "memory": "memory:"}
        self.settings = {**SETTINGS, "flags.file": str(self.flag_path), "store.url": stores.get(store, store),
                         "endpoints.legacy.url": legacy_url, "endpoints.new.url": new_url,
                         **{name.replace("__", "."): value for name, value in settings.items()}}
        self.environment, self.arguments = {}, []  # further ones
        self.wrapper = []  # a command that runs the program, such as nsenter
        self.process = None
        self.log = []  # lines of all runs
        self.port = self.admin_port = None
        self._reader = None

    def write_settings(self):
        self.settings_path.write_text(json.dumps(nested(self.settings), indent=2))

    # --- its life

    def launch(self):
        """Starts the process and waits for nothing."""
        self.write_settings()
        self._from = len(self.log)
        self.process = subprocess.Popen(
            [*self.wrapper, BINARY, "serve", "--config", self.settings_path, *self.arguments], stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=environment() | self.environment, cwd=self.folder)
        self._reader = threading.Thread(target=self._read_log, args=(self.process.stderr,), daemon=True)
        self._reader.start()
        return self

    def start(self):
        """Starts the process and waits until it is ready."""
        self.launch()
        wait_until(lambda: self._ports() or self.process.poll() is not None, "the ports in the log")
        assert self.process.poll() is None, "it ended at start:\n" + self.text()
        wait_until(self.is_ready, "/readyz")
        return self

    def _read_log(self, stream):
        for line in stream:
            self.log.append(line.decode(errors="replace").rstrip("\n"))

    def _ports(self):
        """Both ports, from the line that tells them, once it is there."""
        for line in self.log[self._from:]:
            if match := re.search(r'listening.*address"?[=:]"?127\.0\.0\.1:(\d+).*admin"?[=:]"?127\.0\.0\.1:(\d+)', line):
                self.port, self.admin_port = int(match[1]), int(match[2])
                return True
        return False

    def kill(self):
        """Ends the process as a crash of the machine's mains would, without a word."""
        self.process.send_signal(signal.SIGKILL)
        self._ended()

    def terminate(self):
        """Asks the process to end and returns its exit status."""
        self.process.send_signal(signal.SIGTERM)
        return self._ended()

    def _ended(self):
        status = self.process.wait(60)
        self._reader.join(10)
        self.port = self.admin_port = None
        return status

    def wait_for_exit(self):
        """For a process that ends by itself."""
        return self._ended()

    def restart(self):
        self.kill()
        return self.start()

    @property
    def is_running(self):
        return self.process is not None and self.process.poll() is None

    def finish(self):
        """End of the test: it must be able to end in order, and no sanitizer may have found anything."""
        status = self.terminate() if self.is_running else 0
        assert not SANITIZER_REPORT.search(self.text()), self.text()
        assert status == 0, f"exit status {status}\n{self.text()}"

    def text(self):
        return "\n".join(self.log)

    def wait_for_log(self, pattern):
        return wait_until(lambda: next((line for line in list(self.log) if re.search(pattern, line)), None),
                          f"a line of the log with {pattern}")

    # --- speaking to it

    def request(self, method, target, body=None, headers=None, port=None, timeout_s=30):
        """One request on a connection of its own."""
        connection = http.client.HTTPConnection("127.0.0.1", port or self.port, timeout=timeout_s)
        try:
            connection.request(method, target, body, headers or {})
            response = connection.getresponse()
            return Answer(response.status, {n.lower(): v for n, v in response.getheaders()}, response.read())
        finally:
            connection.close()

    def send(self, body, webhook_id=None, target="/webhooks", **headers):
        """Posts a body (bytes, or what becomes JSON); names of headers with _ for -."""
        data = body if isinstance(body, bytes) else encode(body)
        named = {"Content-Type": "application/json"}
        named.update((name.replace("_", "-"), value) for name, value in headers.items())
        if webhook_id:
            named["webhook-id"] = webhook_id
        return self.request("POST", target, data, named)

    def connect(self, port=None):
        """A bare connection, for what no client would send."""
        return socket.create_connection(("127.0.0.1", port or self.port), timeout=30)

    def admin(self, target, method="GET", body=None, **headers):
        """Asks the admin port, with its token where there is one."""
        if token := self.settings.get("admin.token"):
            headers.setdefault("Authorization", f"Bearer {token}")
        return self.request(method, target, body, headers, port=self.admin_port)

    def replay(self, message_id, query=""):
        return self.admin(f"/api/messages/{message_id}/replay{query}", "POST")

    def is_ready(self):
        try:
            return self.admin("/readyz").status == 200
        except OSError:
            return False

    # --- looking into it

    def message(self, message_id):
        answer = self.admin(f"/api/messages/{message_id}")
        assert answer.status == 200, f"{message_id}: {answer}"
        return answer.json

    def state(self, message_id):
        return self.message(message_id)["state"]

    def wait_for_state(self, message_id, state):
        wait_until(lambda: self.state(message_id) == state, f"{message_id} to be {state}, not {self.state(message_id)}")
        return self.message(message_id)

    def messages(self, **filters):
        query = "&".join(f"{name}={value}" for name, value in filters.items())
        answer = self.admin(f"/api/messages?{query}")
        assert answer.status == 200, answer
        return answer.json

    def metric(self, name, **labels):
        """Sum of the samples with that name and at least those labels."""
        total = 0.0
        for line in self.admin("/metrics").body.decode().splitlines():
            match = re.match(r"(\w+)(?:\{(.*)\})? (\S+)$", line)
            if not match or match[1] != name:
                continue
            if labels.items() <= dict(re.findall(r'(\w+)="([^"]*)"', match[2] or "")).items():
                total += float(match[3])
        return total

    # --- its flags

    def write_flags(self, text):
        """Renames a new file over the old one, as a careful editor does."""
        fresh = self.flag_path.with_suffix(".new")
        fresh.write_text(text)
        fresh.rename(self.flag_path)

    def set_flags(self, legacy=True, new=True):
        """Switches the consumers and waits until that is in force."""
        self.write_flags(flag_file(legacy, new))
        for flag, on in (("legacy-consumer", legacy), ("new-consumer", new)):
            wait_until(lambda: self.metric("hookshift_flag_enabled", flag=flag) == float(on), f"{flag} to be {on}")
