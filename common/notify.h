/* Tells the service manager how the service is: the protocol of systemd's sd_notify(3), without its library.
 *
 * Each function is a datagram to the socket that $NOTIFY_SOCKET names, and nothing at all where there is none. They
 * never block and cannot fail: who does not listen is not told. From any thread. */
#ifndef COMMON_NOTIFY_H
#define COMMON_NOTIFY_H

#include "common/base.h"

void notify_ready(const char *status); /* READY=1, and `status` for people, one line */
void notify_reloading(void);           /* RELOADING=1, with the time that Type=notify-reload asks for */
void notify_stopping(void);            /* STOPPING=1 */
void notify_watchdog(void);            /* WATCHDOG=1 */

/* How often notify_watchdog() is to be called, in ms: half of what $WATCHDOG_USEC allows; 0: never, because nobody
 * watches, or watches another process ($WATCHDOG_PID). */
int64_t notify_watchdog_every_ms(void) MUST_USE;

#endif
