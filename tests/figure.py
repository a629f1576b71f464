#!/usr/bin/env python3
"""Looks for functions that documents and opening comments name and that are not there.

    tests/figure.py      exit status 0: all exist; 1: not

Read are proxy/README.md, where a function is `name()`, and the figures of `.c` files: names followed by "()" in a comment.
"""

import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
NAME = re.compile(r"\b([a-z][a-z0-9]*_[a-z0-9_]+)\(\)")
DEFINED = re.compile(r"^[A-Za-z_][\w \t*]*?\b\*?([a-z]\w+)\(|^\s+[\w \t*]+\(\*([a-z]\w+)\)\(|^#define ([A-Za-z_]\w+)", re.MULTILINE)
COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
FOREIGN = re.compile(r"^(getopt|curl|event|sqlite3|yajl|llhttp|pthread|clock_gettime|malloc)_?")


def sources():
    for folder in ("common", "proxy"):
        yield from sorted((ROOT / folder).rglob("*.[ch]"))


def main():
    texts = {path: path.read_text() for path in sources()}
    there = {name for text in texts.values() for names in DEFINED.findall(text) for name in names if name}
    named = {ROOT / "proxy" / "README.md": (ROOT / "proxy" / "README.md").read_text()}
    named |= {path: "\n".join(COMMENT.findall(text)) for path, text in texts.items()}
    missing = [
        f"{path.relative_to(ROOT)}: {name}() is not there"
        for path, text in named.items()
        for name in dict.fromkeys(NAME.findall(text))
        if name not in there and not FOREIGN.match(name)
    ]
    print("\n".join(missing) or f"{sum(len(set(NAME.findall(text))) for text in named.values())} functions are named, and all exist")
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main())
