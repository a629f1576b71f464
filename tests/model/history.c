#include "tests/model/history.h"

#include "common/mem.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static const char *const step_names[STEP_KIND_COUNT] = {"arrive", "wait",   "lease",   "settle", "flags",
                                                        "sweep",  "replay", "restart", "begin",  "commit",
                                                        "abort",  "resume", "fail",    "crash"};
static const char *const result_names[] = {"delivered", "failed", "gone", "interrupted"};

void history_clear(struct history *history) {
    mem_free(history->steps);
    *history = (struct history){.seed = history->seed};
}

void history_add(struct history *history, const struct history_step *step) {
    if (history->count == history->capacity) {
        history->capacity = history->capacity == 0 ? 64 : history->capacity * 2;
        history->steps = mem_resize(history->steps, history->capacity * sizeof *history->steps);
    }
    history->steps[history->count++] = *step;
}

/* ---- writing ---- */

static void write_rules(const struct rules *rules, FILE *file) {
    fprintf(file,
            "rules window=%" PRId64 " hold=%" PRId64 " park_for=%" PRId64 " retention=%" PRId64
            " body_retention=%" PRId64 " trim=%d backlog=%u retry=",
            rules->window_ms, rules->hold_ms, rules->park_for_ms, rules->retention_ms, rules->body_retention_ms,
            rules->trim, rules->backlog_max);
    for (unsigned i = 0; i < rules->retry_count; i++)
        fprintf(file, "%s%" PRId64, i == 0 ? "" : ",", rules->retry_ms[i]);
    fprintf(file, " prefer=");
    for (unsigned i = 0; i < EVENT_TYPE_COUNT; i++)
        fprintf(file, "%u", rules->prefer[i]);
    if (rules->verified != GENERATION_UNKNOWN)
        fprintf(file, " verified=%s", generation_name(rules->verified));
    fprintf(file, rules->calm ? " calm\n" : "\n");
}

static void write_item(const struct sketch_item *item, FILE *file) {
    fprintf(file, " item=");
    for (unsigned f = 0; f < item->fact_count; f++) {
        const struct sketch_fact *fact = &item->facts[f];
        fprintf(file, "%s%s:%u:%u:%u", f == 0 ? "" : ",", sketch_fact_name(fact->kind), fact->company, fact->connection,
                fact->number);
    }
}

static void write_arrival(const struct history_step *step, FILE *file) {
    const struct sketch *sketch = &step->sketch;
    fprintf(file, " %u %s %s type=%s for=%s company=%u rule=%u webhook=%u body=%u age=%" PRId64 " lease=%d promise=%d",
            step->label, generation_name(sketch->generation), endpoint_name(sketch->endpoint),
            sketch_type_name(sketch->generation, sketch->type), sketch_type_name(GENERATION_EVENT, sketch->counterpart),
            sketch->company, sketch->rule_id, sketch->webhook_id, sketch->body_id, sketch->age_ms, step->lease,
            step->promise);
    if (sketch->occurrence > 0)
        fprintf(file, " occurrence=%u happened=%" PRId64, sketch->occurrence, sketch->happened_ms);
    for (unsigned i = 0; i < sketch->item_count; i++)
        write_item(&sketch->items[i], file);
}

void history_write_step(const struct history_step *step, FILE *file) {
    fprintf(file, "%s", step_names[step->kind]);
    switch (step->kind) {
    case STEP_ARRIVE:
        write_arrival(step, file);
        break;
    case STEP_WAIT:
    case STEP_SWEEP:
    case STEP_FAIL:
    case STEP_CRASH:
        fprintf(file, " %" PRId64, step->number);
        break;
    case STEP_LEASE:
        fprintf(file, " %s %" PRId64, endpoint_name(step->endpoint), step->number);
        break;
    case STEP_SETTLE:
        fprintf(file, " %u %s retry_after=%" PRId64 " jitter=%d", step->label, result_names[step->attempt.result],
                step->attempt.retry_after_ms, (int)(step->attempt.jitter * 100));
        break;
    case STEP_FLAGS:
        fprintf(file, " %02x %02x", step->flags.on[ENDPOINT_LEGACY], step->flags.on[ENDPOINT_NEW]);
        break;
    case STEP_RESUME:
        fprintf(file, " %u", step->label);
        break;
    case STEP_REPLAY:
        fprintf(file, " %u%s", step->label, step->force ? " force" : "");
        break;
    default:
        break;
    }
    fprintf(file, "\n");
}

void history_write(const struct history *history, FILE *file) {
    write_rules(&history->rules, file);
    for (size_t i = 0; i < history->count; i++)
        history_write_step(&history->steps[i], file);
}

/* ---- reading ---- */

struct line {
    char *rest; /* of strtok_r */
};

