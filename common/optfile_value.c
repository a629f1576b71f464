/* Every value goes through text: a scalar of the file is turned into the text that a variable would hold, and a
 * variable that holds JSON into the value that would stand in the file. So a setting means the same wherever it is
 * given. */
#include "common/optfile_value.h"

#include "common/units.h"
#include "common/url.h"

#include <stdlib.h>

enum { SHOWN_LEN = 60, VALUES_MAX = 10000 };

_Static_assert(sizeof(enum opt_type) == sizeof(int), "choices are written as int into enums");

struct target {
    struct arena *arena;
    const struct opt *opt;
    void *values;
    struct opt_fault *fault;
};

static void *place_of(const struct target *target) {
    return (char *)target->values + target->opt->offset;
}

static struct str take(const struct target *target, struct strbuf *buf) {
    struct str copy = arena_str(target->arena, strbuf_str(buf));
    strbuf_clear(buf);
    return copy;
}

/* The text in quotation marks, cut, without what would disturb a terminal, or a password of a URL; a secret only as
 * "the value". */
static void show(struct strbuf *out, const struct target *target, struct str text) {
    if (target->opt->is_secret) {
        strbuf_append(out, STR("the value"));
        return;
    }
    struct strbuf masked = {0};
    url_append_masked(&masked, text);
    text = strbuf_str(&masked);
    size_t shown = str_utf8_len(str_slice(text.at, text.len < SHOWN_LEN ? text.len : SHOWN_LEN));
    strbuf_append_char(out, '"');
    for (size_t i = 0; i < shown; i++)
        strbuf_append_char(out, (unsigned char)text.at[i] < 0x20 || text.at[i] == 0x7f ? '?' : text.at[i]);
    strbuf_append(out, shown < text.len ? STR("...\"") : STR("\""));
    strbuf_clear(&masked);
}

static bool refuse(const struct target *target, struct strbuf *what) {
    struct strbuf right = {0};
    opt_describe(&right, target->opt);
    target->fault->what = take(target, what);
    target->fault->right = take(target, &right);
    return false;
}

static bool refuse_text(const struct target *target, struct str text, const char *why) {
    struct strbuf what = {0};
    show(&what, target, text);
    strbuf_printf(&what, " %s", why);
    return refuse(target, &what);
}

static bool in_range(const struct target *target, struct str text, int64_t amount) {
    const struct opt *opt = target->opt;
    if (amount >= opt->min && amount <= opt->max)
        return true;
    struct strbuf why = {0};
    strbuf_append(&why, amount < opt->min ? STR("is less than ") : STR("is more than "));
    opt_amount_print(&why, opt, amount < opt->min ? opt->min : opt->max);
    refuse_text(target, text, why.at);
    strbuf_clear(&why);
    return false;
}

static const char *check_characters(struct str text) {
    for (size_t i = 0; i < text.len; i++)
        if ((unsigned char)text.at[i] < 0x20 || text.at[i] == 0x7f)
            return "holds a line break or another control character";
    return NULL;
}

static bool check_text(const struct target *target, struct str text, opt_check *check) {
    const char *wrong = check_characters(text);
    if (wrong == NULL && check != NULL)
        wrong = check(text);
    if (wrong == NULL)
        return true;
    refuse_text(target, text, wrong);
    target->fault->right = STR_NONE; /* the type is right, so naming it would mislead */
    return false;
}

static int find_choice(const char *const *choices, struct str text) {
    for (int i = 0; choices[i] != NULL; i++)
        if (str_eq(str_of(choices[i]), text))
            return i;
    return -1;
}

static bool write_text(const struct target *target, struct str text) {
    if (!check_text(target, text, target->opt->check))
        return false;
    *(struct str *)place_of(target) = arena_str(target->arena, text);
    return true;
}

static bool write_bool(const struct target *target, struct str text) {
    bool is_true = str_eq(text, STR("true"));
    if (!is_true && !str_eq(text, STR("false")))
        return refuse_text(target, text, "is neither true nor false");
    *(bool *)place_of(target) = is_true;
    return true;
}

static bool write_int(const struct target *target, struct str text) {
    int64_t value;
    if (!str_to_i64(text, &value))
        return refuse_text(target, text, "is no whole number");
    if (!in_range(target, text, value))
        return false;
    *(int64_t *)place_of(target) = value;
    return true;
}

