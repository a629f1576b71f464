/* flagd's JSON schema as a table: which operators there are, how many arguments each takes and of what kind
 * (json/targeting.json and json/flags.json of flagd-schemas). What it forbids works here, or harms one flag only, so
 * these are warnings; but editors and other evaluators of the same file may think otherwise. */
#include "proxy/decide/flag_set.h"

#include "proxy/decide/semver.h"

#include <math.h>

enum argument { ANY_RULE, NAMES, TEXTS, BUCKETS, VERSIONS, VARIABLE };

struct shape {
    struct str name;
    uint32_t least, most; /* arguments; most 0: any number */
    enum argument kind;
    bool may_stand_alone; /* {"!": x} for {"!": [x]} */
};

static const struct shape shapes[] = {
    {STR("var"), 1, 0, VARIABLE, true},        {STR("missing"), 0, 0, NAMES, false},
    {STR("missing_some"), 2, 2, NAMES, false}, {STR("if"), 1, 0, ANY_RULE, false},
    {STR("=="), 2, 2, ANY_RULE, false},        {STR("==="), 2, 2, ANY_RULE, false},
    {STR("!="), 2, 2, ANY_RULE, false},        {STR("!=="), 2, 2, ANY_RULE, false},
    {STR(">"), 2, 2, ANY_RULE, false},         {STR(">="), 2, 2, ANY_RULE, false},
    {STR("<"), 2, 3, ANY_RULE, false},         {STR("<="), 2, 3, ANY_RULE, false},
    {STR("%"), 2, 2, ANY_RULE, false},         {STR("/"), 2, 2, ANY_RULE, false},
    {STR("map"), 2, 2, ANY_RULE, false},       {STR("filter"), 2, 2, ANY_RULE, false},
    {STR("all"), 2, 2, ANY_RULE, false},       {STR("none"), 2, 2, ANY_RULE, false},
    {STR("some"), 2, 2, ANY_RULE, false},      {STR("in"), 2, 2, ANY_RULE, false},
    {STR("substr"), 2, 3, ANY_RULE, false},    {STR("reduce"), 3, 3, ANY_RULE, false},
    {STR("*"), 2, 0, ANY_RULE, false},         {STR("!"), 1, 1, ANY_RULE, true},
    {STR("!!"), 1, 1, ANY_RULE, true},         {STR("or"), 1, 0, ANY_RULE, false},
    {STR("and"), 1, 0, ANY_RULE, false},       {STR("+"), 1, 0, ANY_RULE, false},
    {STR("-"), 1, 0, ANY_RULE, false},         {STR("max"), 1, 0, ANY_RULE, false},
    {STR("min"), 1, 0, ANY_RULE, false},       {STR("merge"), 1, 0, ANY_RULE, false},
    {STR("cat"), 1, 0, ANY_RULE, false},       {STR("starts_with"), 2, 2, TEXTS, false},
    {STR("ends_with"), 2, 2, TEXTS, false},    {STR("sem_ver"), 3, 3, VERSIONS, false},
    {STR("fractional"), 1, 0, BUCKETS, false},
};

struct checker {
    struct flag_report *report;
    struct str flag;
};

static void warn(const struct checker *checker, const struct json *at, const char *what, struct str name) {
    flag_report_at(checker->report, FLAG_WARNING, checker->flag, at->start, "\"" STR_FMT "\" %s",
                   (int)(name.len < 60 ? name.len : 60), str_chars(name), what);
}

static const struct shape *shape_find(struct str name) {
    for (size_t i = 0; i < ARRAY_LEN(shapes); i++)
        if (str_eq(shapes[i].name, name))
            return &shapes[i];
    return NULL;
}

static bool is_text(const struct json *json) {
    return json->type == JSON_STRING;
}

/* $flagd has two members: to read another is a typing error that gives null. */
static void check_variable(const struct checker *checker, const struct json *body) {
    const struct json *name = body->type == JSON_ARRAY ? body->first : body;
    struct str text = json_string(name);
    if (str_starts_with(text, STR("$flagd.")) && !str_eq(text, STR("$flagd.flagKey")) &&
        !str_eq(text, STR("$flagd.timestamp")))
        warn(checker, name, "does not exist: there are $flagd.flagKey and $flagd.timestamp", text);
    if (body->type == JSON_ARRAY && name != NULL && !is_text(name))
        warn(checker, name, "takes the name as a text", STR("var"));
}

static void check_names(const struct checker *checker, const struct json *body, struct str op) {
    const struct json *list = body;
    if (str_eq(op, STR("missing_some")) && body->type == JSON_ARRAY && body->count == 2) {
        list = body->first->next;
        if (body->first->type != JSON_NUMBER || list->type != JSON_ARRAY)
            warn(checker, body, "takes a number and a list of names", op);
    }
    for (const struct json *item = list->type == JSON_ARRAY ? list->first : NULL; item != NULL; item = item->next)
        if (!is_text(item))
            warn(checker, item, "takes names as texts", op);
}

