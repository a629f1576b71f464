"""The proxies of the comparison: how each is configured, started and ended."""

import dataclasses
import json
import os
import pathlib
import shutil
import socket
import subprocess
import time

import measure
from measure import PROGRAMS, PROXY_CORES, ROOT, SECRET, pinned

FILES = pathlib.Path(__file__).resolve().parent / "peers"
NODE_MODULES = ROOT / ".build/bench-node/node_modules"
NGINX_MODULES = pathlib.Path("/usr/lib/nginx/modules")


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_until(process, is_up, log, within_s=20):
    deadline = time.monotonic() + within_s
    while process.poll() is None and time.monotonic() < deadline:
        if is_up():
            return
        time.sleep(0.002)
    process.kill()
    raise RuntimeError(f"did not start:\n{log.read_text()[-2000:]}")


def is_open(address):
    family = socket.AF_UNIX if isinstance(address, str) else socket.AF_INET
    try:
        with socket.socket(family) as probe:
            probe.settimeout(1)
            probe.connect(address)
        return True
    except OSError:
        return False


def fill_in(template, to, words):
    """Writes a configuration; each @word@ of the template is replaced."""
    text = (FILES / template).read_text()
    for word, value in words.items():
        text = text.replace(f"@{word}@", str(value))
    to.write_text(text)
    return to


def program(name):
    return shutil.which(name, path="/usr/sbin:/usr/bin")


@dataclasses.dataclass
class Peer:
    name: str
    is_full: bool = False  # verifies, remembers and chooses the endpoint: duties.py looks whether it does
    answers_first: bool = False  # before it has delivered
    parses: bool = True  # all of the body
    is_core: bool = False  # in --quick too
    port: int = 0
    processes: list = dataclasses.field(default_factory=list)

    def missing(self):
        """What is not installed; None where all is there."""
        return None

    def start(self, folder, consumer_port):
        self.port = free_port()
        self.start_helpers(folder)
        process = self.launch(folder, "log", self.command(folder, consumer_port))
        wait_until(process, lambda: is_open(("127.0.0.1", self.port)), folder / "log")
        return process

    def launch(self, folder, log, command):
        with (folder / log).open("w") as out:
            process = pinned(command, PROXY_CORES, stdout=out, stderr=out, cwd=folder, env=self.environment(),
                             stdin=subprocess.DEVNULL)
        self.processes.append(process)
        return process

    def stop(self):
        """The proxy first, and then what it needs."""
        while self.processes:
            process = self.processes.pop()
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def cpu_us(self):
        return sum(measure.cpu_us(process.pid) for process in self.processes)

    def memory_mib(self, field="VmHWM"):
        return sum(measure.memory_mib(process.pid, field) for process in self.processes)

    def environment(self):
        return {name: value for name, value in os.environ.items() if not name.startswith("HOOKSHIFT_")}

    def start_helpers(self, folder):
        pass

    def command(self, folder, consumer_port):
        raise NotImplementedError


@dataclasses.dataclass
class Nginx(Peer):
    def missing(self):
        if program("nginx") is None:
            return "nginx is not installed"
        if self.is_full and not (NGINX_MODULES / "ngx_http_lua_module.so").exists():
            return "nginx has no Lua here (package libnginx-mod-http-lua)"
        return None

    def environment(self):
        return super().environment() | {"WEBHOOK_SECRET": SECRET}

    def command(self, folder, consumer_port):
        user = "user root;\n" if os.geteuid() == 0 else ""
        config = fill_in("nginx_full.conf" if self.is_full else "nginx.conf", folder / "nginx.conf",
                         {"user": user, "folder": folder, "port": self.port, "consumer": consumer_port, "here": FILES})
        return [program("nginx"), "-p", folder, "-c", config]


@dataclasses.dataclass
class Haproxy(Peer):
    def missing(self):
        return None if program("haproxy") else "haproxy is not installed"

    def command(self, folder, consumer_port):
        config = fill_in("haproxy_full.cfg" if self.is_full else "haproxy.cfg", folder / "haproxy.cfg",
                         {"port": self.port, "consumer": consumer_port, "key": SECRET.removeprefix("whsec_")})
        return [program("haproxy"), "-db", "-f", config]