static bool read_duration(const struct target *target, struct str text, int64_t *ms) {
    if (!duration_parse(text, ms))
        return refuse_text(target, text, "is no duration");
    return in_range(target, text, *ms);
}

static bool write_duration(const struct target *target, struct str text) {
    int64_t ms;
    if (!read_duration(target, text, &ms))
        return false;
    *(int64_t *)place_of(target) = ms;
    return true;
}

static bool write_size(const struct target *target, struct str text) {
    size_t bytes;
    if (!size_parse(text, &bytes))
        return refuse_text(target, text, "is no size");
    if (!in_range(target, text, bytes > INT64_MAX ? INT64_MAX : (int64_t)bytes))
        return false;
    *(size_t *)place_of(target) = bytes;
    return true;
}

static bool write_choice(const struct target *target, struct str text) {
    int choice = find_choice(target->opt->choices, text);
    if (choice < 0)
        return refuse_text(target, text, "is no choice");
    memcpy(place_of(target), &choice, sizeof choice);
    return true;
}

/* Takes the texts over. */
static bool write_list(const struct target *target, const struct str *items, size_t count) {
    for (size_t i = 0; i < count; i++) {
        if (items[i].len == 0)
            return refuse_text(target, items[i], "stands in the list, empty");
        if (!check_text(target, items[i], target->opt->check))
            return false;
    }
    *(struct opt_list *)place_of(target) = (struct opt_list){items, count};
    return true;
}

static bool write_durations(const struct target *target, const struct str *items, size_t count) {
    int64_t *ms = ARENA_ARRAY(target->arena, count, int64_t);
    for (size_t i = 0; i < count; i++)
        if (!read_duration(target, items[i], &ms[i]))
            return false;
    *(struct opt_durations *)place_of(target) = (struct opt_durations){ms, count};
    return true;
}

static bool write_items(const struct target *target, const struct str *items, size_t count) {
    return target->opt->type == OPT_LIST ? write_list(target, items, count) : write_durations(target, items, count);
}

static bool write_pieces(const struct target *target, struct str text) {
    size_t room = 1, count = 0;
    for (size_t i = 0; i < text.len; i++)
        room += text.at[i] == ',' ? 1 : 0;
    struct str *items = ARENA_ARRAY(target->arena, room, struct str), piece;
    while (str_next(&text, ',', &piece))
        items[count++] = arena_str(target->arena, str_trim(piece));
    return write_items(target, items, count);
}

static const char *type_of(const struct json *json) {
    static const char *const names[] = {
        [JSON_NULL] = "null",       [JSON_BOOL] = "true or false", [JSON_NUMBER] = "a number",
        [JSON_STRING] = "a string", [JSON_ARRAY] = "an array",     [JSON_OBJECT] = "an object",
    };
    return names[json->type];
}

static bool refuse_type(const struct target *target, const struct json *json, const char *whose) {
    struct strbuf what = {0};
    strbuf_printf(&what, "%s %s", whose, type_of(json));
    target->fault->at = json;
    return refuse(target, &what);
}

static bool write_array(const struct target *target, const struct json *array) {
    struct str *items = ARENA_ARRAY(target->arena, array->count, struct str);
    size_t count = 0;
    for (const struct json *item = array->first; item != NULL; item = item->next) {
        if (item->type != JSON_STRING)
            return refuse_type(target, item, "an element is");
        items[count++] = item->text;
    }
    return write_items(target, items, count);
}

static bool check_pair(const struct target *target, const struct json *member) {
    target->fault->at = member;
    if (member->type != JSON_STRING)
        return refuse_type(target, member, "a value is");
    const char *const *choices = target->opt->choices;
    if (choices != NULL && find_choice(choices, member->text) < 0)
        return refuse_text(target, member->text, "is no choice");
    return check_text(target, member->key, target->opt->check_name) &&
           check_text(target, member->text, target->opt->check);
}

