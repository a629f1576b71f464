"""A wall clock of a program's own (libfaketime), which a test can set while it runs; the monotonic clock goes on."""

import glob

LIBRARIES = glob.glob("/usr/lib/*/faketime/libfaketimeMT.so.1")


class Clock:
    """The wall clock of a proxy: `shift(seconds)` sets it to that much off from ours."""

    def __init__(self, proxy):
        assert LIBRARIES, "libfaketime is missing: tests/deps test"
        self.path = proxy.folder / "faketime"
        self.shift(0)
        proxy.environment = {"LD_PRELOAD": LIBRARIES[0], "FAKETIME_TIMESTAMP_FILE": str(self.path),
                             "FAKETIME_NO_CACHE": "1", "FAKETIME_DONT_FAKE_MONOTONIC": "1",
                             "DONT_FAKE_MONOTONIC": "1"}

    def shift(self, seconds):
        self.seconds = seconds
        fresh = self.path.with_suffix(".new")
        fresh.write_text(f"{seconds:+d}s\n")
        fresh.rename(self.path)
