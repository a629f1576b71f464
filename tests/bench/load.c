/* A bounded load generator for loopback. Closed loop: every connection sends its next request when it has the answer
 * to the one before, which finds the saturation. Open loop (--rate): requests are due at fixed times, whether or not
 * earlier ones are answered, and latency counts from the moment a request was due; so a stall is seen by everything
 * that it delayed ("coordinated omission" is avoided). How late the generator itself is, from the moment that a request
 * was due (or, where all connections were busy, one became idle) to its sending, is reported beside; so that this is
 * little, the kernel's timers are asked to be exact and the next request is written out before it is due. Prints one
 * JSON object. */
#include "common/clock.h"
#include "common/mem.h"
#include "tests/bench/load_connection.h"
#include "tests/bench/load_options.h"
#include "tests/bench/traffic.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

enum { FAILURES_MAX = 1000, EVENTS = 256 };
enum { ANSWER_WITHIN_US = 30000000 };

struct load {
    struct load_options options;
    struct netaddr address;
    struct traffic *traffic;
    struct connection *connections, *idle, *idle_last;
    int epoll;
    char *next; /* the next request, where one is written: next_len > 0 */
    size_t next_len;
    uint64_t sent, answered, failed, body_bytes;
    uint64_t by_class[10]; /* answers by the first digit of their status */
    uint32_t *latencies_us, *lateness_us;
    int64_t began_us, ended_us, idle_since_us;
};

static NO_RETURN void fail(const char *what, const char *why) {
    fprintf(stderr, "bench_load: %s: %s\n", what, why);
    exit(1);
}

/* The one that was used last is used next, so that no more connections are open than are needed; with --rotate it is
 * the last to be used again. */
static void note_idle(struct load *load, struct connection *connection) {
    if (load->idle == NULL)
        load->idle_since_us = clock_mono_us();
    if (load->options.rotates && load->idle != NULL) {
        load->idle_last->next = connection;
        connection->next = NULL;
    } else {
        connection->next = load->idle;
        load->idle = connection;
    }
    if (connection->next == NULL)
        load->idle_last = connection;
}

static void note_answer(struct load *load, struct connection *connection, int64_t now_us) {
    load->latencies_us[load->answered++] = (uint32_t)(now_us - connection->due_us);
    load->by_class[(unsigned)connection->status / 100 % 10]++;
    note_idle(load, connection);
}

static void note_failure(struct load *load, struct connection *connection, enum err err) {
    if (++load->failed == FAILURES_MAX)
        fail("too many failures", err_name(err));
    note_idle(load, connection);
}

static void write_next(struct load *load) {
    size_t body_len;
    if (load->next_len == 0) {
        load->next_len = traffic_write_next(load->traffic, load->next, &body_len);
        load->body_bytes += body_len;
    }
}

/* Sends on an idle connection, of which there is one. */
static void send_next(struct load *load, int64_t due_us) {
    struct connection *connection = load->idle;
    load->idle = connection->next;
    write_next(load);
    char *written = load->next;
    size_t len = load->next_len;
    load->next = connection->out;
    load->next_len = 0;
    connection->out = written;
    int64_t possible_us = due_us > load->idle_since_us ? due_us : load->idle_since_us;
    load->lateness_us[load->sent++] = (uint32_t)(clock_mono_us() - possible_us);
    enum err err = connection_send(connection, &load->address, len, due_us);
    if (err != ERR_NONE)
        note_failure(load, connection, err);
}

/* Microseconds until the next request is due; -1: not before an answer has come. Sends all that are due. */
static int64_t send_due(struct load *load, int64_t now_us) {
    const struct load_options *options = &load->options;
    bool time_is_over = now_us - load->began_us >= (int64_t)options->seconds * 1000000;
    while (!time_is_over && load->sent < options->count) {
        if (load->idle == NULL)
            return -1;
        int64_t due_us = now_us;
        if (options->rate > 0)
            due_us = load->began_us + (int64_t)(load->sent * 1000000 / options->rate);
        if (due_us > now_us && load->next_len > 0)
            return due_us - now_us;
        if (due_us > now_us)
            write_next(load);
        else
            send_next(load, due_us);
        now_us = clock_mono_us();
    }
    return -1;
}

static bool is_over(const struct load *load, int64_t now_us) {
    const struct load_options *options = &load->options;
    bool all_sent = load->sent == options->count || now_us - load->began_us >= (int64_t)options->seconds * 1000000;
    return all_sent && load->answered + load->failed == load->sent;
}

static void wait_and_read(struct load *load, int64_t wait_us) {
    struct epoll_event events[EVENTS];
    struct timespec wait = {.tv_sec = wait_us / 1000000, .tv_nsec = wait_us % 1000000 * 1000};
    int count = epoll_pwait2(load->epoll, events, EVENTS, &wait, NULL);
    if (count < 0 && errno != EINTR)
        fail("epoll", strerror(errno));
    int64_t now_us = clock_mono_us();
    for (int i = 0; i < count; i++) {
        struct connection *connection = events[i].data.ptr;
        bool was_busy = connection->is_busy;
        enum err err = connection_continue(connection);
        if (!was_busy)
            continue; /* closed by the server between two requests */
        if (err != ERR_NONE)
            note_failure(load, connection, err);
        else if (connection->is_answered)
            note_answer(load, connection, now_us);
    }
}

