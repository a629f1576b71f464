"""What the log tells of messages that come to nothing, and of consumers that fail."""

from messages import Push, company_created, fresh
from waiting import wait_until


def test_expiry_is_logged(make):
    """A message that expires is logged and counted, apart where the other generation has no type that tells the same;
    its story says what can be done. (fault 6.5) (fault 6.6)"""
    proxy = make(pairing__park_for="300ms").start()
    proxy.set_flags(legacy=True, new=False)
    alone, paired = proxy.send(company_created(), fresh()).id, proxy.send(Push().event(), fresh()).id
    assert "No type of the other generation tells the same" in proxy.message(alone)["why"]
    assert "No type of the other" not in proxy.message(paired)["why"]
    line = proxy.wait_for_log(f"message expired.*{paired}")
    assert " warn " in line and "counterpart=yes" in line and "endpoint=new" in line
    line = proxy.wait_for_log(f"message expired.*{alone}")
    assert " info " in line and "counterpart=none" in line and "type=company.created" in line
    wait_until(lambda: proxy.metric("hookshift_expired_total", endpoint="new") == 2, "both to be counted")
    assert proxy.metric("hookshift_expired_total", endpoint="new", counterpart="none") == 1
    assert "let it expire" in proxy.message(alone)["why"]


def test_failed_attempts_are_warnings(start, legacy):
    """An attempt that fails is a warning, one that succeeds is not; that an endpoint is down comes with the reason.
    (fault 6.5)"""
    proxy = start(retry__schedule="20ms,20ms,20ms,20ms,20ms,20ms,20ms,20ms")
    legacy.otherwise = 500
    ids = [proxy.send(Push().rule(), fresh()).id for _ in range(3)]
    line = proxy.wait_for_log(f"attempt failed.*{ids[0]}")
    assert " warn " in line and "status=500" in line
    down = proxy.wait_for_log("endpoint is down")
    assert " warn " in down and "HTTP 500" in down
    legacy.otherwise = 200
    proxy.wait_for_state(ids[0], "delivered")
    assert " info " in proxy.wait_for_log(f"attempt ended.*{ids[0]}")
