"""The proxies of the comparison: how each is configured and started."""

import dataclasses
import json
import os
import pathlib
import shutil
import socket
import subprocess
import time

from measure import PROGRAMS, PROXY_CORES, SECRET, pinned


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for_port(process, port, log, within_s=20):
    deadline = time.monotonic() + within_s
    while process.poll() is None and time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return process
        except OSError:
            time.sleep(0.02)
    process.kill()
    raise RuntimeError(f"did not start:\n{log.read_text()[-2000:]}")


@dataclasses.dataclass
class Peer:
    name: str
    port: int = 0

    def is_installed(self):
        return True

    def start(self, folder, consumer_port):
        self.port = free_port()
        log = folder / "log"
        with log.open("w") as out:
            process = pinned(self.command(folder, consumer_port), self.cores(), stdout=out, stderr=out, cwd=folder,
                             env=self.environment(), stdin=subprocess.DEVNULL)
        return wait_for_port(process, self.port, log)

    def cores(self):
        return PROXY_CORES

    def environment(self):
        return {name: value for name, value in os.environ.items() if not name.startswith("HOOKSHIFT_")}

    def command(self, folder, consumer_port):
        raise NotImplementedError


NGINX = """\
{user}worker_processes 1;
daemon off;
pid {folder}/pid;
error_log {folder}/error.log crit;
events {{ worker_connections 8192; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/f;
    uwsgi_temp_path {folder}/u;
    scgi_temp_path {folder}/s;
    client_body_buffer_size 1m;
    keepalive_requests 100000000;
    upstream consumer {{
        server 127.0.0.1:{consumer};
        keepalive 1024;
        keepalive_requests 100000000;
    }}
    server {{
        listen 127.0.0.1:{port} backlog=4096;
        location / {{
            proxy_pass http://consumer;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
        }}
    }}
}}
"""


@dataclasses.dataclass
class Nginx(Peer):
    def is_installed(self):
        return shutil.which("nginx", path="/usr/sbin:/usr/bin") is not None

    def command(self, folder, consumer_port):
        config = folder / "nginx.conf"
        user = "user root;\n" if os.geteuid() == 0 else ""
        config.write_text(NGINX.format(user=user, folder=folder, port=self.port, consumer=consumer_port))
        return ["/usr/sbin/nginx", "-p", folder, "-c", config]


HAPROXY = """\
global
    nbthread 1
    maxconn 6000
defaults
    mode http
    timeout connect 5s
    timeout client 60s
    timeout server 60s
    http-reuse always
frontend public
    bind 127.0.0.1:{port} backlog 4096
    default_backend consumer
backend consumer
    server consumer 127.0.0.1:{consumer} pool-max-conn 1024
"""


@dataclasses.dataclass
class Haproxy(Peer):
    def is_installed(self):
        return shutil.which("haproxy", path="/usr/sbin:/usr/bin") is not None

    def command(self, folder, consumer_port):
        config = folder / "haproxy.cfg"
        config.write_text(HAPROXY.format(port=self.port, consumer=consumer_port))
        return ["/usr/sbin/haproxy", "-db", "-f", config]


@dataclasses.dataclass
class Node(Peer):
    """A reverse proxy of a page of JavaScript on Node.js' own http module."""

    def is_installed(self):
        return shutil.which("node") is not None

    def command(self, folder, consumer_port):
        return ["node", pathlib.Path(__file__).parent / "plain_proxy.js", self.port, consumer_port]


@dataclasses.dataclass
class Hookshift(Peer):
    acknowledge: str = "stored"
    store: str = "memory"  # or sqlite
    sync: str = "full"
    verify: bool = False
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
        if self.verify:
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


def hookshift(acknowledge, store, sync="full", **more):
    words = [acknowledge, store if store == "memory" else f"sqlite {sync}"]
    words += [name for name in ("verify", "targeting") if more.get(name)]
    if more.get("workers", 1) > 1:
        words.append(f"{more['workers']} workers")
    return Hookshift(name="hookshift " + ", ".join(words), acknowledge=acknowledge, store=store, sync=sync, **more)


def basic():
    """Rows of every table; nginx first, because ratios are to it."""
    return [Nginx("nginx"), Haproxy("haproxy"), Node("Node.js, plain"),
            hookshift("delivered", "memory"), hookshift("delivered", "memory", verify=True),
            hookshift("stored", "memory"), hookshift("stored", "sqlite"), hookshift("stored", "sqlite", verify=True),
            hookshift("stored", "sqlite", "normal")]
