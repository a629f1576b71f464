/* May both consumers be off for one message? Two rules can be compared in words only where they are simple; so messages
 * are made up from the texts that stand in them, and both flags are asked about each: every company that a rule names,
 * names that differ from those in one letter, and some hundred that nobody named, for the shares of `fractional`.
 *
 * What is found is true, and is the example that is told. What is not found may still be there, in a rule that
 * computes; the verdict of a running proxy asks about the messages that really came. */
#include "proxy/decide/flag_set.h"

#include <stdio.h>

enum { TEXTS_MAX = 400, STRANGERS = 400, CONNECTIONS_MAX = 16, TYPES_MAX = 24, RULES_MAX = 10000, ASKED_MAX = 60000 };

struct texts {
    struct str at[TEXTS_MAX];
    size_t count;
    bool by_connection, by_type, by_generation; /* the rules read these */
    unsigned left;                              /* rules that may still be looked at */
};

static void add_text(struct texts *texts, struct str text) {
    for (size_t i = 0; i < texts->count; i++)
        if (str_eq(texts->at[i], text))
            return;
    if (texts->count < TEXTS_MAX)
        texts->at[texts->count++] = text;
}

static void note_variable(struct texts *texts, struct str name) {
    texts->by_connection = texts->by_connection || str_eq(name, STR("connectionId")) || name.len == 0;
    texts->by_type = texts->by_type || str_eq(name, STR("type")) || name.len == 0;
    texts->by_generation = texts->by_generation || str_eq(name, STR("generation")) || name.len == 0;
}

static void collect(struct texts *texts, const struct flags *flags, const struct json *rule) {
    if (rule == NULL || texts->left == 0)
        return;
    texts->left--;
    if (rule->type == JSON_STRING) {
        note_variable(texts, rule->text);
        add_text(texts, rule->text);
    }
    if (rule->type == JSON_OBJECT && rule->first != NULL && str_eq(rule->first->key, STR("$ref"))) {
        const struct flag_evaluator *evaluator = flag_evaluator_find(flags, json_string(rule->first));
        collect(texts, flags, evaluator == NULL ? NULL : evaluator->json);
    } else if (rule->type == JSON_OBJECT || rule->type == JSON_ARRAY) {
        for (const struct json *item = rule->first; item != NULL; item = item->next)
            collect(texts, flags, item);
    }
}

/* A choice of values of one variable; absent stands for a message that has none. */
struct choice {
    struct str *at;
    size_t count;
};

static void add_near(struct arena *arena, struct choice *choice, struct str text) {
    choice->at[choice->count++] = text;
    choice->at[choice->count++] = arena_printf(arena, STR_FMT "0", STR_ARG(text));
    choice->at[choice->count++] = arena_printf(arena, "0" STR_FMT, STR_ARG(text));
}

static struct choice choose_companies(struct arena *arena, const struct texts *texts) {
    struct choice choice = {.at = ARENA_ARRAY(arena, 3 * texts->count + STRANGERS + 1, struct str)};
    choice.at[choice.count++] = STR_NONE;
    for (size_t i = 0; i < texts->count; i++)
        add_near(arena, &choice, texts->at[i]);
    for (uint32_t i = 0; i < STRANGERS; i++)
        choice.at[choice.count++] = arena_printf(arena, "%08x-0000-4000-8000-%012x", i * 2654435761U, i);
    return choice;
}

static struct choice choose(struct arena *arena, const struct texts *texts, bool is_read, size_t most) {
    size_t count = is_read ? (texts->count < most ? texts->count : most) : 0;
    struct choice choice = {.at = ARENA_ARRAY(arena, count + 2, struct str)};
    for (size_t i = 0; i < count; i++)
        choice.at[choice.count++] = texts->at[i];
    choice.at[choice.count++] = STR("x");
    return choice;
}

struct question {
    const struct flags *flags;
    int64_t now_s;
    struct arena *scratch;
    size_t asked;
};

