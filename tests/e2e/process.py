"""What the system says of a process, read from /proc."""

import os
import pathlib
import re

TICKS = os.sysconf("SC_CLK_TCK")


def rss_bytes(pid):
    """Memory that is resident."""
    return int(re.search(r"VmRSS:\s+(\d+) kB", pathlib.Path(f"/proc/{pid}/status").read_text())[1]) * 1024


def peak_rss_bytes(pid):
    """The most that ever was."""
    return int(re.search(r"VmHWM:\s+(\d+) kB", pathlib.Path(f"/proc/{pid}/status").read_text())[1]) * 1024


def cpu_s(pid):
    """Processor time, of user and system."""
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def descriptors(pid):
    """How many are open."""
    return len(os.listdir(f"/proc/{pid}/fd"))


def is_sanitized(pid):
    """Sanitizers keep freed memory back and take their own time: neither says anything of the program."""
    return re.search(r"lib[alt]san", pathlib.Path(f"/proc/{pid}/maps").read_text()) is not None
