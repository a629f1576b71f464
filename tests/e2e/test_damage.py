"""A store that is damaged in some rows and sound in all others."""

import sqlite3

from messages import Push
from proxy import flag_file
from waiting import wait_until

NEVER = -(1 << 63)


def damage(proxy, number, column, value):
    """Overwrites a value of the message that was stored as the `number`th."""
    row = "(SELECT id FROM message ORDER BY id LIMIT 1 OFFSET ?)"
    with sqlite3.connect(proxy.store_path) as store:
        changed = store.execute(f"UPDATE message SET {column} = ? WHERE id = {row}", (value, number)).rowcount
    store.close()
    assert changed == 1


def test_damaged_messages_are_set_aside(make, legacy):
    """A stored message that cannot be read is told of once and passed over: retries, new messages, the list and what
    time asks for go on for all others, and its twin, which cannot rely on it, is not suppressed."""
    legacy.stop()
    proxy = make(flags=flag_file(new=False), retry__schedule=",".join(["100ms"] * 100), pairing__park_for="1s").start()
    pushes = [Push() for _ in range(4)]
    unreadable, retried = (proxy.send(push.rule()).id for push in pushes[:2])
    undated, parked = (proxy.send(push.event()).id for push in pushes[2:])
    proxy.kill()
    damage(proxy, 0, "state", 99)
    damage(proxy, 2, "due_ms", NEVER)
    legacy.start()
    proxy.start()
    proxy.wait_for_state(retried, "delivered")
    proxy.wait_for_state(parked, "expired")
    assert proxy.send(pushes[0].event()).outcome == "parked"
    assert {message["id"] for message in proxy.messages()["messages"]} >= {retried, parked}
    for message_id in (unreadable, undated):
        proxy.wait_for_log(f"set aside.*{message_id}.*damaged")
        assert proxy.admin(f"/api/messages/{message_id}").status == 503
    another = proxy.send(Push().rule())
    wait_until(lambda: proxy.state(another.id) == "delivered", "a new message to be delivered")
    assert proxy.is_ready() and proxy.metric("hookshift_store_errors_total") == 0
    assert proxy.text().count("set aside") == 2 and "store failed" not in proxy.text()
