/* The parser tells where in the text each value begins and ends, so that an edit is a splice: what stood before, the
 * new piece, what stood behind. One switch is up to three edits, each on the text that the one before has left: the
 * flag is there, its targeting is as wanted, its default is. The result is loaded again before it is handed out; a text
 * that would be refused, or would not switch the flag, never leaves here. */
#include "proxy/decide/flags_edit.h"

#include "proxy/decide/flag_set.h"

struct edit {
    struct str text;
    const struct flags *flags;
    const struct flags_switch *wanted;
    struct str key;
    bool on; /* the value that the default gets: where only some are switched, the others' */
    struct strbuf *out;
    struct err_detail *detail;
};

static bool is_for_some(const struct flags_switch *wanted) {
    return wanted->percent >= 0 || wanted->company_count > 0;
}

static void splice(struct edit *edit, uint32_t start, uint32_t end, struct str piece) {
    strbuf_append(edit->out, str_slice(edit->text.at, start));
    strbuf_append(edit->out, piece);
    strbuf_append(edit->out, str_from(edit->text, end));
}

/* White space from the last line break to the first thing on the line of `offset`; empty where something else stands
 * before it on that line. Members and items only: there is always a brace or a bracket before them. */
static struct str indentation(struct str text, uint32_t offset) {
    uint32_t start = offset;
    while (text.at[start - 1] == ' ' || text.at[start - 1] == '\t')
        start--;
    if (text.at[start - 1] != '\n')
        return STR("");
    return str_slice(text.at + start, offset - start);
}

static bool starts_line(struct str text, uint32_t offset) {
    return text.at[offset - indentation(text, offset).len - 1] == '\n';
}

static const struct json *last_child(const struct json *parent) {
    const struct json *child = parent->first;
    while (child != NULL && child->next != NULL)
        child = child->next;
    return child;
}

/* Its end may not share the star with its beginning. */
static bool is_one_comment(struct str text) {
    struct str inside = str_from(text, 2);
    ptrdiff_t end = str_find(inside, STR("*/"));
    return str_starts_with(text, STR("//")) ||
           (str_starts_with(text, STR("/*")) && end >= 0 && (size_t)end + 2 == inside.len);
}

/* Where the line ends on which `offset` stands, if nothing but blanks and a comment follow on it; else `offset`. What
 * is added goes behind the comment, which belongs to what stands before. */
static uint32_t end_of_line(struct str text, uint32_t offset) {
    struct str rest = str_from(text, offset);
    ptrdiff_t line_end = str_find(rest, STR("\n"));
    if (line_end < 0)
        return offset;
    struct str tail = str_trim(str_slice(rest.at, (size_t)line_end));
    if (tail.len > 0 && !is_one_comment(tail))
        return offset;
    return offset + (uint32_t)line_end - (line_end > 0 && rest.at[line_end - 1] == '\r' ? 1 : 0);
}

/* Puts a member or item behind the last one, which stands from `start` to `end`: on a line of its own where that one
 * has its own. */
static void append_after(struct edit *edit, uint32_t start, uint32_t end, struct str piece) {
    struct str indent = indentation(edit->text, start);
    bool own_line = starts_line(edit->text, start);
    uint32_t place = own_line ? end_of_line(edit->text, end) : end;
    bool crlf = edit->text.at[place] == '\r'; /* behind it is the brace or bracket at least */
    struct strbuf added = {0};
    strbuf_append(&added, STR(","));
    strbuf_append(&added, str_slice(edit->text.at + end, place - end));
    strbuf_append(&added, own_line ? (crlf ? STR("\r\n") : STR("\n")) : STR(" "));
    strbuf_append(&added, own_line ? indent : STR(""));
    strbuf_append(&added, piece);
    splice(edit, end, place, strbuf_str(&added));
    strbuf_clear(&added);
}

static void append_child(struct edit *edit, const struct json *parent, struct str piece) {
    const struct json *last = last_child(parent);
    if (last == NULL)
        splice(edit, parent->start + 1, parent->start + 1, piece);
    else
        append_after(edit, parent->type == JSON_OBJECT ? last->key_start : last->start, last->end, piece);
}

