"""Medians, ranges and ratios, printed for people."""

import os
import statistics

from goals import percentile


def median(rows, key):
    return statistics.median(row[key] for row in rows)


def print_heading(given, syncs):
    kind = "all distinct" if given.distinct else "half of them twins of the other half"
    print(f"{given.rounds} rounds of {given.count} messages, {kind}, on {os.cpu_count()} cores; the proxy has one of "
          "them.\n")
    print("| a sync of the disk, in the stores' folder, in every round | median µs | p99 µs |\n|---|--:|--:|")
    for (prealloc, block_len), times in syncs.items():
        where = "into room that is there" if prealloc else "growing the file"
        print(f"| {block_len // 1024:2} KiB {where:23} | {percentile(times, 50):5.0f} | {percentile(times, 99):5.0f} |")


def unexpected(rows):
    """What was not answered 2xx, for there must not be any."""
    counts = {}
    for row in rows:
        for status, count in row["statuses"].items():
            if status != "2xx":
                counts[status] = counts.get(status, 0) + count
        if row["failed"]:
            counts["failed"] = counts.get("failed", 0) + row["failed"]
    wrong = ", ".join(f"{count} {status}" for status, count in counts.items())
    return "  not 2xx: " + wrong if wrong else ""


def print_missing(missing):
    for name, reason in missing.items():
        print(f"| {name:40} | not measured: {reason}")


def print_closed(in_flight, results, missing):
    plain = next(iter(results.values()))
    print(f"\n{in_flight} in flight, as fast as it goes\n")
    print(f"| {'':40} | CPU µs a message | × nginx | range | messages/s | peak MiB | delivered |")
    print("|" + "-" * 42 + "|" + "--:|" * 6)
    for name, rows in results.items():
        cpu = [row["cpu_us"] for row in rows]
        ratios = sorted(row["cpu_us"] / base["cpu_us"] for row, base in zip(rows, plain))
        spread = f"{ratios[0]:.2f}–{ratios[-1]:.2f}"
        print(f"| {name:40} | {statistics.median(cpu):5.1f} ({min(cpu):.1f}–{max(cpu):.1f}) "
              f"| {statistics.median(ratios):5.2f} | {spread} | {median(rows, 'per_second'):6.0f} "
              f"| {median(rows, 'memory_mib'):5.1f} | {median(rows, 'delivered'):.2f} |{unexpected(rows)}")
    print_missing(missing)


def print_open(results, missing):
    print("\n2,000/s on 64 connections, whether or not answers come\n")
    print(f"| {'':40} | p50 µs | p99 µs | range | CPU µs a message | generator late: p50 µs | p99 µs |")
    print("|" + "-" * 42 + "|" + "--:|" * 6)
    for name, rows in results.items():
        p99 = sorted(row["p99_us"] for row in rows)
        print(f"| {name:40} | {median(rows, 'p50_us'):5.0f} | {statistics.median(p99):6.0f} "
              f"| {p99[0]:.0f}–{p99[-1]:.0f} | {median(rows, 'cpu_us'):5.1f} | {median(rows, 'late_p50_us'):3.0f} "
              f"| {median(rows, 'late_p99_us'):4.0f} |{unexpected(rows)}")
    print_missing(missing)
