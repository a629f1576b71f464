/* With twins, half of the messages begin an occurrence, with its rule or its event by chance, and half finish one that
 * waits. Which one waits how long is chance, too: mostly a few hundred messages, as in life a twin comes soon, but not
 * at once. Occurrences of the whole client, whose ids do not tell them apart, are one in RECURRING_EVERY. */
#include "tests/bench/traffic.h"

#include "common/clock.h"
#include "common/mem.h"

#include <stdio.h>

enum { WAITING_MAX = 512, RECURRING_EVERY = 5000, HEAD_MAX = 1024 };

struct waiting {
    const struct pair *pair;
    uint64_t number;
    enum side side;
};

struct traffic {
    const struct pair_set *set;
    struct traffic_options options;
    uint64_t number, drawn; /* occurrences begun; random numbers drawn */
    struct waiting waiting[WAITING_MAX];
    size_t waiting_count;
    struct arena *arena; /* of one request */
    int64_t now_ms;      /* that the texts below tell */
    char date[DATE_LEN + 1], timestamp[24];
};

struct traffic *traffic_new(const struct pair_set *set, const struct traffic_options *options) {
    struct traffic *traffic = MEM_NEW(struct traffic);
    traffic->set = set;
    traffic->options = *options;
    traffic->arena = arena_new(0);
    return traffic;
}

void traffic_free(struct traffic *traffic) {
    arena_free(traffic->arena);
    mem_free(traffic);
}

size_t traffic_request_max(const struct traffic *traffic) {
    return traffic->set->longest + HEAD_MAX;
}

static uint64_t draw(struct traffic *traffic, uint64_t below) {
    return mix(~traffic->options.seed, traffic->drawn++) % below;
}

static struct waiting begin_occurrence(struct traffic *traffic) {
    const struct pair_set *set = traffic->set;
    bool recurs = set->recurring_count > 0 && draw(traffic, RECURRING_EVERY) == 0;
    const struct pair_group *groups = recurs ? set->recurring : set->groups;
    const struct pair_group *group = &groups[draw(traffic, recurs ? set->recurring_count : set->count)];
    return (struct waiting){.pair = &group->pairs[draw(traffic, group->count)],
                            .number = traffic->number++,
                            .side = (enum side)draw(traffic, SIDE_COUNT)};
}

static struct waiting choose(struct traffic *traffic) {
    bool is_full = traffic->waiting_count == WAITING_MAX;
    if (traffic->options.has_twins && (is_full || draw(traffic, 2) == 0) && traffic->waiting_count > 0) {
        size_t at = draw(traffic, traffic->waiting_count);
        struct waiting chosen = traffic->waiting[at];
        traffic->waiting[at] = traffic->waiting[--traffic->waiting_count];
        return chosen;
    }
    struct waiting begun = begin_occurrence(traffic);
    if (traffic->options.has_twins) {
        traffic->waiting[traffic->waiting_count] = begun;
        traffic->waiting[traffic->waiting_count++].side = SIDE_COUNT - 1 - begun.side;
    }
    return begun;
}

static void note_time(struct traffic *traffic) {
    int64_t now_ms = clock_wall_ms();
    if (now_ms == traffic->now_ms)
        return;
    traffic->now_ms = now_ms;
    memcpy(traffic->date, clock_format_rfc3339(traffic->arena, now_ms).at, DATE_LEN);
    snprintf(traffic->timestamp, sizeof traffic->timestamp, "%lld", (long long)(now_ms / 1000));
}

/* "msg_" and 24 hex digits, other ones for the rule than for the event. */
static struct str write_id(const struct traffic *traffic, const struct waiting *chosen, char id[64]) {
    uint64_t key = mix(traffic->options.seed + 1 + (uint64_t)chosen->side, chosen->number);
    memcpy(id, "msg_", 4);
    write_hex(key, id + 4);
    write_hex(mix(key, chosen->number), id + 12);
    return str_slice(id, 28);
}

static size_t write_signature(struct traffic *traffic, const struct waiting *chosen, struct str body, char *to,
                              size_t room) {
    char text[64];
    struct str id = write_id(traffic, chosen, text);
    struct str signature = signature_sign(traffic->options.key, id, traffic->now_ms / 1000, body, traffic->arena);
    int len =
        snprintf(to, room, "webhook-id: " STR_FMT "\r\nwebhook-timestamp: %s\r\nwebhook-signature: " STR_FMT "\r\n",
                 STR_ARG(id), traffic->timestamp, STR_ARG(signature));
    return (size_t)len;
}

size_t traffic_write_next(struct traffic *traffic, char *to, size_t *body_len) {
    arena_reset(traffic->arena);
    note_time(traffic);
    struct waiting chosen = choose(traffic);
    const struct body *body = &chosen.pair->sides[chosen.side];
    char *text = to + HEAD_MAX; /* the head is written in front of it when its length is known */
    body_write(body, traffic->options.seed, chosen.number, traffic->date, text);
    int len = snprintf(to, HEAD_MAX,
                       "POST /webhooks HTTP/1.1\r\nHost: %s\r\nUser-Agent: Webhooks/1.24\r\nAccept: */*\r\n"
                       "Content-Type: application/json\r\nContent-Length: %zu\r\n",
                       traffic->options.host, body->text.len);
    size_t used = (size_t)len;
    if (traffic->options.key != NULL)
        used += write_signature(traffic, &chosen, str_slice(text, body->text.len), to + used, HEAD_MAX - used);
    memcpy(to + used, "\r\n", 2);
    memmove(to + used + 2, text, body->text.len);
    *body_len = body->text.len;
    return used + 2 + body->text.len;
}