static enum err add_flag(struct edit *edit) {
    const struct json *list = json_get(edit->flags->root, STR("flags"));
    struct strbuf piece = {0};
    struct json_writer writer;
    const char *body = edit->on ? "\"state\": \"ENABLED\", \"variants\": {\"on\": true, \"off\": false}, "
                                  "\"defaultVariant\": \"on\"}"
                                : "\"state\": \"ENABLED\", \"variants\": {\"on\": true, \"off\": false}, "
                                  "\"defaultVariant\": \"off\"}";
    strbuf_append(&piece, list->type == JSON_OBJECT ? STR("") : STR("{\"key\": "));
    json_begin(&writer, &piece);
    json_str(&writer, edit->key);
    strbuf_append(&piece, list->type == JSON_OBJECT ? STR(": {") : STR(", "));
    strbuf_append(&piece, str_of(body));
    append_child(edit, list, strbuf_str(&piece));
    strbuf_clear(&piece);
    return ERR_NONE;
}

/* The first variant with the value, but the present default where that has it already; NULL: none. */
static const struct json *pick_variant(const struct flag *flag, bool on) {
    const struct json *variant = json_get(flag->variants, flag->default_variant);
    if (variant != NULL && variant->type == JSON_BOOL && variant->boolean == on)
        return variant;
    variant = flag->variants == NULL ? NULL : flag->variants->first;
    while (variant != NULL && (variant->type != JSON_BOOL || variant->boolean != on))
        variant = variant->next;
    return variant;
}

static enum err set_default(struct edit *edit, const struct flag *flag) {
    const struct json *variant = pick_variant(flag, edit->on); /* check_flag() has found it */
    const struct json *chosen = json_get(flag->json, STR("defaultVariant"));
    struct strbuf piece = {0};
    struct json_writer writer;
    if (chosen == NULL)
        strbuf_append(&piece, STR("\"defaultVariant\": "));
    json_begin(&writer, &piece);
    json_str(&writer, variant->key);
    if (chosen == NULL)
        append_child(edit, flag->json, strbuf_str(&piece));
    else if (str_eq(json_string(chosen), variant->key))
        strbuf_append(edit->out, edit->text);
    else
        splice(edit, chosen->start, chosen->end, strbuf_str(&piece));
    strbuf_clear(&piece);
    return ERR_NONE;
}

/* --- targeting */

static const struct json *only_member(const struct json *rule, const char *name) {
    bool is_it =
        rule != NULL && rule->type == JSON_OBJECT && rule->count == 1 && str_eq(rule->first->key, str_of(name));
    return is_it ? rule->first : NULL;
}

static bool is_variable(const struct json *rule, const char *name) {
    return str_eq(json_string(only_member(rule, "var")), str_of(name));
}

/* {"fractional": [{"var": "targetingKey"}, ["on", 10], ["off", 90]]} */
static bool is_share(const struct json *rule) {
    const struct json *list = only_member(rule, "fractional");
    if (list == NULL || list->type != JSON_ARRAY || list->count != 3 || !is_variable(list->first, "targetingKey"))
        return false;
    for (const struct json *bucket = list->first->next; bucket != NULL; bucket = bucket->next)
        if (bucket->type != JSON_ARRAY || bucket->count != 2 || bucket->first->type != JSON_STRING ||
            bucket->first->next->type != JSON_NUMBER)
            return false;
    return true;
}

/* A rule as write_targeting() writes it, which may be replaced without asking. */
static bool is_ours(const struct json *rule) {
    const struct json *list = only_member(rule, "if");
    if (list == NULL)
        return is_share(rule);
    if (list->type != JSON_ARRAY || list->count != 3)
        return false;
    const struct json *in = only_member(list->first, "in"), *then = list->first->next;
    return in != NULL && in->type == JSON_ARRAY && in->count == 2 && is_variable(in->first, "companyId") &&
           in->first->next->type == JSON_ARRAY && then->type == JSON_STRING &&
           (then->next->type == JSON_STRING || is_share(then->next));
}

