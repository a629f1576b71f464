#!/usr/bin/env python3
"""Runs bench_classify of two builds in turn, and prints the median of each line and their ratio.

    tests/bench/classify.py OLD NEW [ROUNDS]     paths of the two programs; the ratio is NEW to OLD
"""

import re
import statistics
import subprocess
import sys


def run(program):
    printed = subprocess.run([program], capture_output=True, text=True, check=True).stdout
    return {name.strip(): float(ns) for name, ns in re.findall(r"^(.{16}) +(\d+) ns$", printed, re.MULTILINE)}


def main():
    old, new, rounds = sys.argv[1], sys.argv[2], int(sys.argv[3]) if len(sys.argv) > 3 else 7
    runs = {program: [] for program in (old, new)}
    for number in range(rounds):
        for program in (old, new) if number % 2 == 0 else (new, old):
            runs[program].append(run(program))
    for name in runs[new][0]:
        after = statistics.median(one[name] for one in runs[new])
        if name not in runs[old][0]:
            print(f"{name:16} {'':>8}    {after:8.0f} ns")
            continue
        before = statistics.median(one[name] for one in runs[old])
        ratio = statistics.median(b[name] / a[name] for a, b in zip(runs[old], runs[new]))
        print(f"{name:16} {before:8.0f} -> {after:8.0f} ns, ratio {ratio:.2f}")


main()
