/* Who handled what. The doubled and the unhandled come first, though they are found among all others: the others are
 * written to a file without a name meanwhile, so that memory does not grow with the number of messages. */
#include "common/clock.h"
#include "common/json.h"
#include "common/terminal.h"
#include "proxy/app/message_list.h"
#include "proxy/app/table.h"

#include <errno.h>
#include <stdio.h>

enum { PAGE_MESSAGES = 2000, CSV_COLUMNS = 10 };

struct audit {
    const char *command;
    struct arena *arena;
    struct admin_client client;
    const char *admin, *token, *format_text;
    struct message_filter filter;
    enum list_format format;
    bool as_json;
    FILE *rest; /* those that were handled once */
    uint64_t once, both, nobody, waiting, messages;
    uint64_t problems; /* pages that had some */
};

static struct str text_of(const struct json *object, const char *key) {
    const struct json *value = json_get(object, str_of(key));
    return value == NULL ? STR("") : value->text;
}

static bool was_handled(const struct json *message) {
    return json_is_true(json_get(message, STR("handled")));
}

/* Of the messages that were handled, or were not: one member of each, apart by spaces. */
static struct str join(struct arena *arena, const struct json *occurrence, bool handled, const char *key) {
    struct strbuf joined = {0};
    const struct json *messages = json_get(occurrence, STR("messages"));
    for (const struct json *each = messages == NULL ? NULL : messages->first; each != NULL; each = each->next)
        if (was_handled(each) == handled && text_of(each, key).len > 0)
            strbuf_printf(&joined, "%s" STR_FMT, joined.len == 0 ? "" : " ", STR_ARG(text_of(each, key)));
    struct str copy = arena_str(arena, strbuf_str(&joined));
    strbuf_clear(&joined);
    return copy;
}

static struct str recurrence(struct arena *arena, const struct json *occurrence) {
    struct str count = text_of(occurrence, "of_key");
    return count.len == 0 ? STR("") : arena_printf(arena, "one of " STR_FMT " occurrences of this key", STR_ARG(count));
}

static void append_csv(struct arena *arena, const struct json *occurrence, struct strbuf *out) {
    const struct str cells[CSV_COLUMNS] = {text_of(occurrence, "handled"),
                                           text_of(occurrence, "by"),
                                           join(arena, occurrence, true, "id"),
                                           join(arena, occurrence, true, "at"),
                                           join(arena, occurrence, true, "state"),
                                           join(arena, occurrence, false, "id"),
                                           join(arena, occurrence, false, "state"),
                                           text_of(occurrence, "type"),
                                           text_of(occurrence, "company"),
                                           ARENA_JOIN(arena, text_of(occurrence, "key"),
                                                      text_of(occurrence, "of_key").len > 0 ? STR("; ") : STR(""),
                                                      recurrence(arena, occurrence))};
    csv_append_row(out, cells, CSV_COLUMNS);
}

/* One line for the occurrence, which is what it is about, and one below it for each message. */
static void append_lines(struct arena *arena, const struct json *occurrence, struct strbuf *out) {
    size_t columns = terminal_columns();
    struct str again = recurrence(arena, occurrence), key = text_of(occurrence, "key"), by = text_of(occurrence, "by");
    bool is_both = str_eq(by, STR("both"));
    struct str head = arena_printf(
        arena, STR_FMT "%s" STR_FMT "  " STR_FMT "%s" STR_FMT, STR_ARG(text_of(occurrence, "handled")),
        by.len > 0 && !is_both ? " by " : "", STR_ARG(is_both ? STR("") : by),
        STR_ARG(key.len > 0 ? key : text_of(occurrence, "type")), again.len > 0 ? "  " : "", STR_ARG(again));
    table_append_text(out, head, columns);
    strbuf_append_char(out, '\n');
    const struct json *messages = json_get(occurrence, STR("messages"));
    for (const struct json *each = messages == NULL ? NULL : messages->first; each != NULL; each = each->next) {
        struct str at = text_of(each, "at");
        struct str line = arena_printf(arena, "    " STR_FMT "  " STR_FMT "%s" STR_FMT "  " STR_FMT,
                                       STR_ARG(text_of(each, "id")), STR_ARG(text_of(each, "state")),
                                       at.len > 0 ? " " : "", STR_ARG(at), STR_ARG(text_of(each, "type")));
        table_append_text(out, line, columns);
        strbuf_append_char(out, '\n');
    }
}