static void write_name(struct strbuf *piece, struct str name) {
    struct json_writer writer;
    json_begin(&writer, piece);
    json_str(&writer, name);
}

/* The same company is among the same share whatever the flag: legacy is off for those for which new is on. */
static void write_share(struct strbuf *piece, int percent, struct str chosen, struct str others) {
    strbuf_append(piece, STR("{\"fractional\": [{\"var\": \"targetingKey\"}, ["));
    write_name(piece, chosen);
    strbuf_printf(piece, ", %d], [", percent);
    write_name(piece, others);
    strbuf_printf(piece, ", %d]]}", 100 - percent);
}

static void write_targeting(struct strbuf *piece, const struct flags_switch *wanted, struct str chosen,
                            struct str others) {
    if (wanted->company_count == 0) {
        write_share(piece, wanted->percent, chosen, others);
        return;
    }
    strbuf_append(piece, STR("{\"if\": [{\"in\": [{\"var\": \"companyId\"}, ["));
    for (size_t i = 0; i < wanted->company_count; i++) {
        strbuf_append(piece, i > 0 ? STR(", ") : STR(""));
        write_name(piece, wanted->companies[i]);
    }
    strbuf_append(piece, STR("]]}, "));
    write_name(piece, chosen);
    strbuf_append(piece, STR(", "));
    if (wanted->percent >= 0)
        write_share(piece, wanted->percent, chosen, others);
    else
        write_name(piece, others);
    strbuf_append(piece, STR("]}"));
}

static void put_targeting(struct edit *edit, const struct flag *flag, struct str rule) {
    const struct json *present = json_get(flag->json, STR("targeting"));
    struct strbuf piece = {0};
    if (present != NULL) {
        splice(edit, present->start, present->end, rule);
        return;
    }
    strbuf_append(&piece, STR("\"targeting\": "));
    strbuf_append(&piece, rule);
    append_child(edit, flag->json, strbuf_str(&piece));
    strbuf_clear(&piece);
}

static enum err set_targeting(struct edit *edit, const struct flag *flag) {
    const struct flags_switch *wanted = edit->wanted;
    bool is_foreign = flag->targeting != NULL && !is_ours(flag->targeting);
    struct strbuf rule = {0};
    if (is_foreign && !wanted->force)
        return err_set(edit->detail, ERR_DENIED,
                       STR_FMT " has targeting, which decides before the default does: change or remove the rule, or "
                               "use --force to set the default that the rule falls back to",
                       STR_ARG(edit->key));
    if (is_for_some(wanted)) {
        write_targeting(&rule, wanted, pick_variant(flag, wanted->on)->key, pick_variant(flag, !wanted->on)->key);
        put_targeting(edit, flag, strbuf_str(&rule));
    } else if (flag->targeting != NULL && !is_foreign) {
        put_targeting(edit, flag, STR("{}"));
    } else {
        strbuf_append(edit->out, edit->text);
    }
    strbuf_clear(&rule);
    return ERR_NONE;
}

static enum err check_flag(const struct edit *edit, const struct flag *flag) {
    bool wanted = edit->wanted->on;
    if (flag->is_broken)
        return err_set(edit->detail, ERR_INVALID, STR_FMT " is broken: see `flags show`", STR_ARG(edit->key));
    if (flag->is_disabled)
        return err_set(edit->detail, ERR_INVALID,
                       STR_FMT " is DISABLED, so that its default does not count: set its state to ENABLED first",
                       STR_ARG(edit->key));
    if (pick_variant(flag, wanted) != NULL && (!is_for_some(edit->wanted) || pick_variant(flag, !wanted) != NULL))
        return ERR_NONE;
    return err_set(edit->detail, ERR_INVALID, STR_FMT " has no variant whose value is %s", STR_ARG(edit->key),
                   (pick_variant(flag, wanted) == NULL) == wanted ? "true" : "false");
}

/* --- the steps of a switch */

enum edit_step { EDIT_ADD, EDIT_TARGETING, EDIT_DEFAULT, EDIT_STEPS };

