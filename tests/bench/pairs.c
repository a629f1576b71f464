/* Which rule goes with which event is not written down anywhere: two bodies are a pair when they share a fact, and
 * an occurrence made of them is sound when it shares none with the next one. So a wrong pair cannot slip in, and a
 * new body in the corpus takes part by being there. */
#include "tests/bench/pairs.h"

#include "common/file.h"
#include "common/json.h"
#include "proxy/decide/classify.h"

#include <dirent.h>
#include <stdlib.h>

enum { BODY_MAX = 1 << 20, SAMPLES_MAX = 256, PAIRS_MAX = 4096 };

struct sample {
    struct str text, date;
    struct message message;
};

struct samples {
    struct sample items[SAMPLES_MAX];
    size_t count;
};

static bool is_same_id(struct str key) {
    return str_starts_with(key, STR("same-id/"));
}

static bool share_fact(const struct message *a, const struct message *b) {
    for (size_t i = 0; i < a->items[0].fact_count; i++)
        for (size_t j = 0; j < b->items[0].fact_count; j++)
            if (!is_same_id(a->items[0].facts[i].key) &&
                str_eq_nocase(a->items[0].facts[i].key, b->items[0].facts[j].key))
                return true;
    return false;
}

/* Where the date of an event stands in its text. */
static struct str find_date(struct arena *arena, struct str text) {
    const struct json_limits limits = {.depth = BODY_DEPTH_MAX, .values = BODY_VALUES_MAX};
    struct json *root;
    if (json_parse(arena, text, &limits, &root, NULL) != ERR_NONE)
        return STR_NONE;
    const struct json *date = json_get(root, STR("generatedDate"));
    if (date == NULL || date->type != JSON_STRING)
        return STR_NONE;
    return str_slice(text.at + date->start + 1, date->end - date->start - 2);
}

static enum err read_sample(struct arena *arena, const struct catalog *catalog, const char *path,
                            struct samples *samples, struct err_detail *detail) {
    struct sample *sample = &samples->items[samples->count];
    if (samples->count == SAMPLES_MAX)
        return err_set(detail, ERR_LIMIT, "%s: more than %d bodies", path, SAMPLES_MAX);
    enum err err = file_read(arena, path, BODY_MAX, &sample->text, detail);
    if (err != ERR_NONE) {
        err_prefix(detail, "%s", path);
        return err;
    }
    if (classify(catalog, sample->text, arena, &sample->message, NULL) != ERR_NONE)
        return err_set(detail, ERR_INVALID, "%s: is no message", path);
    sample->date = find_date(arena, sample->text);
    if (sample->message.item_count == 1)
        samples->count++;
    return ERR_NONE;
}

static int is_json_file(const struct dirent *entry) {
    return str_ends_with(str_of(entry->d_name), STR(".json"));
}

static enum err read_folder(struct arena *arena, const struct catalog *catalog, const char *folder, const char *name,
                            struct samples *samples, struct err_detail *detail) {
    struct str path = arena_printf(arena, "%s/%s", folder, name);
    struct dirent **entries;
    int count = scandir(path.at, &entries, is_json_file, alphasort); /* in order: the same everywhere */
    if (count < 0)
        return err_set(detail, ERR_NOT_FOUND, "%s: cannot be read", path.at);
    enum err err = ERR_NONE;
    for (int i = 0; i < count; i++) {
        struct str file = arena_printf(arena, "%s/%s", path.at, entries[i]->d_name);
        if (err == ERR_NONE)
            err = read_sample(arena, catalog, file.at, samples, detail);
        free(entries[i]);
    }
    free(entries);
    return err;
}

/* The message that occurrence `number` of a body makes. */
static bool instance(struct arena *arena, const struct catalog *catalog, const struct body *body, uint64_t number,
                     struct message *message) {
    char *text = arena_alloc(arena, body->text.len);
    body_write(body, 1, number, "2025-01-01T00:00:00.000Z", text);
    return classify(catalog, str_slice(text, body->text.len), arena, message, NULL) == ERR_NONE &&
           message->item_count == 1;
}

enum soundness { UNSOUND, SOUND, RECURRING };