static bool write_object(const struct target *target, const struct json *object) {
    struct opt_pair *pairs = ARENA_ARRAY(target->arena, object->count, struct opt_pair);
    size_t count = 0;
    for (const struct json *member = object->first; member != NULL; member = member->next) {
        if (!check_pair(target, member))
            return false;
        for (size_t i = 0; i < count; i++) {
            if (str_eq(pairs[i].name, member->key)) {
                struct strbuf what = {0};
                strbuf_printf(&what, "the key \"%.*s\" stands in it a second time",
                              (int)(member->key.len < SHOWN_LEN ? member->key.len : SHOWN_LEN), member->key.at);
                return refuse(target, &what);
            }
        }
        pairs[count++] = (struct opt_pair){member->key, member->text};
    }
    *(struct opt_object *)place_of(target) = (struct opt_object){pairs, count};
    return true;
}

static bool write_parsed(const struct target *target, struct str text) {
    static const struct json_limits limits = {.depth = 4, .values = VALUES_MAX};
    struct json *json;
    struct json_error error;
    struct strbuf what = {0};
    if (json_parse(target->arena, text, &limits, &json, &error) == ERR_NONE) {
        bool is_written = opt_value_from_json(target->arena, target->opt, json, target->values, target->fault);
        target->fault->at = NULL; /* the place of a text that is in no file */
        return is_written;
    }
    strbuf_printf(&what, "is no JSON: %s (at byte %u)", error.what, error.offset + 1);
    return refuse(target, &what);
}

/* Nothing given on purpose, as far as one can tell: a variable that is set but empty is often a mistake, and an empty
 * secret would take a protection away. */
static bool write_nothing(const struct target *target) {
    static const size_t sizes[] = {[OPT_TEXT] = sizeof(struct str),
                                   [OPT_LIST] = sizeof(struct opt_list),
                                   [OPT_DURATIONS] = sizeof(struct opt_durations),
                                   [OPT_OBJECT] = sizeof(struct opt_object)};
    const struct opt *opt = target->opt;
    size_t size = (size_t)opt->type < ARRAY_LEN(sizes) ? sizes[opt->type] : 0;
    if (opt->is_required || opt->is_secret || opt->initial != NULL || size == 0) {
        struct strbuf what = {0};
        strbuf_append(&what, STR("is empty"));
        return refuse(target, &what);
    }
    memset(place_of(target), 0, size);
    return true;
}

bool opt_value_from_text(struct arena *arena, const struct opt *opt, struct str text, void *values,
                         struct opt_fault *fault) {
    struct target target = {arena, opt, values, fault};
    fault->at = NULL;
    if (text.len == 0)
        return write_nothing(&target);
    switch (opt->type) {
    case OPT_TEXT:
        return write_text(&target, text);
    case OPT_BOOL:
        return write_bool(&target, text);
    case OPT_INT:
        return write_int(&target, text);
    case OPT_DURATION:
        return write_duration(&target, text);
    case OPT_SIZE:
        return write_size(&target, text);
    case OPT_CHOICE:
        return write_choice(&target, text);
    case OPT_LIST:
    case OPT_DURATIONS: /* JSON lets an element hold a comma */
        return text.at[0] == '[' ? write_parsed(&target, text) : write_pieces(&target, text);
    case OPT_OBJECT:
        return write_parsed(&target, text);
    }
    abort();
}

bool opt_value_from_json(struct arena *arena, const struct opt *opt, const struct json *json, void *values,
                         struct opt_fault *fault) {
    struct target target = {arena, opt, values, fault};
    bool is_amount = opt->type == OPT_INT || opt->type == OPT_DURATION || opt->type == OPT_SIZE;
    bool is_list = opt->type == OPT_LIST || opt->type == OPT_DURATIONS;
    fault->at = NULL;
    if (json->type == JSON_OBJECT && opt->type == OPT_OBJECT)
        return write_object(&target, json);
    if (json->type == JSON_ARRAY && is_list)
        return write_array(&target, json);
    if (json->type == JSON_NUMBER && is_amount)
        return opt_value_from_text(arena, opt, json->text, values, fault);
    if (json->type == JSON_BOOL && opt->type == OPT_BOOL)
        return write_bool(&target, json->boolean ? STR("true") : STR("false"));
    bool takes_string = opt->type != OPT_OBJECT && opt->type != OPT_BOOL && opt->type != OPT_INT;
    if (json->type == JSON_STRING && takes_string)
        return opt_value_from_text(arena, opt, json->text, values, fault);
    return refuse_type(&target, json, "is");
}