static void run(struct load *load) {
    int64_t now_us = load->began_us = clock_mono_us(), last_us = now_us;
    uint64_t last_answered = 0;
    for (;;) {
        int64_t wait_us = send_due(load, now_us);
        if (is_over(load, now_us))
            break;
        wait_and_read(load, wait_us < 0 || wait_us > 1000000 ? 1000000 : wait_us);
        now_us = clock_mono_us();
        if (load->answered != last_answered || load->sent == load->answered + load->failed) {
            last_answered = load->answered;
            last_us = now_us;
        } else if (now_us - last_us > ANSWER_WITHIN_US) {
            fail("no answer", "for 30 seconds");
        }
    }
    load->ended_us = now_us;
}

static int by_size(const void *a, const void *b) {
    uint32_t left = *(const uint32_t *)a, right = *(const uint32_t *)b;
    return (left > right) - (left < right);
}

static void report_ranks(const char *name, uint32_t *times_us, uint64_t count) {
    static const struct {
        const char *name;
        uint64_t per_1000;
    } ranks[] = {{"p50", 500}, {"p90", 900}, {"p99", 990}, {"p999", 999}, {"max", 1000}};
    qsort(times_us, count, sizeof *times_us, by_size);
    printf(",\"%s\":{", name);
    for (size_t i = 0; i < ARRAY_LEN(ranks) && count > 0; i++)
        printf("%s\"%s\":%u", i > 0 ? "," : "", ranks[i].name, times_us[(count * ranks[i].per_1000 + 999) / 1000 - 1]);
    printf("}");
}

static void report(struct load *load) {
    uint64_t count = load->answered;
    double seconds = (double)(load->ended_us - load->began_us) / 1e6;
    printf("{\"sent\":%llu,\"answered\":%llu,\"failed\":%llu,\"seconds\":%.6f,\"per_second\":%.1f,\"statuses\":{",
           (unsigned long long)load->sent, (unsigned long long)count, (unsigned long long)load->failed, seconds,
           (double)count / seconds);
    const char *separator = "";
    for (int class = 0; class < 10; class ++) {
        if (load->by_class[class] > 0) {
            printf("%s\"%dxx\":%llu", separator, class, (unsigned long long)load->by_class[class]);
            separator = ",";
        }
    }
    printf("},\"body_bytes\":%.1f", (double)load->body_bytes / (double)(load->sent > 0 ? load->sent : 1));
    report_ranks("latency_us", load->latencies_us, count);
    report_ranks("lateness_us", load->lateness_us, load->sent);
    printf("}\n");
}

static void open_connections(struct load *load, size_t request_max) {
    load->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (load->epoll < 0)
        fail("epoll", strerror(errno));
    load->connections = MEM_ARRAY(load->options.connections, struct connection);
    for (uint64_t i = 0; i < load->options.connections; i++) {
        connection_init(&load->connections[i], load->epoll, request_max);
        note_idle(load, &load->connections[i]);
    }
    load->next = mem_alloc(request_max);
}

static void close_connections(struct load *load) {
    for (uint64_t i = 0; i < load->options.connections; i++)
        connection_clear(&load->connections[i]);
    mem_free(load->connections);
    mem_free(load->next);
    close(load->epoll);
}

int main(int argc, char **argv) {
    struct load load = {.options = load_options_parse(argc, argv)};
    struct err_detail detail;
    struct arena *arena = arena_new(0);
    struct signature_key *key = NULL;
    struct pair_set set;
    if (netaddr_parse(load.options.connect, &load.address, &detail) != ERR_NONE)
        fail(load.options.connect, detail.text);
    if (!netaddr_is_loopback(&load.address))
        fail(load.options.connect, "is not this machine; load is for loopback only");
    if (load.options.secret != NULL && signature_key_new(str_of(load.options.secret), &key, &detail) != ERR_NONE)
        fail("--secret", detail.text);
    if (pairs_load(arena, load.options.corpus, load.options.body_len, &set, &detail) != ERR_NONE)
        fail("--corpus", detail.text);
    const struct traffic_options traffic_options = {load.options.connect, load.options.seed, load.options.has_twins,
                                                    key};
    load.traffic = traffic_new(&set, &traffic_options);
    load.latencies_us = MEM_ARRAY(load.options.count, uint32_t);
    load.lateness_us = MEM_ARRAY(load.options.count, uint32_t);
    if (prctl(PR_SET_TIMERSLACK, 1UL) != 0)
        fail("prctl", strerror(errno));
    open_connections(&load, traffic_request_max(load.traffic));
    run(&load);
    report(&load);
    close_connections(&load);
    mem_free(load.latencies_us);
    mem_free(load.lateness_us);
    traffic_free(load.traffic);
    signature_key_free(key);
    arena_free(arena);
    return load.failed == 0 ? 0 : 1;
}