/* Two occurrences: are the sides of each twins, and has each message an id of its own? */
static enum soundness judge(struct arena *arena, const struct catalog *catalog, const struct pair *pair) {
    struct message made[SIDE_COUNT][2] = {0};
    for (int side = 0; side < SIDE_COUNT; side++)
        for (uint64_t number = 0; number < 2; number++)
            if (!instance(arena, catalog, &pair->sides[side], number, &made[side][number]))
                return UNSOUND;
    for (int side = 0; side < SIDE_COUNT; side++)
        if (made[side][0].body_id.len == 0 || str_eq_nocase(made[side][0].body_id, made[side][1].body_id))
            return UNSOUND;
    if (!share_fact(&made[SIDE_RULE][0], &made[SIDE_EVENT][0]))
        return UNSOUND;
    return share_fact(&made[SIDE_RULE][0], &made[SIDE_EVENT][1]) ? RECURRING : SOUND;
}

static enum soundness make_pair(struct arena *arena, const struct catalog *catalog, const struct sample *rule,
                                const struct sample *event, size_t min_len, struct pair *pair) {
    struct body_ids *ids = ARENA_NEW(arena, struct body_ids);
    /* Rules are few in life, and have had their ids for long. */
    struct str kept = rule->message.rule_id;
    pair->rule_type = arena_str(arena, rule->message.type);
    if (body_prepare(arena, rule->text, rule->date, kept, min_len, ids, &pair->sides[SIDE_RULE]) != ERR_NONE ||
        body_prepare(arena, event->text, event->date, kept, min_len, ids, &pair->sides[SIDE_EVENT]) != ERR_NONE)
        return UNSOUND;
    return judge(arena, catalog, pair);
}

/* Puts a pair at the end of its group; samples come in the order of their files, so groups have to be searched. */
static void add_to_groups(struct arena *arena, struct pair_group **groups, size_t *count, const struct pair *pair) {
    size_t at = 0;
    while (at < *count && !str_eq((*groups)[at].rule_type, pair->rule_type))
        at++;
    if (at == *count) {
        struct pair_group *larger = ARENA_ARRAY(arena, *count + 1, struct pair_group);
        if (*count > 0)
            memcpy(larger, *groups, *count * sizeof *larger);
        *groups = larger;
        larger[(*count)++] = (struct pair_group){.rule_type = pair->rule_type};
    }
    struct pair_group *group = &(*groups)[at];
    struct pair *pairs = ARENA_ARRAY(arena, group->count + 1, struct pair);
    if (group->count > 0)
        memcpy(pairs, group->pairs, group->count * sizeof *pairs);
    pairs[group->count++] = *pair;
    group->pairs = pairs;
}

static size_t longer(size_t longest, const struct pair *pair) {
    for (int side = 0; side < SIDE_COUNT; side++)
        if (pair->sides[side].text.len > longest)
            longest = pair->sides[side].text.len;
    return longest;
}

static void match(struct arena *arena, const struct catalog *catalog, const struct samples *rules,
                  const struct samples *events, size_t min_len, struct pair_set *set) {
    for (size_t r = 0; r < rules->count; r++)
        for (size_t e = 0; e < events->count; e++) {
            struct pair pair;
            if (!share_fact(&rules->items[r].message, &events->items[e].message))
                continue;
            enum soundness soundness = make_pair(arena, catalog, &rules->items[r], &events->items[e], min_len, &pair);
            if (soundness == SOUND)
                add_to_groups(arena, &set->groups, &set->count, &pair);
            else if (soundness == RECURRING)
                add_to_groups(arena, &set->recurring, &set->recurring_count, &pair);
            if (soundness != UNSOUND)
                set->longest = longer(set->longest, &pair);
        }
}

enum err pairs_load(struct arena *arena, const char *folder, size_t min_body_len, struct pair_set *set,
                    struct err_detail *detail) {
    struct catalog *catalog = catalog_builtin();
    struct samples *rules = ARENA_NEW(arena, struct samples), *events = ARENA_NEW(arena, struct samples);
    struct pair_set found = {0};
    enum err err = read_folder(arena, catalog, folder, "rule", rules, detail);
    if (err == ERR_NONE)
        err = read_folder(arena, catalog, folder, "event", events, detail);
    if (err == ERR_NONE)
        match(arena, catalog, rules, events, min_body_len, &found);
    if (err == ERR_NONE && found.count == 0)
        err = err_set(detail, ERR_NOT_FOUND, "%s: no rule and event that are twins", folder);
    if (err == ERR_NONE)
        *set = found;
    catalog_free(catalog);
    return err;
}
