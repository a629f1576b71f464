/* libcurl tries the addresses of one family in turn, each for half of the time that is left, and none of several where
 * that is short. So a second dial begins while the first one waits, and takes only addresses that no other dial of the
 * race has tried:
 *
 *     first dial ──────── address A: no answer ───────────────────────────────►
 *         └─ some time ─► second dial ─ address B: no answer ─────────────────►
 *                              └─ some time ─► third dial ─ address C: answers ─► done()
 *
 * A dial that finds no further address ends at once. The others go on: a slow answer is better than none. */
#include "common/httpc_race.h"

#include "common/mem.h"

#include <errno.h>
#include <sys/socket.h>

enum { DIALS_MOST = 8, TRIED_MOST = 32, WAIT_LEAST_MS = 10, WAIT_MOST_MS = 250, WAITS_IN_TIME = 8 };

struct httpc_race {
    struct httpc_dialer *dialer;
    struct httpc_dial_options options;
    struct loop_timer *timer; /* until the next dial begins */
    struct httpc_dial *dials[DIALS_MOST];
    size_t dial_count, failed_count;
    CURLcode first_result; /* of the first dial, where it has failed */
    struct sockaddr_storage tried[TRIED_MOST];
    size_t tried_count;
    httpc_raced *done;
    void *arg;
};

static bool was_tried(const struct httpc_race *race, const struct curl_sockaddr *address) {
    for (size_t i = 0; i < race->tried_count; i++)
        if (memcmp(&race->tried[i], &address->addr, address->addrlen) == 0)
            return true;
    return false;
}

/* Opens the socket for an address, as libcurl would; the first dial may try any, the others what is new. */
static curl_socket_t open_socket(void *arg, curlsocktype purpose, struct curl_sockaddr *address) {
    struct httpc_race *race = arg;
    (void)purpose;
    bool fits = address->addrlen <= sizeof race->tried[0];
    bool is_known = fits && was_tried(race, address);
    if (is_known && race->dial_count > 1) {
        errno = EADDRINUSE;
        return CURL_SOCKET_BAD;
    }
    if (fits && !is_known && race->tried_count < TRIED_MOST)
        memcpy(&race->tried[race->tried_count++], &address->addr, address->addrlen);
    return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

static void end_dials(struct httpc_race *race, const struct httpc_dial *kept) {
    for (size_t i = 0; i < race->dial_count; i++)
        if (race->dials[i] != kept)
            httpc_dial_end(race->dials[i]);
}

void httpc_race_end(struct httpc_race *race) {
    end_dials(race, NULL);
    loop_timer_free(race->timer);
    mem_free(race);
}

static void on_success(struct httpc_race *race, struct httpc_dial *dial) {
    httpc_raced *done = race->done;
    void *arg = race->arg;
    httpc_dial_forget_opener(dial);
    end_dials(race, dial);
    race->dial_count = 0;
    httpc_race_end(race);
    done(dial, CURLE_OK, arg);
}

/* A dial that began later and found nothing new, or no listener, leaves it to the others. */
static void on_dialled(struct httpc_dial *dial, CURLcode result, void *arg) {
    struct httpc_race *race = arg;
    if (result == CURLE_OK) {
        on_success(race, dial);
        return;
    }
    if (dial == race->dials[0])
        race->first_result = result;
    if (++race->failed_count == race->dial_count)
        race->done(race->dials[0], race->first_result, race->arg); /* ends the race */
    else if (dial == race->dials[race->dial_count - 1])
        loop_timer_cancel(race->timer);
}

static int64_t wait_ms(const struct httpc_race *race) {
    int64_t wait = race->options.timeout_ms / WAITS_IN_TIME;
    return wait < WAIT_LEAST_MS ? WAIT_LEAST_MS : wait > WAIT_MOST_MS ? WAIT_MOST_MS : wait;
}

static enum err begin_dial(struct httpc_race *race) {
    struct httpc_dial **dial = &race->dials[race->dial_count];
    enum err err = httpc_dial_begin(race->dialer, &race->options, on_dialled, race, dial);
    if (err == ERR_NONE && ++race->dial_count < DIALS_MOST)
        loop_timer_set(race->timer, wait_ms(race));
    return err;
}

static void on_timer(void *arg) {
    (void)begin_dial(arg); /* the first one was taken, so that this one is, too; without it the others go on */
}

enum err httpc_race_begin(struct loop *loop, struct httpc_dialer *dialer, const struct httpc_dial_options *options,
                          httpc_raced *done, void *arg, struct httpc_race **result) {
    struct httpc_race *race = MEM_NEW(struct httpc_race);
    race->dialer = dialer;
    race->options = *options;
    race->options.open_socket = open_socket;
    race->options.open_arg = race;
    race->timer = loop_timer_new(loop, on_timer, race);
    race->done = done;
    race->arg = arg;
    enum err err = begin_dial(race);
    if (err == ERR_NONE)
        *result = race;
    else
        httpc_race_end(race);
    return err;
}