static void check_texts(const struct checker *checker, const struct json *body, struct str op) {
    for (const struct json *item = body->type == JSON_ARRAY ? body->first : NULL; item != NULL; item = item->next)
        if (!is_text(item) && item->type != JSON_OBJECT)
            warn(checker, item, "takes texts, and gives null for anything else", op);
}

static void check_versions(const struct checker *checker, const struct json *body, struct str op) {
    static const struct str tests[] = {STR("="),  STR("!="), STR(">"), STR("<"),
                                       STR(">="), STR("<="), STR("~"), STR("^")};
    struct semver version;
    bool known = false;
    if (body->type != JSON_ARRAY || body->count != 3)
        return;
    const struct json *a = body->first, *test = a->next, *b = test->next;
    for (size_t i = 0; i < ARRAY_LEN(tests); i++)
        known = known || (is_text(test) && str_eq(test->text, tests[i]));
    if (!known)
        warn(checker, test, "compares by = != > < >= <= ~ or ^, and gives null for anything else", op);
    for (const struct json *item = a; item != NULL; item = item == a ? b : NULL)
        if (item->type != JSON_OBJECT && !(is_text(item) && semver_parse(item->text, &version)))
            warn(checker, item, "takes versions as texts", op);
}

static void check_bucket(const struct checker *checker, const struct json *bucket, struct str op) {
    double weight;
    if (bucket->count < 1 || bucket->count > 2) {
        warn(checker, bucket, "takes buckets of a variant and a weight", op);
        return;
    }
    const struct json *number = bucket->first->next;
    if (number == NULL || number->type == JSON_OBJECT)
        return;
    bool is_weight =
        number->type == JSON_NUMBER && str_to_double(number->text, &weight) && weight >= 0 && weight == trunc(weight);
    if (!is_weight)
        warn(checker, number, "takes weights that are whole and not negative", op);
}

static void check_buckets(const struct checker *checker, const struct json *body, struct str op) {
    if (body->type != JSON_ARRAY)
        return;
    for (const struct json *item = body->first; item != NULL; item = item->next) {
        if (item->type == JSON_ARRAY)
            check_bucket(checker, item, op);
        else if (item != body->first)
            warn(checker, item, "takes buckets as lists, and gives null for anything else", op);
    }
}

static void check_count(const struct checker *checker, const struct json *body, const struct shape *shape) {
    if (body->type != JSON_ARRAY) {
        if (!shape->may_stand_alone)
            warn(checker, body, "takes its arguments as a list", shape->name);
        return;
    }
    if (body->count < shape->least)
        warn(checker, body, "has too few arguments", shape->name);
    if (shape->most > 0 && body->count > shape->most)
        warn(checker, body, "has too many arguments", shape->name);
}

static void check_arguments(const struct checker *checker, const struct json *body, const struct shape *shape) {
    check_count(checker, body, shape);
    switch (shape->kind) {
    case ANY_RULE:
        break;
    case VARIABLE:
        check_variable(checker, body);
        break;
    case NAMES:
        check_names(checker, body, shape->name);
        break;
    case TEXTS:
        check_texts(checker, body, shape->name);
        break;
    case VERSIONS:
        check_versions(checker, body, shape->name);
        break;
    case BUCKETS:
        check_buckets(checker, body, shape->name);
        break;
    }
}

static void check_object(const struct checker *checker, const struct json *json) {
    const struct json *body = json->first;
    if (json->count != 1) {
        if (json->count > 1)
            warn(checker, json, "has company: an object with several members is data, not a rule", body->key);
        return;
    }
    if (str_eq(body->key, STR("$ref"))) {
        if (!is_text(body))
            warn(checker, body, "takes the name of an evaluator", body->key);
        return;
    }
    const struct shape *shape = shape_find(body->key);
    bool is_told = checker->flag.at != NULL && !logic_is_operator(body->key); /* it has broken the flag */
    if (shape == NULL && !is_told)
        warn(checker, json, "is no operator of flagd's schema", body->key);
    else if (shape != NULL)
        check_arguments(checker, body, shape);
}

/* The tree is no deeper than the parser lets it be. */
static void check_tree(const struct checker *checker, const struct json *json) {
    if (json->type == JSON_OBJECT)
        check_object(checker, json);
    if (json->type == JSON_OBJECT || json->type == JSON_ARRAY)
        for (const struct json *child = json->first; child != NULL; child = child->next)
            check_tree(checker, child);
}

void flag_check_rule(struct flag_report *report, struct str flag, const struct json *rule) {
    struct checker checker = {report, flag};
    if (rule->type != JSON_OBJECT)
        warn(&checker, rule, "must be an object", STR("targeting"));
    check_tree(&checker, rule);
}
