/* Addresses are found by a hash whose seed is random, as clients choose theirs. A flood of refusals would make a flood
 * of log lines: there is one at once, and then one for all that happened in TELL_EVERY_US.
 *
 * A crowd that has gone leaves its memory in the heap, scattered among what stays. It is given back when few of very
 * many are left, and once more after that, for those that were still leaving. */
#include "common/crowd.h"

#include "common/clock.h"
#include "common/log.h"
#include "common/mem.h"
#include "common/random.h"

#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <xxhash.h>

enum { BUCKETS = 4096, ADDRESS_LEN = 16, VERY_MANY = 1024, FEW_OF_THEM = 8 };
#define TELL_EVERY_US ((int64_t)10 * 1000 * 1000)

struct guest {
    struct guest *next, **link; /* link: what points to this one */
    unsigned char address[ADDRESS_LEN];
    size_t connections;
    _Atomic ptrdiff_t held;
};

struct crowd {
    pthread_mutex_t lock;
    size_t most, most_of_one;
    struct crowd_counts counts;
    size_t most_lately; /* since few were left */
    bool was_leaving;   /* when it was tidied last */
    uint64_t seed;
    int64_t told_us; /* 0: never */
    uint64_t untold; /* refused since then */
    struct guest *buckets[BUCKETS];
};

struct crowd *crowd_new(size_t most, size_t most_of_one) {
    struct crowd *crowd = MEM_NEW(struct crowd);
    pthread_mutex_init(&crowd->lock, NULL);
    crowd->most = most;
    crowd->most_of_one = most_of_one == 0 ? most : most_of_one;
    random_bytes(&crowd->seed, sizeof crowd->seed);
    return crowd;
}

void crowd_free(struct crowd *crowd) {
    if (crowd == NULL)
        return;
    pthread_mutex_destroy(&crowd->lock);
    mem_free(crowd);
}

/* IPv4 as it is written within IPv6, so that both sockets count a client as one; of IPv6 the network. */
static void write_address(const struct netaddr *peer, unsigned char address[ADDRESS_LEN]) {
    memset(address, 0, ADDRESS_LEN);
    if (peer->storage.ss_family == AF_INET) {
        const struct sockaddr_in *ipv4 = (const struct sockaddr_in *)(const void *)&peer->storage;
        address[10] = address[11] = 0xFF;
        memcpy(address + 12, &ipv4->sin_addr, 4);
    } else if (peer->storage.ss_family == AF_INET6) {
        const struct sockaddr_in6 *ipv6 = (const struct sockaddr_in6 *)(const void *)&peer->storage;
        memcpy(address, &ipv6->sin6_addr, IN6_IS_ADDR_V4MAPPED(&ipv6->sin6_addr) ? ADDRESS_LEN : ADDRESS_LEN / 2);
    }
}

static struct guest *find_or_add(struct crowd *crowd, const unsigned char address[ADDRESS_LEN]) {
    struct guest **bucket = &crowd->buckets[XXH64(address, ADDRESS_LEN, crowd->seed) % BUCKETS];
    for (struct guest *guest = *bucket; guest != NULL; guest = guest->next)
        if (memcmp(guest->address, address, ADDRESS_LEN) == 0)
            return guest;
    struct guest *guest = MEM_NEW(struct guest);
    memcpy(guest->address, address, ADDRESS_LEN);
    guest->next = *bucket;
    guest->link = bucket;
    if (guest->next != NULL)
        guest->next->link = &guest->next;
    *bucket = guest;
    crowd->counts.addresses++;
    return guest;
}

static struct guest *enter(struct crowd *crowd, const struct netaddr *peer, enum crowd_refusal *why) {
    unsigned char address[ADDRESS_LEN];
    *why = CROWD_FULL;
    if (crowd->counts.connections >= crowd->most)
        return NULL;
    write_address(peer, address);
    *why = CROWD_ADDRESS_FULL;
    struct guest *guest = find_or_add(crowd, address);
    if (guest->connections >= crowd->most_of_one)
        return NULL; /* it was there before, as everybody may have one */
    guest->connections++;
    if (++crowd->counts.connections > crowd->most_lately)
        crowd->most_lately = crowd->counts.connections;
    return guest;
}