static void append_occurrence(const struct audit *audit, struct arena *arena, const struct json *occurrence,
                              struct strbuf *out) {
    struct json_writer json;
    switch (audit->format) {
    case FORMAT_CSV:
        append_csv(arena, occurrence, out);
        break;
    case FORMAT_TABLE:
        append_lines(arena, occurrence, out);
        break;
    case FORMAT_JSON: /* the list's comma; the very first one is left out */
        strbuf_append(out, STR(",\n"));
        json_begin(&json, out);
        json_value(&json, occurrence);
        break;
    case FORMAT_JSONL:
        json_begin(&json, out);
        json_value(&json, occurrence);
        strbuf_append_char(out, '\n');
        break;
    }
}

static void append_headings(const struct audit *audit, struct strbuf *out) {
    static const struct str columns[CSV_COLUMNS] = {{"handled", 7},
                                                    {"by", 2},
                                                    {"handled_by_message", 18},
                                                    {"handled_at", 10},
                                                    {"state", 5},
                                                    {"other_messages", 14},
                                                    {"other_states", 12},
                                                    {"type", 4},
                                                    {"company", 7},
                                                    {"key", 3}};
    if (audit->format == FORMAT_CSV)
        csv_append_row(out, columns, CSV_COLUMNS);
    else if (audit->format == FORMAT_JSON)
        strbuf_append(out, STR("{\"occurrences\":["));
}

static uint64_t count_of(const struct json *root, const char *key) {
    uint64_t count = 0;
    const struct json *value = json_get(json_get(root, STR("counts")), str_of(key));
    return value != NULL && str_to_u64(value->text, &count) ? count : 0;
}

static void add_counts(struct audit *audit, const struct json *root) {
    uint64_t messages = 0;
    (void)str_to_u64(text_of(root, "message_count"), &messages);
    audit->once += count_of(root, "once");
    audit->both += count_of(root, "both");
    audit->nobody += count_of(root, "nobody");
    audit->waiting += count_of(root, "waiting");
    audit->messages += messages;
}

static int print_page(struct audit *audit, struct arena *arena, const struct json *root) {
    struct strbuf problems = {0}, rest = {0};
    const struct json *list = json_get(root, STR("occurrences"));
    for (const struct json *each = list == NULL ? NULL : list->first; each != NULL; each = each->next) {
        bool is_once = str_eq(text_of(each, "handled"), STR("once"));
        append_occurrence(audit, arena, each, is_once ? &rest : &problems);
    }
    add_counts(audit, root);
    size_t comma = audit->format == FORMAT_JSON && audit->problems == 0 && problems.len > 0 ? 1 : 0;
    audit->problems += problems.len > 0 ? 1 : 0;
    fwrite(strbuf_str(&problems).at + comma, 1, problems.len - comma, stdout);
    size_t written = fwrite(strbuf_str(&rest).at, 1, rest.len, audit->rest);
    bool all_written = written == rest.len;
    strbuf_clear(&problems);
    strbuf_clear(&rest);
    if (!all_written)
        return cli_failed(audit->command, "the folder for temporary files cannot take the list: %s (TMPDIR names it)",
                          strerror(errno));
    return cli_finish(audit->command, CLI_OK);
}

static int read_page(struct audit *audit, char *before, size_t before_len) {
    struct admin_client client = audit->client;
    struct arena *arena = arena_new(0);
    struct strbuf query = {0};
    struct str answer;
    const struct json *root;
    struct err_detail detail;
    client.arena = arena;
    message_filter_append(&audit->filter, &query);
    message_query_append(&query, "before", before[0] == '\0' ? NULL : before);
    strbuf_printf(&query, "%slimit=%d", query.len == 0 ? "" : "&", (int)PAGE_MESSAGES);
    struct str path = arena_printf(arena, "/api/audit?" STR_FMT, STR_ARG(strbuf_str(&query)));
    strbuf_clear(&query);
    enum err err = admin_client_json(&client, "GET", path, &answer, &root, &detail);
    int status = CLI_OK;
    before[0] = '\0';
    if (err == ERR_INVALID)
        status = cli_misused(audit->command, "%s", detail.text);
    else if (err != ERR_NONE)
        status = cli_failed(audit->command, "%s", detail.text);
    if (status == CLI_OK) {
        status = print_page(audit, arena, root);
        snprintf(before, before_len, STR_FMT, STR_ARG(json_string(json_get(root, STR("next")))));
    }
    arena_free(arena);
    return status;
}

