"""Types the commands of a document into a shell, and compares what is seen with what the document promises."""

import dataclasses
import os
import re
import secrets
import subprocess
import threading
import time

from consumer import reserve_port
from proxy import BINARY, environment
from waiting import DEADLINE_S

LOOKS = re.compile(r"hookshift (health|messages|messages --.*|parity|flags (show|eval) .*)|curl -s -H .*")
ADMIN = 9090  # the port that commands ask unless told otherwise


@dataclasses.dataclass
class Block:
    line: int
    commands: str
    promise: str = ""

    @property
    def only_looks(self):
        return all(LOOKS.fullmatch(line) for line in self.commands.splitlines())


def blocks(text):
    """The ```sh blocks of a Markdown text, each with the ```text block that follows it at once."""
    pattern = re.compile(r"^```(sh|text)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
    found = []
    for match in pattern.finditer(text):
        if match[1] == "sh":
            found.append(Block(text.count("\n", 0, match.start()) + 1, match[2]))
        else:
            assert found and not found[-1].promise, f"nothing is typed before {match[2]}"
            found[-1].promise = match[2]
    return found


def fulfils(seen, promise):
    """… stands for any text within a line; runs of spaces count as one, because columns are as wide as what is in them."""
    def squeeze(text):
        return [re.sub(" +", " ", line).strip() for line in text.strip().splitlines()]

    if not promise:
        return not seen.strip()
    lines, promised = squeeze(seen), squeeze(promise)
    if len(lines) != len(promised):
        return False
    return all(re.fullmatch(".*?".join(map(re.escape, want.split("…"))), line) for line, want in zip(lines, promised))


class Shell:
    """One bash, in a folder, with hookshift on its PATH."""

    def __init__(self, folder, **variables):
        env = {**environment(), **variables}
        env["PATH"] = f"{BINARY.parent}:{env['PATH']}"
        self.process = subprocess.Popen(["bash"], cwd=folder, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.STDOUT, text=True, start_new_session=True)
        self._lines, self._new = [], threading.Condition()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        for line in self.process.stdout:
            with self._new:
                self._lines.append(line)
                self._new.notify()

    def type(self, commands, deadline_s=60):
        """Runs them and returns what they print."""
        mark = f"end-{secrets.token_hex(8)}"
        with self._new:
            self._lines.clear()
            self.process.stdin.write(f"{commands}\necho {mark}\n")
            self.process.stdin.flush()
            is_over = self._new.wait_for(lambda: self._lines and self._lines[-1].strip().endswith(mark), deadline_s)
            assert is_over, f"does not end: {commands}\n{''.join(self._lines)}"
            return "".join(self._lines).replace(mark, "")

    def close(self):
        """Ends the shell, and what it has left running."""
        try:
            os.killpg(self.process.pid, 9)
        except ProcessLookupError:
            pass  # over already
        self.process.wait(10)
        self.process.stdin.close()


def walk(document, folder, ports):
    """Does what the document says, on other ports than it names, which HOOKSHIFT_ADMIN_LISTEN tells the commands.
    Fails where something else is seen than promised; returns how many blocks were typed."""
    text = document.read_text()
    reserved = [reserve_port() for _ in ports]
    others = dict(zip(ports, (each.getsockname()[1] for each in reserved)))
    for named, free in others.items():
        text = text.replace(f"127.0.0.1:{named}", f"127.0.0.1:{free}")
    shell, typed = Shell(folder, HOOKSHIFT_ADMIN_LISTEN=f"127.0.0.1:{others[ADMIN]}"), 0
    try:
        for block in blocks(text):
            seen = type_until_fulfilled(shell, block)
            assert fulfils(seen, block.promise), f"{document}:{block.line}: shows\n{seen}\nnot\n{block.promise}"
            typed += 1
    finally:
        shell.close()
        for each in reserved:
            each.close()
    return typed


def type_until_fulfilled(shell, block):
    """What is seen in the end. Commands that only look are typed again, for what was done just before may take a
    moment; the others once."""
    end = time.monotonic() + DEADLINE_S
    while True:
        seen = shell.type(block.commands)
        if fulfils(seen, block.promise) or not block.only_looks or time.monotonic() > end:
            return seen
