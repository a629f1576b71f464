"""A file system that stops answering, as a network file system does whose server is away.

A FUSE file system of one folder, whose requests this process answers (the kernel's fuse.h, version 7.31), or not. It
takes root and /dev/fuse."""

import contextlib
import ctypes
import errno
import os
import select
import stat
import struct
import threading

LOOKUP, FORGET, GETATTR, OPEN, READ, STATFS, RELEASE, FLUSH, INIT = 1, 2, 3, 14, 15, 17, 18, 25, 26
OPENDIR, READDIR, RELEASEDIR, BATCH_FORGET = 27, 28, 29, 42
ROOT, FILE = 1, 2
DIRECT_IO = 1
MNT_DETACH = 2

libc = ctypes.CDLL(None, use_errno=True)


class HangingFolder:
    """A folder at `path` with one file `name`, which holds `content`."""

    def __init__(self, path, name, content):
        self.path, self.name, self.content = path, name, content
        self._answers = threading.Event()
        self._answers.set()
        path.mkdir()
        self._device = os.open("/dev/fuse", os.O_RDWR | os.O_CLOEXEC)
        options = f"fd={self._device},rootmode=40000,user_id=0,group_id=0,allow_other"
        if libc.mount(b"hanging", str(path).encode(), b"fuse", 0, options.encode()) != 0:
            raise OSError(ctypes.get_errno(), "mounting a FUSE file system, which this test needs")
        threading.Thread(target=self._serve, daemon=True).start()

    def hang(self):
        self._answers.clear()

    def answer(self):
        self._answers.set()

    def end(self):
        """Whoever waits gets an error."""
        libc.umount2(str(self.path).encode(), MNT_DETACH)
        os.close(self._device)
        self._answers.set()

    # --- the protocol

    def _serve(self):
        """What is not answered is not read either: who waits for it can still be killed, as with a network's."""
        while True:
            self._answers.wait()
            try:
                if not select.select([self._device], [], [], 0.02)[0] or not self._answers.is_set():
                    continue
                request = os.read(self._device, 1 << 17)
            except OSError as error:
                if error.errno in (errno.ENOENT, errno.EINTR, errno.EAGAIN):
                    continue
                return  # unmounted
            _, opcode, unique, node = struct.unpack_from("<IIQQ", request)
            if opcode in (FORGET, BATCH_FORGET):
                continue
            failed, body = self._answer(opcode, node, request[40:])
            with contextlib.suppress(OSError):  # who asked is gone
                os.write(self._device, struct.pack("<IiQ", 16 + len(body), -failed, unique) + body)

    def _attributes(self, node):
        mode, size = (stat.S_IFDIR | 0o755, 0) if node == ROOT else (stat.S_IFREG | 0o644, len(self.content))
        return struct.pack("<6Q10I", node, size, 1, 0, 0, 0, 0, 0, 0, mode, 1, 0, 0, 0, 4096, 0)

    def _answer(self, opcode, node, body):
        if opcode == INIT:
            return 0, struct.pack("<IIIIHHIIHHI7I", 7, 31, 65536, 0, 12, 9, 65536, 1, 0, 0, 0, *[0] * 7)
        if opcode == LOOKUP:
            if body.rstrip(b"\0").decode() != self.name:
                return errno.ENOENT, b""
            return 0, struct.pack("<4Q2I", FILE, 0, 0, 0, 0, 0) + self._attributes(FILE)
        if opcode == GETATTR:
            return 0, struct.pack("<QII", 0, 0, 0) + self._attributes(node)
        if opcode in (OPEN, OPENDIR):
            return 0, struct.pack("<QII", 1, DIRECT_IO, 0)
        if opcode == READ:
            _, offset, size = struct.unpack_from("<QQI", body)
            return 0, self.content[offset:offset + size]
        if opcode == STATFS:
            return 0, struct.pack("<5Q4I6I", 0, 0, 0, 0, 0, 4096, 255, 4096, 0, *[0] * 6)
        return (0, b"") if opcode in (RELEASE, RELEASEDIR, FLUSH, READDIR) else (errno.ENOSYS, b"")


@contextlib.contextmanager
def hanging_folder(path, name, content):
    folder = HangingFolder(path, name, content)
    try:
        yield folder
    finally:
        folder.end()
