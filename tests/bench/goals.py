"""What hookshift is to cost, judged on the figures of one run."""

import dataclasses
import statistics

HAPROXY, LUA, NODE, DURABLE = "haproxy full", "nginx + Lua full", "Node.js raw full", "fastify durable"
DELIVERED = "hookshift delivered, memory, verify"
STORED = "hookshift stored, sqlite full"
MEMORY_ROWS = ("hookshift delivered, memory", "hookshift delivered, memory, verify", "hookshift stored, memory",
               "hookshift stored, memory, verify")
STORED_BY_IN_FLIGHT = {32: 3.0, 128: 2.5, 512: 2.0}


@dataclasses.dataclass
class Goal:
    what: str
    measured: float  # None: not in this run
    most: float

    def line(self):
        if self.measured is None:
            return f"| {self.what:75} |      - | {self.most:6.2f} | not measured |"
        verdict = "met" if self.measured <= self.most else f"missed by {(self.measured / self.most - 1) * 100:.0f} %"
        return f"| {self.what:75} | {self.measured:6.2f} | {self.most:6.2f} | {verdict} |"


def print_goals(title, goals):
    print(f"\n{title}\n\n| {'goal':75} | is     | at most | |\n|{'-' * 77}|--:|--:|---|")
    for goal in goals:
        print(goal.line())


def ratio(results, row, other, key="cpu_us"):
    """Median of the ratios round by round, because what else the machine did fell on both."""
    if not results.get(row) or not results.get(other):
        return None
    return statistics.median(mine[key] / theirs[key] for mine, theirs in zip(results[row], results[other]))


def of_cpu(in_flight, results):
    """Of one table of the closed loop."""
    at = f"at {in_flight} in flight"
    goals = [Goal(f"CPU of {DELIVERED}, × nginx, {at}", ratio(results, DELIVERED, "nginx"), 1.3)]
    goals += [Goal(f"CPU of {DELIVERED}, × {other}, {at}", ratio(results, DELIVERED, other), most)
              for other, most in ((HAPROXY, 0.6), (LUA, 0.6), (NODE, 0.3))]
    for row in (STORED, STORED + ", verify"):
        if in_flight in STORED_BY_IN_FLIGHT:
            goals.append(Goal(f"CPU of {row}, × nginx, {at}", ratio(results, row, "nginx"),
                              STORED_BY_IN_FLIGHT[in_flight]))
        goals.append(Goal(f"CPU of {row}, × {DURABLE}, {at}", ratio(results, row, DURABLE), 0.4))
    return goals


def of_latency(results, syncs):
    """Of the open loop. `syncs`: sorted microseconds by (preallocated, bytes)."""
    goals = [Goal(f"p99 of {row}, × nginx, at 2,000/s", ratio(results, row, "nginx", "p99_us"), 1.3)
             for row in MEMORY_ROWS]
    for row in (STORED, STORED + ", verify"):
        p99 = statistics.median(one["p99_us"] for one in results[row]) if results.get(row) else None
        for prealloc, kind in ((True, "into room that is there"), (False, "growing a file")):
            times = syncs[prealloc, 4096]
            for name, sync in (("median", percentile(times, 50)), ("p99", percentile(times, 99))):
                goals.append(Goal(f"p99 of {row}, in syncs {kind} ({name})", p99 and p99 / sync, 3))
    return goals


def percentile(ordered, rank):
    return ordered[min(len(ordered) - 1, len(ordered) * rank // 100)]