static int copy_rest(const struct audit *audit) {
    char piece[16384];
    size_t len;
    long begin = audit->format == FORMAT_JSON && audit->problems == 0 ? 1 : 0; /* without the first comma */
    if (fflush(audit->rest) != 0 || fseek(audit->rest, begin, SEEK_SET) != 0)
        return cli_failed(audit->command, "the temporary file cannot be read: %s", strerror(errno));
    while ((len = fread(piece, 1, sizeof piece, audit->rest)) > 0)
        fwrite(piece, 1, len, stdout);
    return cli_finish(audit->command, CLI_OK);
}

/* To standard error where standard output is a list for a program. */
static void print_sum(const struct audit *audit) {
    unsigned long long once = audit->once, both = audit->both, nobody = audit->nobody, waiting = audit->waiting;
    if (audit->format == FORMAT_JSON) {
        printf("],\n\"once\":%llu,\"both\":%llu,\"nobody\":%llu,\"waiting\":%llu,\"messages\":%llu}\n", once, both,
               nobody, waiting, (unsigned long long)audit->messages);
        return;
    }
    FILE *out = audit->format == FORMAT_TABLE ? stdout : stderr;
    fprintf(out,
            "%llu occurrences in %llu messages\nhandled once: %llu\nhandled by both: %llu\nhandled by nobody: %llu\n",
            once + both + nobody + waiting, (unsigned long long)audit->messages, once, both, nobody + waiting);
    if (waiting > 0)
        fprintf(out, "(%llu of these wait still: parked or held)\n", waiting);
}

static int run(struct audit *audit) {
    char before[32] = "";
    struct strbuf headings = {0};
    append_headings(audit, &headings);
    fwrite(strbuf_str(&headings).at, 1, headings.len, stdout);
    strbuf_clear(&headings);
    int status;
    do
        status = read_page(audit, before, sizeof before);
    while (status == CLI_OK && before[0] != '\0');
    if (status == CLI_OK)
        status = copy_rest(audit);
    if (status != CLI_OK)
        return status;
    print_sum(audit);
    bool all_once = audit->both == 0 && audit->nobody == 0 && audit->waiting == 0;
    return cli_finish(audit->command, all_once ? CLI_OK : CLI_FAILED);
}

static int settle(struct audit *audit) {
    struct err_detail detail;
    enum err err = message_filter_settle(&audit->filter, audit->arena, &detail);
    if (err == ERR_NONE && audit->format_text != NULL)
        err = list_format_parse(audit->format_text, &audit->format, &detail);
    if (err == ERR_NONE && audit->as_json && audit->format_text != NULL)
        err = err_set(&detail, ERR_INVALID, "takes --json or --format, not both");
    if (err == ERR_NONE && audit->as_json)
        audit->format = FORMAT_JSON;
    if (err == ERR_NONE)
        err = admin_client_init(&audit->client, audit->arena, audit->admin, audit->token, &detail);
    return err == ERR_NONE ? CLI_GO_ON : cli_misused(audit->command, "%s", detail.text);
}

int cmd_audit(int argc, char **argv) {
    struct audit audit = {.command = argv[0]};
    const struct cli_option options[] = {
        {"admin", CLI_TEXT, &audit.admin},
        {"token", CLI_TEXT, &audit.token},
        {"since", CLI_TEXT, &audit.filter.since},
        {"until", CLI_TEXT, &audit.filter.until},
        {"company", CLI_TEXT, &audit.filter.company},
        {"type", CLI_TEXT, &audit.filter.type},
        {"format", CLI_TEXT, &audit.format_text},
        {"json", CLI_FLAG, &audit.as_json},
    };
    int first, status = cli_parse(argc, argv, options, ARRAY_LEN(options), &first);
    if (status == CLI_GO_ON && first < argc)
        status = cli_misused(argv[0], "takes no argument \"%s\"", argv[first]);
    if (status != CLI_GO_ON)
        return status;
    audit.arena = arena_new_for_secrets();
    status = settle(&audit);
    if (status == CLI_GO_ON) {
        audit.rest = tmpfile();
        if (audit.rest == NULL)
            status = cli_failed(argv[0], "no temporary file: %s", strerror(errno));
        else
            status = run(&audit);
    }
    if (audit.rest != NULL)
        fclose(audit.rest);
    arena_free(audit.arena);
    return status;
}
