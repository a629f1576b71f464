"""A mount namespace of a test's own: mounts that only the programs started in it see, gone when it ends.

It takes root. Where the machine does not let root mount, the test fails: it would show nothing."""

import os
import signal
import subprocess

from waiting import wait_until


class MountNamespace:
    """`with MountNamespace() as space: space.run("mount", ...)`; space.prefix in front of a command runs it inside."""

    def __init__(self):
        # A process that only holds the namespace open, and ends with the test.
        self.holder = subprocess.Popen(["unshare", "--mount", "--propagation", "private", "sleep", "600"])
        ours = os.readlink("/proc/self/ns/mnt")
        wait_until(lambda: self.holder.poll() is not None
                   or os.readlink(f"/proc/{self.holder.pid}/ns/mnt") != ours, "a mount namespace")
        assert self.holder.poll() is None, "no mount namespace: this test must run as root"
        self.prefix = ["nsenter", f"--mount=/proc/{self.holder.pid}/ns/mnt", "--"]

    def run(self, *command):
        done = subprocess.run([*self.prefix, *map(str, command)], capture_output=True, check=False)
        assert done.returncode == 0, (command, done.stderr)
        return done.stdout.decode()

    def path(self, path):
        """The same path, as it can be opened from outside."""
        return f"/proc/{self.holder.pid}/root{path}"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.holder.send_signal(signal.SIGKILL)
        self.holder.wait()
