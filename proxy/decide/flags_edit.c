/* The parser tells where in the text each value begins and ends, so that an edit is a splice: what stood before, the
 * new piece, what stood behind. The result is loaded again before it is handed out; a text that would be refused, or
 * would not switch the flag, never leaves here. */
#include "proxy/decide/flags_edit.h"

#include "proxy/decide/flag_set.h"

struct edit {
    struct str text;
    const struct flags *flags;
    enum consumer_flag which;
    struct str key;
    bool on, force;
    struct strbuf *out;
    struct err_detail *detail;
};

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

/* The first variant with the wanted value, but the present one where that has it already. */
static const struct json *pick_variant(const struct edit *edit, const struct flag *flag) {
    const struct json *variant = json_get(flag->variants, flag->default_variant);
    if (variant != NULL && variant->type == JSON_BOOL && variant->boolean == edit->on)
        return variant;
    variant = flag->variants == NULL ? NULL : flag->variants->first;
    while (variant != NULL && (variant->type != JSON_BOOL || variant->boolean != edit->on))
        variant = variant->next;
    return variant;
}

static enum err set_default(struct edit *edit, const struct flag *flag, const struct json *variant) {
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

static enum err change_flag(struct edit *edit, const struct flag *flag) {
    const struct json *variant = pick_variant(edit, flag);
    if (flag->is_broken)
        return err_set(edit->detail, ERR_INVALID, STR_FMT " is broken: see `flags show`", STR_ARG(edit->key));
    if (flag->is_disabled)
        return err_set(edit->detail, ERR_INVALID,
                       STR_FMT " is DISABLED, so that its default does not count: set its state to ENABLED first",
                       STR_ARG(edit->key));
    if (variant == NULL)
        return err_set(edit->detail, ERR_INVALID, STR_FMT " has no variant whose value is %s", STR_ARG(edit->key),
                       edit->on ? "true" : "false");
    if (flag->targeting != NULL && !edit->force)
        return err_set(edit->detail, ERR_DENIED,
                       STR_FMT " has targeting, which decides before the default does: change or remove the rule, or "
                               "use --force to set the default that the rule falls back to",
                       STR_ARG(edit->key));
    return set_default(edit, flag, variant);
}

static struct flag_problem first_refusal(const struct flag_problems *problems) {
    const struct flag_problem *problem = problems->first;
    while (problem->severity != FLAG_REFUSED)
        problem = problem->next;
    return *problem;
}

/* Is the flag what was asked for, where no rule decides? */
static bool is_switched(const struct edit *edit, const struct flags *flags, struct arena *arena) {
    const struct flag_context nobody = {0};
    return flags_consumer_is_targeted(flags, edit->which) ||
           flags_consumer(flags, edit->which, &nobody, 0, arena).on == edit->on; /* as yet always. GCOVR_EXCL_BR_LINE */
}

/* The proof of the work: what a person has written is not trusted to a splice alone. */
static enum err verify(struct edit *edit, size_t before_len) {
    struct arena *arena = arena_new(0);
    struct flags *flags = NULL;
    struct flag_problems problems;
    struct str text = str_from(strbuf_str(edit->out), before_len);
    enum err err = flags_load(text, arena, &flags, &problems);
    if (err != ERR_NONE)
        err = err_set(edit->detail, ERR_INVALID, "the new text would be refused: " STR_FMT,
                      STR_ARG(first_refusal(&problems).what));
    else if (!is_switched(edit, flags, arena)) /* no text is known to get here. GCOVR_EXCL_BR_LINE */
        err = err_set(edit->detail, ERR_INVALID, "the new text would not switch the flag"); /* GCOVR_EXCL_LINE */
    flags_free(flags);
    arena_free(arena);
    return err;
}

enum err flags_edit_switch(struct str text, enum consumer_flag which, bool on, bool force, struct strbuf *out,
                           struct err_detail *detail) {
    struct arena *arena = arena_new(0);
    struct flags *flags = NULL;
    struct flag_problems problems;
    size_t before_len = out->len;
    enum err err = flags_load(text, arena, &flags, &problems);
    if (err != ERR_NONE) {
        struct flag_problem problem = first_refusal(&problems);
        err = err_set(detail, ERR_INVALID, "%u:%u: " STR_FMT, problem.line, problem.column, STR_ARG(problem.what));
        goto out;
    }
    struct edit edit = {text, flags, which, consumer_flag_key(which), on, force, out, detail};
    const struct flag *flag = flag_find(flags, edit.key);
    err = flag == NULL ? add_flag(&edit) : change_flag(&edit, flag);
    if (err == ERR_NONE)
        err = verify(&edit, before_len);
    if (err != ERR_NONE)
        out->len = before_len;
out:
    flags_free(flags);
    arena_free(arena);
    return err;
}
