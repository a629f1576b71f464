#!/usr/bin/env python3
"""Reads the #include lines of common/ and proxy/ and fails on any that goes against the order of the layers.

A file may include what stands in its own row or in a row above it. Rows are lists of modules for common/ (a split
module, such as httpd_parse, stands where the module it is named after stands) and folders for proxy/. A module of
common/ that is in no row is an error too: whoever adds one says here what it rests on. Libraries that a module hides
from the rest are included by that module only.

    tests/layers.py [FOLDER]      exit status 0: in order, 1: not
"""

import pathlib
import re
import sys

COMMON = [
    ["base", "err", "fatal", "mem", "str", "bytes8", "budget", "arena", "map", "tree"],
    ["clock", "log", "fault", "notify"],
    ["json", "units", "nearest", "file", "url", "gzip", "moment", "terminal"],
    ["random", "tls", "trust", "base64", "hmac", "ed25519", "opt", "optfile", "metrics", "process"],
    ["loop", "netaddr", "proxy_header", "crowd", "listener", "filewatch", "http", "httpd", "httpc", "crew"],
]
PROXY = ["model", "decide", "store", "flow", "admin", "app"]

# header of a library: the one place it may be included in
HIDDEN = {
    "curl/": ("common/httpc", "common/url"),
    "llhttp.h": "common/http",
    "yajl/": "common/json",
    "zlib.h": "common/gzip",
    "openssl/": "common/",
    "event2/": "common/",
    "sqlite3.h": "proxy/store/",
    "libpq-fe.h": "proxy/store/",
}

# files that proxy/embed.cmake builds in: each has a generated header of its name
EMBEDDED = ["proxy/decide/*.json", "proxy/app/*.json", "proxy/admin/page/*"]

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.MULTILINE)


def rank(path):
    """Height of a file in the order of the layers, or None where it has no place in it."""
    top, _, rest = path.partition("/")
    if top == "proxy":
        folder = rest.split("/")[0]
        return len(COMMON) + PROXY.index(folder) if folder in PROXY else None
    name = rest.rsplit(".", 1)[0]
    while name:
        for height, row in enumerate(COMMON):
            if name in row:
                return height
        name = name.rpartition("_")[0]
    return None


def generated_headers(root):
    files = [file for pattern in EMBEDDED for file in root.glob(pattern)]
    return {re.sub("[^a-z0-9]", "_", file.name) + ".h" for file in files}


def complaints(root):
    graph = {}
    generated = generated_headers(root)
    for file in sorted([*root.glob("common/**/*.[ch]"), *root.glob("proxy/**/*.[ch]")]):
        path = file.relative_to(root).as_posix()
        if rank(path) is None:
            yield f"{path}: has no place in the layers; give it one in tests/layers.py"
            continue
        graph[path] = []
        for match in INCLUDE.finditer(file.read_text()):
            where = f"{path}:{file.read_text().count(chr(10), 0, match.start(2)) + 1}"
            included = match[2]
            if match[1] == "<":
                yield from hidden(where, path, included)
                continue
            if included in generated:
                continue
            if included.endswith(".c"):
                yield f"{where}: includes a source file, {included}"
            elif not included.startswith(("common/", "proxy/")):
                yield f'{where}: write "{included}" as a path from the root of the project'
            elif not (root / included).is_file():
                yield f"{where}: there is no {included}"
            elif rank(included) is not None and rank(included) > rank(path):
                yield f"{where}: {path} may not know of {included}, which stands above it"
            else:
                graph[path].append(included)
    yield from cycles(graph)


def hidden(where, path, included):
    for library, owner in HIDDEN.items():
        if included.startswith(library) and not path.startswith(owner):
            yield f"{where}: <{included}> belongs to {owner}*, use that instead"


def cycles(graph):
    """Headers of one row may include each other, but not in a circle."""
    done, trail = set(), []

    def visit(path):
        if path in trail:
            yield "headers in a circle: " + " -> ".join(trail[trail.index(path):] + [path])
        elif path not in done:
            trail.append(path)
            for included in graph.get(path, []):
                yield from visit(included)
            trail.pop()
            done.add(path)

    for path in graph:
        yield from visit(path)


def main():
    root = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).parent.parent)
    found = list(complaints(root))
    print("\n".join(found) if found else "every include goes down the layers")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