struct guest *crowd_try_enter(struct crowd *crowd, const struct netaddr *peer, enum crowd_refusal *why) {
    pthread_mutex_lock(&crowd->lock);
    struct guest *guest = enter(crowd, peer, why);
    pthread_mutex_unlock(&crowd->lock);
    return guest;
}

bool crowd_is_guest(const struct guest *guest, const struct netaddr *peer) {
    unsigned char address[ADDRESS_LEN];
    write_address(peer, address);
    return memcmp(address, guest->address, ADDRESS_LEN) == 0;
}

struct guest *crowd_enter(struct crowd *crowd, const struct netaddr *peer) {
    enum crowd_refusal why;
    struct guest *guest = crowd_try_enter(crowd, peer, &why);
    if (guest == NULL)
        crowd_refused(crowd, peer, why);
    return guest;
}

void crowd_hold(struct guest *guest, ptrdiff_t bytes) {
    atomic_fetch_add_explicit(&guest->held, bytes, memory_order_relaxed);
}

size_t crowd_held(const struct guest *guest) {
    ptrdiff_t held = atomic_load_explicit(&guest->held, memory_order_relaxed);
    return held < 0 ? 0 : (size_t)held;
}

void crowd_leave(struct crowd *crowd, struct guest *guest) {
    pthread_mutex_lock(&crowd->lock);
    crowd->counts.connections--;
    if (--guest->connections == 0) {
        *guest->link = guest->next;
        if (guest->next != NULL)
            guest->next->link = guest->link;
        crowd->counts.addresses--;
        mem_free(guest);
    }
    pthread_mutex_unlock(&crowd->lock);
}

bool crowd_tidy(struct crowd *crowd) {
    pthread_mutex_lock(&crowd->lock);
    bool has_gone = crowd->most_lately >= VERY_MANY && crowd->counts.connections <= crowd->most_lately / FEW_OF_THEM;
    bool returns = has_gone || crowd->was_leaving;
    crowd->was_leaving = has_gone;
    if (has_gone)
        crowd->most_lately = crowd->counts.connections;
    pthread_mutex_unlock(&crowd->lock);
    if (returns)
        mem_return_unused();
    return returns;
}

void crowd_refused(struct crowd *crowd, const struct netaddr *peer, enum crowd_refusal why) {
    static const char *const words[] = {[CROWD_FULL] = "too many connections",
                                        [CROWD_ADDRESS_FULL] = "too many connections from one address",
                                        [CROWD_NO_DESCRIPTOR] = "out of descriptors"};
    char text[NETADDR_TEXT_LEN];
    uint64_t refused = 0;
    int64_t now_us = clock_mono_us();
    pthread_mutex_lock(&crowd->lock);
    crowd->counts.refused[why]++;
    crowd->untold++;
    if (crowd->told_us == 0 || now_us - crowd->told_us >= TELL_EVERY_US) {
        refused = crowd->untold;
        crowd->untold = 0;
        crowd->told_us = now_us;
    }
    pthread_mutex_unlock(&crowd->lock);
    if (refused == 0)
        return;
    size_t len = netaddr_format(peer, text);
    LOG(LOG_WARN, "connections refused", LOG_TEXTZ("why", words[why]), LOG_STR("peer", str_slice(text, len)),
        LOG_INT("refused", refused));
}

void crowd_count(struct crowd *crowd, struct crowd_counts *counts) {
    pthread_mutex_lock(&crowd->lock);
    *counts = crowd->counts;
    pthread_mutex_unlock(&crowd->lock);
}

const char *crowd_refusal_name(enum crowd_refusal why) {
    static const char *const names[] = {
        [CROWD_FULL] = "connections", [CROWD_ADDRESS_FULL] = "address", [CROWD_NO_DESCRIPTOR] = "descriptors"};
    return names[why];
}
