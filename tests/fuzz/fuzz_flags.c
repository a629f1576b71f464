/* Any flag file at all, and behind a line of three dashes any context: it is refused with a place, or all its flags are
 * evaluated and switched, and what comes out keeps to the promises of flags.h and flags_edit.h. */
#include "proxy/decide/flags_edit.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { NOW_S = 1725192000, FLAGS_TRIED = 50 };

static void require(bool holds) {
    if (!holds)
        abort();
}

static void check_outcome(const struct flag_outcome *outcome) {
    static const struct json_limits limits = {400, 3000000, false, false, false};
    struct arena *arena = arena_new(0);
    struct strbuf out = {0};
    struct json_writer writer;
    struct json *root;
    require((outcome->reason == FLAG_REASON_ERROR) == (outcome->error != FLAG_ERROR_NONE));
    require(outcome->variant.at == NULL || (outcome->value != NULL && outcome->error == FLAG_ERROR_NONE));
    require(outcome->reason != FLAG_REASON_TARGETING_MATCH || outcome->variant.at != NULL);
    json_begin(&writer, &out);
    flags_outcome_write(outcome, &writer);
    require(json_parse(arena, strbuf_str(&out), &limits, &root, NULL) == ERR_NONE);
    strbuf_clear(&out);
    arena_free(arena);
}

static void eval_all(const struct flags *flags, const struct json *context, struct arena *arena) {
    for (size_t i = 0; i < flags_count(flags) && i < FLAGS_TRIED; i++) {
        struct flag_outcome outcome;
        struct flag_view flag = flags_at(flags, i);
        flags_eval(flags, flag.key, context, NULL, (enum flag_type)(i % (FLAG_TYPE_OBJECT + 1)), NOW_S, arena,
                   &outcome);
        check_outcome(&outcome);
        require(outcome.error != FLAG_ERROR_NOT_FOUND);
        require((outcome.reason == FLAG_REASON_DISABLED) == flag.is_disabled);
        require(flag.is_disabled || (flag.is_broken ? outcome.error == FLAG_ERROR_PARSE : true));
    }
}

static void check_consumers(const struct flags *flags, struct str text, struct arena *arena) {
    struct str some = str_slice(text.at, text.len < 20 ? text.len : 20);
    const struct flag_context context = {some, STR("rule"), STR("Sync Completed"), some, some};
    for (enum consumer_flag i = 0; i < CONSUMER_FLAG_COUNT; i++) {
        struct flag_decision decision = flags_consumer(flags, i, &context, NOW_S, arena);
        require(decision.variant.at != NULL || decision.on == consumer_flag_unmigrated(i));
        require((decision.error == FLAG_ERROR_NONE) == (decision.reason != FLAG_REASON_ERROR));
    }
}

/* What is switched is switched: the new text has the new default, and switching again changes nothing. */
static void check_switches(struct str text) {
    for (enum consumer_flag i = 0; i < CONSUMER_FLAG_COUNT; i++) {
        struct strbuf once = {0}, twice = {0};
        struct err_detail detail = {.text = ""};
        bool on = text.len % 2 == 0;
        const struct str company = STR("c");
        const struct flags_switch wanted = {.flag = i,
                                            .on = on,
                                            .force = true,
                                            .percent = (int)(text.len % 103) - 2 < 0 ? -1 : (int)(text.len % 103) - 2,
                                            .companies = &company,
                                            .company_count = text.len % 3 == 0 ? 1 : 0};
        if (flags_edit_switch(text, &wanted, &once, &detail) == ERR_NONE) {
            require(flags_edit_switch(strbuf_str(&once), &wanted, &twice, NULL) == ERR_NONE);
            require(str_eq(strbuf_str(&once), strbuf_str(&twice)));
        } else {
            require(detail.text[0] != '\0' && once.len == 0);
        }
        strbuf_clear(&once);
        strbuf_clear(&twice);
    }
}

static void check_problems(const struct flag_problems *problems, bool is_refused) {
    size_t count = 0;
    bool refusal = false;
    for (const struct flag_problem *problem = problems->first; problem != NULL; problem = problem->next) {
        require(problem->what.len > 0 && problem->severity <= problems->worst);
        refusal = refusal || problem->severity == FLAG_REFUSED;
        count++;
    }
    require(count == problems->count && refusal == is_refused);
}

static const struct json *read_context(struct arena *arena, struct str text) {
    static const struct json_limits limits = {400, 100000, false, false, false};
    struct json *root;
    if (json_parse(arena, text, &limits, &root, NULL) != ERR_NONE || root->type != JSON_OBJECT)
        return NULL;
    return root;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct str text = str_slice((const char *)data, size), context = STR("");
    ptrdiff_t cut = size == 0 ? -1 : str_find(text, STR("\n---\n"));
    if (cut >= 0) {
        context = str_from(text, (size_t)cut + 5);
        text.len = (size_t)cut;
    }
    struct arena *arena = arena_new(0);
    struct flags *flags = NULL;
    struct flag_problems problems;
    enum err err = flags_load(text, arena, &flags, &problems);
    check_problems(&problems, err != ERR_NONE);
    if (err == ERR_NONE) {
        const struct flag_change *changes;
        eval_all(flags, read_context(arena, context), arena);
        check_consumers(flags, text, arena);
        require(flags_changes(NULL, flags, arena, &changes) == flags_count(flags));
        require(flags_changes(flags, flags, arena, &changes) == 0);
        check_switches(text);
    }
    flags_free(flags);
    arena_free(arena);
    return 0;
}