static const char *next_word(struct line *line) {
    return strtok_r(NULL, " \n", &line->rest);
}

/* The value of the next word, which must be `name=value`. */
static const char *next_value(struct line *line, const char *name) {
    const char *word = next_word(line);
    size_t len = strlen(name);
    return word != NULL && strncmp(word, name, len) == 0 && word[len] == '=' ? word + len + 1 : NULL;
}

static bool read_number(const char *text, int64_t *number) {
    return text != NULL && str_to_i64(str_of(text), number);
}

static bool read_named(struct line *line, const char *name, int64_t *number) {
    return read_number(next_value(line, name), number);
}

static bool read_small(struct line *line, const char *name, unsigned max, unsigned *number) {
    int64_t value;
    if (!read_named(line, name, &value) || value < 0 || value > (int64_t)max)
        return false;
    *number = (unsigned)value;
    return true;
}

static bool read_retries(const char *text, struct rules *rules) {
    struct str rest = str_of(text), piece;
    rules->retry_count = 0;
    while (rest.len > 0 && str_next(&rest, ',', &piece))
        if (rules->retry_count == RETRY_MAX || !str_to_i64(piece, &rules->retry_ms[rules->retry_count++]))
            return false;
    return text != NULL;
}

static bool read_prefer(const char *text, struct rules *rules) {
    if (text == NULL || strlen(text) != EVENT_TYPE_COUNT)
        return false;
    for (unsigned i = 0; i < EVENT_TYPE_COUNT; i++) {
        if (text[i] < '0' || text[i] > '2')
            return false;
        rules->prefer[i] = (uint8_t)(text[i] - '0');
    }
    return true;
}

static bool read_rules(struct line *line, struct rules *rules) {
    unsigned trim;
    bool good = read_named(line, "window", &rules->window_ms) && read_named(line, "hold", &rules->hold_ms) &&
                read_named(line, "park_for", &rules->park_for_ms) &&
                read_named(line, "retention", &rules->retention_ms) &&
                read_named(line, "body_retention", &rules->body_retention_ms) && read_small(line, "trim", 1, &trim) &&
                read_small(line, "backlog", UINT16_MAX, &rules->backlog_max) &&
                read_retries(next_value(line, "retry"), rules) && read_prefer(next_value(line, "prefer"), rules);
    rules->trim = good && trim == 1;
    rules->verified = GENERATION_UNKNOWN;
    rules->calm = false;
    for (const char *word = next_word(line); good && word != NULL; word = next_word(line)) {
        if (strcmp(word, "calm") == 0)
            rules->calm = true;
        else
            good = strncmp(word, "verified=", strlen("verified=")) == 0 &&
                   generation_parse(str_of(word + strlen("verified=")), &rules->verified);
    }
    return good;
}

static bool read_fact(struct str text, struct sketch_fact *fact) {
    char name[32];
    unsigned company, connection, number;
    char copy[64];
    if (text.len >= sizeof copy)
        return false;
    memcpy(copy, text.at, text.len);
    copy[text.len] = '\0';
    if (sscanf(copy, "%31[a-z-]:%u:%u:%u", name, &company, &connection, &number) != 4)
        return false;
    fact->company = (uint8_t)company;
    fact->connection = (uint8_t)connection;
    fact->number = (uint16_t)number;
    return sketch_fact_parse(name, &fact->kind);
}

static bool read_occurrence(const char *word, struct sketch *sketch) {
    int64_t number;
    if (strncmp(word, "occurrence=", 11) == 0 && read_number(word + 11, &number) && number >= 0 &&
        number <= UINT16_MAX) {
        sketch->occurrence = (uint32_t)number;
        return true;
    }
    return strncmp(word, "happened=", 9) == 0 && read_number(word + 9, &sketch->happened_ms);
}

static bool read_items(struct line *line, struct sketch *sketch) {
    for (const char *word; (word = next_word(line)) != NULL;) {
        if (read_occurrence(word, sketch))
            continue;
        if (strncmp(word, "item=", 5) != 0 || sketch->item_count == SKETCH_ITEMS)
            return false;
        struct sketch_item *item = &sketch->items[sketch->item_count++];
        struct str rest = str_of(word + 5), piece;
        while (rest.len > 0 && str_next(&rest, ',', &piece))
            if (item->fact_count == SKETCH_FACTS || !read_fact(piece, &item->facts[item->fact_count++]))
                return false;
    }
    return sketch->item_count > 0;
}

static bool read_label(struct line *line, struct history_step *step) {
    int64_t label;
    if (!read_number(next_word(line), &label) || label < 0 || label > UINT16_MAX)
        return false;
    step->label = (unsigned)label;
    return true;
}

