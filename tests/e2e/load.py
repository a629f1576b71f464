"""Traffic that does not end until it is told to."""

import threading
import time

from messages import Push, fresh


class Load:
    """Sends occurrences, by rule and event each, until stopped; every body is sent again until it is answered 2xx."""

    def __init__(self, proxy, senders=2, make=Push):
        self.proxy, self.make = proxy, make
        self.rules, self.events = [], []  # ids answered 2xx
        self.refused = 0
        self.slowest_s = 0
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._send, daemon=True) for _ in range(senders)]
        for thread in self._threads:
            thread.start()

    def _send(self):
        while not self._stop.is_set():
            for body, sent in ((self.make().rule(), self.rules), (self.make().event(), self.events)):
                began = time.monotonic()
                answer = self.proxy.send(body, fresh())
                self.slowest_s = max(self.slowest_s, time.monotonic() - began)
                if answer.status // 100 == 2:
                    sent.append(body.get("AlertId") or body.get("id"))
                else:
                    self.refused += 1

    def stop(self):
        self._stop.set()
        for thread in self._threads:
            thread.join(60)
