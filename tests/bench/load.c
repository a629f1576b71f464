/* A bounded load generator for loopback. Closed loop: every connection sends its next request when it has the answer
 * to the one before, which finds the saturation. Open loop (--rate): requests are due at fixed times, whether or not
 * earlier ones are answered, and latency counts from the moment a request was due; so a stall is seen by everything
 * that it delayed ("coordinated omission" is avoided). Prints one JSON object. */
#include "common/clock.h"
#include "common/mem.h"
#include "tests/bench/load_connection.h"
#include "tests/bench/traffic.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

enum { CONNECTIONS_MAX = 10000, COUNT_MAX = 20000000, SECONDS_MAX = 3600, FAILURES_MAX = 1000, EVENTS = 256 };
enum { ANSWER_WITHIN_US = 30000000 };

struct options {
    const char *connect, *corpus, *secret;
    uint64_t connections, count, seconds, rate, seed, body_len;
    bool has_twins;
};

struct load {
    struct options options;
    struct netaddr address;
    struct traffic *traffic;
    struct connection *connections, *idle;
    int epoll;
    uint64_t sent, answered, failed;
    uint64_t by_class[10]; /* answers by the first digit of their status */
    uint32_t *latencies_us;
    int64_t began_us, ended_us;
};

static NO_RETURN void fail(const char *what, const char *why) {
    fprintf(stderr, "bench_load: %s: %s\n", what, why);
    exit(1);
}

static NO_RETURN void misused(void) {
    fputs("bench_load --connect ADDRESS --corpus FOLDER [--connections N] [--count N] [--seconds N] [--rate N]\n"
          "           [--secret whsec_...] [--distinct] [--body-len BYTES] [--seed N]\n",
          stderr);
    exit(2);
}

static uint64_t number(const char *text, uint64_t most) {
    uint64_t value;
    if (!str_to_u64(str_of(text), &value) || value > most)
        fail(text, "is no number, or too large");
    return value;
}

static struct options parse(int argc, char **argv) {
    static const struct option names[] = {{"connect", 1, 0, 'c'},
                                          {"corpus", 1, 0, 'f'},
                                          {"connections", 1, 0, 'n'},
                                          {"count", 1, 0, 'm'},
                                          {"seconds", 1, 0, 's'},
                                          {"rate", 1, 0, 'r'},
                                          {"secret", 1, 0, 'k'},
                                          {"seed", 1, 0, 'i'},
                                          {"distinct", 0, 0, 'd'},
                                          {"body-len", 1, 0, 'b'},
                                          {0, 0, 0, 0}};
    struct options options = {.connections = 32, .count = 100000, .seconds = 60, .has_twins = true};
    options.seed = (uint64_t)clock_wall_ms() ^ ((uint64_t)getpid() << 40);
    for (int c; (c = getopt_long(argc, argv, "", names, NULL)) != -1;) {
        switch (c) {
        case 'c':
            options.connect = optarg;
            break;
        case 'f':
            options.corpus = optarg;
            break;
        case 'k':
            options.secret = optarg;
            break;
        case 'd':
            options.has_twins = false;
            break;
        case 'n':
            options.connections = number(optarg, CONNECTIONS_MAX);
            break;
        case 'm':
            options.count = number(optarg, COUNT_MAX);
            break;
        case 's':
            options.seconds = number(optarg, SECONDS_MAX);
            break;
        case 'r':
            options.rate = number(optarg, 1000000);
            break;
        case 'i':
            options.seed = number(optarg, UINT64_MAX);
            break;
        case 'b':
            options.body_len = number(optarg, 1 << 20);
            break;
        default:
            misused();
        }
    }
    if (options.connect == NULL || options.corpus == NULL || options.connections == 0 || options.count == 0)
        misused();
    return options;
}

static void note_answer(struct load *load, struct connection *connection, int64_t now_us) {
    load->latencies_us[load->answered++] = (uint32_t)(now_us - connection->due_us);
    load->by_class[(unsigned)connection->status / 100 % 10]++;
    connection->next = load->idle;
    load->idle = connection;
}

static void note_failure(struct load *load, struct connection *connection, enum err err) {
    if (++load->failed == FAILURES_MAX)
        fail("too many failures", err_name(err));
    connection->next = load->idle;
    load->idle = connection;
}

/* Sends on an idle connection, of which there is one. */
static void send_next(struct load *load, int64_t due_us) {
    struct connection *connection = load->idle;
    load->idle = connection->next;
    load->sent++;
    size_t len = traffic_write_next(load->traffic, connection->out);
    enum err err = connection_send(connection, &load->address, len, due_us);
    if (err != ERR_NONE)
        note_failure(load, connection, err);
}

/* Microseconds until the next request is due; -1: not before an answer has come. Sends all that are due. */
static int64_t send_due(struct load *load, int64_t now_us) {
    const struct options *options = &load->options;
    bool time_is_over = now_us - load->began_us >= (int64_t)options->seconds * 1000000;
    while (!time_is_over && load->sent < options->count) {
        if (load->idle == NULL)
            return -1;
        int64_t due_us = now_us;
        if (options->rate > 0)
            due_us = load->began_us + (int64_t)(load->sent * 1000000 / options->rate);
        if (due_us > now_us)
            return due_us - now_us;
        send_next(load, due_us);
    }
    return -1;
}

static bool is_over(const struct load *load, int64_t now_us) {
    const struct options *options = &load->options;
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

static void report(struct load *load) {
    uint64_t count = load->answered;
    double seconds = (double)(load->ended_us - load->began_us) / 1e6;
    qsort(load->latencies_us, count, sizeof *load->latencies_us, by_size);
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
    printf("},\"latency_us\":{");
    static const struct {
        const char *name;
        uint64_t per_1000;
    } ranks[] = {{"p50", 500}, {"p90", 900}, {"p99", 990}, {"p999", 999}, {"max", 1000}};
    for (size_t i = 0; i < ARRAY_LEN(ranks) && count > 0; i++)
        printf("%s\"%s\":%u", i > 0 ? "," : "", ranks[i].name,
               load->latencies_us[(count * ranks[i].per_1000 + 999) / 1000 - 1]);
    printf("}}\n");
}

static void open_connections(struct load *load, size_t request_max) {
    load->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (load->epoll < 0)
        fail("epoll", strerror(errno));
    load->connections = MEM_ARRAY(load->options.connections, struct connection);
    for (uint64_t i = 0; i < load->options.connections; i++) {
        connection_init(&load->connections[i], load->epoll, request_max);
        load->connections[i].next = load->idle;
        load->idle = &load->connections[i];
    }
}

static void close_connections(struct load *load) {
    for (uint64_t i = 0; i < load->options.connections; i++)
        connection_clear(&load->connections[i]);
    mem_free(load->connections);
    close(load->epoll);
}

int main(int argc, char **argv) {
    struct load load = {.options = parse(argc, argv)};
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
    open_connections(&load, traffic_request_max(load.traffic));
    run(&load);
    report(&load);
    close_connections(&load);
    mem_free(load.latencies_us);
    traffic_free(load.traffic);
    signature_key_free(key);
    arena_free(arena);
    return load.failed == 0 ? 0 : 1;
}
