/* Messages as commands list them: which ones (the options that all of them share), and how they are written. */
#ifndef PROXY_APP_MESSAGE_LIST_H
#define PROXY_APP_MESSAGE_LIST_H

#include "common/json.h"
#include "proxy/app/admin_client.h"
#include "proxy/app/cli.h"

enum list_format { FORMAT_TABLE, FORMAT_JSON, FORMAT_JSONL, FORMAT_CSV };

/* As options; texts are argv's, NULL: not given. */
struct message_filter {
    const char *since, *until, *company, *type, *generation, *state, *endpoint, *before, *limit;
    bool unpaired, near_miss;
};

#define MESSAGE_FILTER_OPTIONS(filter)                                                                                 \
    {"since", CLI_TEXT, &(filter)->since}, {"until", CLI_TEXT, &(filter)->until},                                      \
        {"company", CLI_TEXT, &(filter)->company}, {"type", CLI_TEXT, &(filter)->type},                                \
        {"generation", CLI_TEXT, &(filter)->generation}, {"state", CLI_TEXT, &(filter)->state},                        \
        {"endpoint", CLI_TEXT, &(filter)->endpoint}, {"before", CLI_TEXT, &(filter)->before},                          \
        {"limit", CLI_TEXT, &(filter)->limit}, {"unpaired", CLI_FLAG, &(filter)->unpaired}, {                          \
        "near-miss", CLI_FLAG, &(filter)->near_miss                                                                    \
    }

bool message_filter_is_given(const struct message_filter *filter);

/* Makes moments absolute, so that every page of a list means the same one. ERR_INVALID with detail. */
enum err message_filter_settle(struct message_filter *filter, struct arena *arena, struct err_detail *detail) MUST_USE;

/* Appends "since=...&type=..." to a query that is empty or ends in a member. */
void message_filter_append(const struct message_filter *filter, struct strbuf *query);
void message_query_append(struct strbuf *query, const char *name, const char *value); /* NULL: nothing */

/* ERR_INVALID with a detail that names what there is. */
enum err list_format_parse(const char *text, enum list_format *format, struct err_detail *detail) MUST_USE;

/* One line of CSV with a cell for each text, which may be absent. Spreadsheets take a cell that begins with = + - @ tab
 * or CR as a formula, so such a cell gets a ' in front. */
void csv_append_row(struct strbuf *out, const struct str *cells, size_t count);

/* Writes messages as they come: the headings with the first ones. */
void message_rows_print(struct arena *arena, const struct json *messages, enum list_format format, bool with_headings,
                        struct strbuf *out);

#endif