static bool read_endpoint(struct line *line, enum endpoint *endpoint) {
    const char *word = next_word(line);
    return word != NULL && endpoint_parse(str_of(word), endpoint);
}

static bool read_kind_of_message(struct line *line, struct sketch *sketch) {
    const char *word = next_word(line);
    if (word == NULL || !generation_parse(str_of(word), &sketch->generation) || !read_endpoint(line, &sketch->endpoint))
        return false;
    const char *type = next_value(line, "type");
    const char *counterpart = next_value(line, "for");
    return type != NULL && counterpart != NULL && sketch_type_parse(sketch->generation, type, &sketch->type) &&
           sketch_type_parse(GENERATION_EVENT, counterpart, &sketch->counterpart);
}

static bool read_arrival(struct line *line, struct history_step *step) {
    struct sketch *sketch = &step->sketch;
    unsigned company, rule, webhook, body, lease, promise;
    bool good = read_label(line, step) && read_kind_of_message(line, sketch) &&
                read_small(line, "company", COMPANIES, &company) && read_small(line, "rule", UINT8_MAX, &rule) &&
                read_small(line, "webhook", UINT16_MAX, &webhook) && read_small(line, "body", UINT16_MAX, &body) &&
                read_named(line, "age", &sketch->age_ms) && read_small(line, "lease", 1, &lease) &&
                read_small(line, "promise", 1, &promise) && read_items(line, sketch);
    if (!good)
        return false;
    sketch->company = (uint8_t)company;
    sketch->rule_id = (uint8_t)rule;
    sketch->webhook_id = (uint16_t)webhook;
    sketch->body_id = (uint16_t)body;
    step->lease = lease == 1;
    step->promise = promise == 1;
    return true;
}

static bool read_settlement(struct line *line, struct history_step *step) {
    int64_t jitter;
    if (!read_label(line, step))
        return false;
    const char *word = next_word(line);
    size_t result = 0;
    while (word != NULL && result < ARRAY_LEN(result_names) && strcmp(word, result_names[result]) != 0)
        result++;
    if (word == NULL || result == ARRAY_LEN(result_names) ||
        !read_named(line, "retry_after", &step->attempt.retry_after_ms) || !read_named(line, "jitter", &jitter))
        return false;
    step->attempt.result = (enum model_result)result;
    step->attempt.jitter = (double)jitter / 100;
    return true;
}

static bool read_replay(struct line *line, struct history_step *step) {
    if (!read_label(line, step))
        return false;
    const char *word = next_word(line);
    step->force = word != NULL && strcmp(word, "force") == 0;
    return word == NULL || step->force;
}

static bool read_flags(struct line *line, struct flags *flags) {
    for (size_t i = 0; i < ENDPOINT_COUNT; i++) {
        const char *word = next_word(line);
        if (word == NULL)
            return false;
        flags->on[i] = (uint8_t)strtoul(word, NULL, 16);
    }
    return true;
}

static bool read_step(struct line *line, const char *name, struct history_step *step) {
    size_t kind = 0;
    while (kind < STEP_KIND_COUNT && strcmp(step_names[kind], name) != 0)
        kind++;
    step->kind = (enum step_kind)kind;
    switch (step->kind) {
    case STEP_ARRIVE:
        return read_arrival(line, step);
    case STEP_WAIT:
    case STEP_SWEEP:
    case STEP_FAIL:
    case STEP_CRASH:
        return read_number(next_word(line), &step->number);
    case STEP_LEASE:
        return read_endpoint(line, &step->endpoint) && read_number(next_word(line), &step->number);
    case STEP_SETTLE:
        return read_settlement(line, step);
    case STEP_FLAGS:
        return read_flags(line, &step->flags);
    case STEP_RESUME:
        return read_label(line, step);
    case STEP_REPLAY:
        return read_replay(line, step);
    default:
        return kind < STEP_KIND_COUNT;
    }
}

static bool read_line(struct history *history, char *text) {
    struct line line = {NULL};
    const char *name = strtok_r(text, " \n", &line.rest);
    if (name == NULL || name[0] == '#')
        return true;
    if (strcmp(name, "rules") == 0)
        return read_rules(&line, &history->rules);
    struct history_step step = {.kind = STEP_KIND_COUNT};
    if (!read_step(&line, name, &step))
        return false;
    history_add(history, &step);
    return true;
}

enum err history_read(struct history *history, FILE *file, struct err_detail *detail) {
    char *text = NULL;
    size_t size = 0;
    enum err err = ERR_NONE;
    history_clear(history);
    for (unsigned number = 1; err == ERR_NONE && getline(&text, &size, file) >= 0; number++)
        if (!read_line(history, text))
            err = err_set(detail, ERR_INVALID, "line %u is no step, or not a whole one", number);
    free(text);
    return err;
}
