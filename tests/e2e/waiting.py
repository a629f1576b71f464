"""The one place where tests wait, always for a condition and never for a time alone."""

import time

DEADLINE_S = 20  # generous: sanitizers on a busy machine; a passing test never gets near it


def wait_until(condition, what="the condition", deadline_s=DEADLINE_S, pause_s=0.005):
    """Calls `condition` until it answers something true, and returns that; longer pauses where a call costs much."""
    end = time.monotonic() + deadline_s
    while True:
        result = condition()
        if result:
            return result
        assert time.monotonic() < end, f"waited {deadline_s} s in vain for {what}"
        time.sleep(pause_s)
