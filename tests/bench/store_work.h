/* A store without sockets or threads, and messages for it; errors end the program. One store at a time. */
#ifndef BENCH_STORE_WORK_H
#define BENCH_STORE_WORK_H

#include "common/base.h"
#include "proxy/store/store.h"

void store_work_open(const char *url, enum store_sync sync);
void store_work_close(void);

/* Goes on behind `number` messages that an earlier run has stored; everything is older than it is by so much. */
void store_work_begin_at(uint64_t number, int64_t older_by_ms);
/* Takes in that many more messages, a transaction for each group, delivers and suppresses them. The longest commit,
 * in microseconds. */
uint64_t store_work(size_t count, size_t group);
/* Messages so far. */
uint64_t store_work_stored(void);

/* Takes in messages that wait. */
void store_work_pend(size_t count);
/* Delivers what waits as the outbox does: some are leased, and settled in the group after that. How many there were,
 * at most `most` and what is left of a lease. */
size_t store_work_drain(size_t most);

#endif