@dataclasses.dataclass
class Node(Peer):
    script: str = ""
    edition: str = ""  # of fastify.js

    def missing(self):
        if shutil.which("node") is None:
            return "Node.js is not installed"
        if self.edition and not (NODE_MODULES / "fastify").exists():
            return "fastify is not to be had here (npm ci)"
        if self.has_redis() and program("redis-server") is None:
            return "redis is not installed"
        return None

    def has_redis(self):
        return self.edition in ("redis", "durable")

    def environment(self):
        return super().environment() | {"WEBHOOK_SECRET": SECRET, "NODE_PATH": str(NODE_MODULES),
                                        "NODE_ENV": "production"}

    def start_helpers(self, folder):
        if not self.has_redis():
            return
        durable = "yes" if self.edition == "durable" else "no"
        config = fill_in("redis.conf", folder / "redis.conf", {"folder": folder, "durable": durable})
        redis = self.launch(folder, "redis.log", [program("redis-server"), config])
        wait_until(redis, (folder / "redis.sock").exists, folder / "redis.log")

    def command(self, folder, consumer_port):
        return ["node", FILES / self.script, self.port, consumer_port, *([self.edition] if self.edition else [])]


@dataclasses.dataclass
class Hookshift(Peer):
    acknowledge: str = "stored"
    store: str = "memory"  # or sqlite
    sync: str = "full"
    targeting: bool = False
    consumers_on: bool = True
    workers: int = 1
    settings: dict = dataclasses.field(default_factory=dict)
    binary: pathlib.Path = PROGRAMS / "hookshift"
    admin_port: int = 0

    def command(self, folder, consumer_port):
        self.admin_port = free_port()
        flags = folder / "flags.json"
        flags.write_text(json.dumps(self.flags()))
        url = f"http://127.0.0.1:{consumer_port}"
        settings = {
            "listen": f"127.0.0.1:{self.port}", "admin.listen": f"127.0.0.1:{self.admin_port}",
            "workers": self.workers, "flags.file": str(flags), "log.level": "warn",
            "store.url": f"sqlite:{folder}/messages.db" if self.store == "sqlite" else "memory:",
            "store.sync": self.sync, "acknowledge": self.acknowledge,
            "endpoints.legacy.url": url + "/legacy", "endpoints.new.url": url + "/new",
            "endpoints.legacy.concurrency": 1024, "endpoints.new.concurrency": 1024,
            "limits.connections": 10000, "limits.connections_per_address": 0, "limits.backlog": 20000000,
        }
        if self.is_full:
            settings |= {"verify.event_secrets": SECRET, "verify.rule_secrets": SECRET}
        settings |= self.settings
        command = [self.binary, "serve"]
        for name, value in settings.items():
            command += ["--set", f"{name}={value}"]
        return command

    def flags(self):
        flag = {"state": "ENABLED", "variants": {"on": True, "off": False},
                "defaultVariant": "on" if self.consumers_on else "off"}
        if self.targeting:
            pilot = ["e38f57c6-b9f5-455c-a59f-99e99f8cb9b7", "5e1494e9-3dc9-4532-a638-09103cb02f01"]
            flag = flag | {"targeting": {"if": [{"in": [{"var": "companyId"}, pilot]}, "off",
                                                {"if": [{"==": [{"var": "type"}, "never.sent"]}, "off", "on"]}]}}
        return {"flags": {"legacy-consumer": flag, "new-consumer": flag}}


def hookshift(acknowledge, store, sync="full", verify=False, **more):
    words = [acknowledge, store if store == "memory" else f"sqlite {sync}"]
    words += ["verify"] if verify else []
    words += ["targeting"] if more.get("targeting") else []
    if more.get("workers", 1) > 1:
        words.append(f"{more['workers']} workers")
    return Hookshift(name="hookshift " + ", ".join(words), acknowledge=acknowledge, store=store, sync=sync,
                     is_full=verify, answers_first=acknowledge == "stored", **more)


def all_rows():
    """Rows of every table; nginx first, because ratios are to it."""
    fastify = {"script": "fastify.js", "is_full": True}
    core = {"is_core": True}
    return [
        Nginx("nginx", **core), Haproxy("haproxy"), Node("Node.js, plain", script="node_plain.js"),
        Haproxy("haproxy full", is_full=True, parses=False, **core), Nginx("nginx + Lua full", is_full=True, **core),
        Node("Node.js raw full", is_full=True, script="node_full.js", **core),
        Node("fastify full", edition="memory", **fastify),
        Node("fastify + redis full", edition="redis", **fastify),
        Node("fastify durable", edition="durable", answers_first=True, **fastify, **core),
        hookshift("delivered", "memory"),
        hookshift("delivered", "memory", verify=True, **core),
        hookshift("delivered", "memory", verify=True, targeting=True),
        hookshift("delivered", "memory", verify=True, workers=2),
        hookshift("stored", "memory", **core), hookshift("stored", "memory", verify=True),
        hookshift("stored", "sqlite", **core), hookshift("stored", "sqlite", verify=True, **core),
        hookshift("stored", "sqlite", verify=True, targeting=True),
        hookshift("stored", "sqlite", verify=True, workers=2),
        hookshift("stored", "sqlite", "normal"), hookshift("stored", "sqlite", "normal", verify=True),
    ]