static bool are_both_off(struct question *question, const struct flag_context *context) {
    arena_reset(question->scratch);
    question->asked++;
    return !flags_consumer(question->flags, FLAG_NEW_CONSUMER, context, question->now_s, question->scratch).on &&
           !flags_consumer(question->flags, FLAG_LEGACY_CONSUMER, context, question->now_s, question->scratch).on;
}

static void tell_example(struct arena *arena, const struct texts *texts, const struct flag_context *context,
                         struct str *example) {
    struct strbuf text = {0};
    if (context->company.at == NULL)
        strbuf_append(&text, STR("without a company"));
    else
        strbuf_printf(&text, "of company \"" STR_FMT "\"", STR_ARG(context->company));
    if (texts->by_connection)
        strbuf_printf(&text, ", connection \"" STR_FMT "\"", STR_ARG(context->connection));
    if (texts->by_type)
        strbuf_printf(&text, ", type \"" STR_FMT "\"", STR_ARG(context->type));
    if (texts->by_generation)
        strbuf_printf(&text, ", generation \"" STR_FMT "\"", STR_ARG(context->generation));
    *example = arena_str(arena, strbuf_str(&text));
    strbuf_clear(&text);
}

static bool search(struct question *question, struct arena *arena, const struct texts *texts, struct str *example) {
    static const struct str generations[] = {STR("event"), STR("rule")};
    struct choice companies = choose_companies(arena, texts);
    struct choice connections = choose(arena, texts, texts->by_connection, CONNECTIONS_MAX);
    struct choice types = choose(arena, texts, texts->by_type, TYPES_MAX);
    for (size_t i = 0; i < companies.count && question->asked < ASKED_MAX; i++)
        for (size_t c = 0; c < connections.count; c++)
            for (size_t t = 0; t < types.count; t++)
                for (size_t g = 0; g < (texts->by_generation ? 2 : 1); g++) {
                    const struct flag_context context = {.targeting_key = companies.at[i],
                                                         .company = companies.at[i],
                                                         .connection = connections.at[c],
                                                         .type = types.at[t],
                                                         .generation = generations[g]};
                    if (!are_both_off(question, &context))
                        continue;
                    tell_example(arena, texts, &context, example);
                    return true;
                }
    return false;
}

bool flags_find_both_off(const struct flags *flags, int64_t now_s, struct arena *arena, struct str *example) {
    static const enum consumer_flag consumers[] = {FLAG_LEGACY_CONSUMER, FLAG_NEW_CONSUMER};
    if (!flags_consumer_may_be(flags, FLAG_LEGACY_CONSUMER, false) ||
        !flags_consumer_may_be(flags, FLAG_NEW_CONSUMER, false))
        return false;
    struct texts *texts = ARENA_NEW(arena, struct texts);
    texts->left = RULES_MAX;
    for (size_t i = 0; i < ARRAY_LEN(consumers); i++)
        if (flags->consumers[consumers[i]].is_targeted)
            collect(texts, flags, flags->consumers[consumers[i]].flag->targeting);
    struct question question = {flags, now_s, arena_new(0), 0};
    bool found = search(&question, arena, texts, example);
    arena_free(question.scratch);
    return found;
}

void flags_warn_of_both_off(const struct flags *flags, int64_t now_s, struct arena *arena,
                            struct flag_problems *problems) {
    struct str example;
    bool any_on = flags_consumer_may_be(flags, FLAG_LEGACY_CONSUMER, true) ||
                  flags_consumer_may_be(flags, FLAG_NEW_CONSUMER, true);
    if (any_on && flags_find_both_off(flags, now_s, arena, &example)) /* else flags_load() has warned */
        flag_problems_add(problems, arena, FLAG_WARNING, STR_NONE,
                          arena_printf(arena,
                                       "both consumers may be off for one message, for example one " STR_FMT
                                       ": it is parked, and expires if nothing is switched on",
                                       STR_ARG(example)));
}