static enum err take_step(struct edit *edit, enum edit_step step) {
    const struct flag *flag = flag_find(edit->flags, edit->key);
    if (step == EDIT_ADD && flag == NULL)
        return add_flag(edit);
    if (step == EDIT_ADD) {
        strbuf_append(edit->out, edit->text);
        return check_flag(edit, flag);
    }
    return step == EDIT_TARGETING ? set_targeting(edit, flag) : set_default(edit, flag);
}

static struct flag_problem first_refusal(const struct flag_problems *problems) {
    const struct flag_problem *problem = problems->first;
    while (problem->severity != FLAG_REFUSED)
        problem = problem->next;
    return *problem;
}

/* Is the flag what was asked for, where that is told of everybody, or of a company by name? */
static bool is_switched(const struct flags_switch *wanted, const struct flags *flags, struct arena *arena) {
    struct flag_context context = {0};
    if (!is_for_some(wanted))
        return flags_consumer_is_targeted(flags, wanted->flag) ||
               flags_consumer(flags, wanted->flag, &context, 0, arena).on == wanted->on;
    for (size_t i = 0; i < wanted->company_count; i++) {
        context.targeting_key = context.company = wanted->companies[i];
        if (flags_consumer(flags, wanted->flag, &context, 0, arena).on != wanted->on)
            return false;
    }
    return true;
}

static enum err load(struct str text, bool is_new, struct arena *arena, struct flags **flags,
                     struct err_detail *detail) {
    struct flag_problems problems;
    if (flags_load(text, arena, flags, &problems) == ERR_NONE)
        return ERR_NONE;
    struct flag_problem problem = first_refusal(&problems);
    if (is_new)
        return err_set(detail, ERR_INVALID, "the new text would be refused: " STR_FMT, STR_ARG(problem.what));
    return err_set(detail, ERR_INVALID, "%u:%u: " STR_FMT, problem.line, problem.column, STR_ARG(problem.what));
}

/* One edit of the text in `buffer`, which becomes the new one. */
static enum err edit_text(struct strbuf *buffer, const struct flags_switch *wanted, enum edit_step step,
                          struct err_detail *detail) {
    struct arena *arena = arena_new(0);
    struct flags *flags = NULL;
    struct strbuf next = {0};
    struct edit edit = {.text = strbuf_str(buffer),
                        .wanted = wanted,
                        .key = consumer_flag_key(wanted->flag),
                        .on = is_for_some(wanted) ? !wanted->on : wanted->on,
                        .out = &next,
                        .detail = detail};
    enum err err = load(edit.text, step != EDIT_ADD, arena, &flags, detail);
    edit.flags = flags;
    if (err == ERR_NONE)
        err = take_step(&edit, step);
    if (err == ERR_NONE) {
        buffer->len = 0;
        strbuf_append(buffer, strbuf_str(&next));
    }
    strbuf_clear(&next);
    flags_free(flags);
    arena_free(arena);
    return err;
}

/* The proof of the work: what a person has written is not trusted to a splice alone. */
static enum err verify(struct str text, const struct flags_switch *wanted, struct err_detail *detail) {
    struct arena *arena = arena_new(0);
    struct flags *flags = NULL;
    enum err err = load(text, true, arena, &flags, detail);
    if (err == ERR_NONE && !is_switched(wanted, flags, arena)) /* no text is known to get here. GCOVR_EXCL_BR_LINE */
        err = err_set(detail, ERR_INVALID, "the new text would not switch the flag"); /* GCOVR_EXCL_LINE */
    flags_free(flags);
    arena_free(arena);
    return err;
}

enum err flags_edit_switch(struct str text, const struct flags_switch *wanted, struct strbuf *out,
                           struct err_detail *detail) {
    struct strbuf buffer = {0};
    enum err err = ERR_NONE;
    strbuf_append(&buffer, text);
    for (int step = EDIT_ADD; step < EDIT_STEPS && err == ERR_NONE; step++)
        err = edit_text(&buffer, wanted, (enum edit_step)step, detail);
    if (err == ERR_NONE)
        err = verify(strbuf_str(&buffer), wanted, detail);
    if (err == ERR_NONE)
        strbuf_append(out, strbuf_str(&buffer));
    strbuf_clear(&buffer);
    return err;
}
