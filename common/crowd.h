/* Who is connected: how many in all, and how many from one address, over all listeners of one service.
 *
 * A client with an IPv6 address has a network of 64 bits to itself, so that is what counts as one address there. Any
 * thread: a lock, taken for a few instructions when a connection begins and when it ends. */
#ifndef COMMON_CROWD_H
#define COMMON_CROWD_H

#include "common/netaddr.h"

enum crowd_refusal {
    CROWD_FULL,          /* as many as there may be are there */
    CROWD_ADDRESS_FULL,  /* likewise from this address */
    CROWD_NO_DESCRIPTOR, /* the process has none left */
    CROWD_REFUSALS
};

struct crowd_counts {
    size_t connections, addresses;
    uint64_t refused[CROWD_REFUSALS]; /* since it was made */
};

struct crowd;
struct guest; /* an address that somebody is connected from */

/* `most_of_one`: from one address; 0: as many as there may be in all. */
struct crowd *crowd_new(size_t most, size_t most_of_one) MUST_USE;
void crowd_free(struct crowd *crowd); /* when all have left; NULL is fine */

/* One more connection; NULL where there is no room for it, which is counted and logged. */
struct guest *crowd_enter(struct crowd *crowd, const struct netaddr *peer) MUST_USE;
/* The same without counting and logging a refusal; NULL: `*why`. */
struct guest *crowd_try_enter(struct crowd *crowd, const struct netaddr *peer, enum crowd_refusal *why) MUST_USE;
bool crowd_is_guest(const struct guest *guest, const struct netaddr *peer); /* does `peer` count as the same address? */
/* Counts what connections from there hold in memory; `bytes` may be negative. Any thread. */
void crowd_hold(struct guest *guest, ptrdiff_t bytes);
size_t crowd_held(const struct guest *guest);
void crowd_leave(struct crowd *crowd, struct guest *guest);

/* To be called about once a second by a thread that is in no hurry: where very many have left since, the memory they
 * took is given back to the system, which takes milliseconds. True: it was. */
bool crowd_tidy(struct crowd *crowd);

/* Counts and logs a connection that was refused by somebody else. */
void crowd_refused(struct crowd *crowd, const struct netaddr *peer, enum crowd_refusal why);

void crowd_count(struct crowd *crowd, struct crowd_counts *counts);
const char *crowd_refusal_name(enum crowd_refusal why); /* "connections", "address", "descriptors" */

#endif
