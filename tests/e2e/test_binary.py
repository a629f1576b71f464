"""A release is hardened against what a mistake in it could be used for."""

import re
import subprocess

from proxy import BINARY


def readelf(*options):
    return subprocess.run(["readelf", "--wide", *options, BINARY], capture_output=True, check=True, text=True).stdout


def test_position_independent():
    """Where it lies in memory is different each time."""
    assert re.search(r"Type:\s+DYN", readelf("--file-header"))
    assert re.search(r"\(FLAGS_1\).*\bPIE\b", readelf("--dynamic"))


def test_tables_are_read_only():
    """All functions of libraries are looked up at start, and their table is read-only from then on (full RELRO)."""
    assert "GNU_RELRO" in readelf("--program-headers")
    assert re.search(r"\(FLAGS\).*\bBIND_NOW\b", readelf("--dynamic"))


def test_no_memory_to_write_and_run():
    """Neither the stack nor any other segment can be both written and executed."""
    segments = re.findall(r"^  (\w+) +0x.* ([R ][W ][E ]) 0x", readelf("--program-headers"), re.MULTILINE)
    assert ("GNU_STACK", "RW ") in segments and len(segments) > 5
    assert not [name for name, may in segments if "W" in may and "E" in may]


def test_overruns_are_noticed():
    """Stack protector and FORTIFY_SOURCE are compiled in."""
    symbols = readelf("--dyn-syms")
    assert "__stack_chk_fail" in symbols
    assert re.search(r"__(vs?n?printf|memcpy|snprintf|read|fprintf)_chk", symbols)


def test_libraries_of_the_system_only():
    """No folder of the build is searched for libraries."""
    assert not re.search(r"\((RPATH|RUNPATH)\)", readelf("--dynamic"))
