"""Medians, ranges and ratios, printed for people."""

import os
import statistics


def median(rows, key):
    return statistics.median(row[key] for row in rows)


def print_heading(given, syncs):
    kind = "all distinct" if given.distinct else "half of them twins of the other half"
    print(f"{given.rounds} rounds of {given.count} messages, {kind}, on {os.cpu_count()} cores; the proxy has one of "
          f"them.\nA sync of the disk takes {syncs[0]:.0f} µs into room that is there, {syncs[1]:.0f} µs growing a "
          "file.")


def unexpected(rows):
    """What was not answered 2xx, for there must not be any."""
    counts = {}
    for row in rows:
        for statuses in (row["statuses"], row["open_statuses"]):
            for status, count in statuses.items():
                if status != "2xx":
                    counts[status] = counts.get(status, 0) + count
        if row["failed"]:
            counts["failed"] = counts.get("failed", 0) + row["failed"]
    return ", ".join(f"{count} {status}" for status, count in counts.items())


def print_table(in_flight, results):
    plain = next(iter(results.values()))
    print(f"\n{in_flight} in flight\n")
    print(f"| {'':38} | CPU µs a message | × nginx | range | messages/s | p50 µs | p99 µs | peak MiB | delivered |")
    print("|" + "-" * 40 + "|" + "--:|" * 8)
    for name, rows in results.items():
        cpu = [row["cpu_us"] for row in rows]
        ratios = sorted(row["cpu_us"] / base["cpu_us"] for row, base in zip(rows, plain))
        spread = f"{ratios[0]:.2f}–{ratios[-1]:.2f}"
        wrong = unexpected(rows)
        print(f"| {name:38} | {statistics.median(cpu):5.1f} ({min(cpu):.1f}–{max(cpu):.1f}) "
              f"| {statistics.median(ratios):5.2f} | {spread} | {median(rows, 'per_second'):6.0f} "
              f"| {median(rows, 'p50_us'):5.0f} | {median(rows, 'p99_us'):6.0f} | {median(rows, 'memory_mib'):5.1f} "
              f"| {median(rows, 'delivered'):.2f} |{'  not 2xx: ' + wrong if wrong else ''}")
