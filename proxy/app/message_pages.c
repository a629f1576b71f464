/* A page is a request of its own that goes on below the last id of the page before, so that what comes in meanwhile
 * moves nothing, and neither side ever holds more than one page. */
#include "proxy/app/message_pages.h"

#include "common/clock.h"
#include "common/terminal.h"
#include "proxy/app/table.h"

#include <stdio.h>
#include <time.h>

enum { PAGE_MAX = 500, TABLE_LIMIT = 50, FOLLOW_LIMIT = 10, POLL_MS = 500 };

struct page {
    struct arena *arena; /* of this page alone */
    const struct json *messages;
    struct str next; /* empty: it is the last one */
};

static enum err ask_page(const struct message_pages *pages, struct arena *arena, const char *before, const char *after,
                         uint64_t limit, struct page *page, struct err_detail *detail) {
    struct admin_client client = *pages->client;
    struct strbuf query = {0};
    struct str answer;
    const struct json *root;
    client.arena = arena;
    message_filter_append(pages->filter, &query);
    message_query_append(&query, "before", before);
    message_query_append(&query, "after", after);
    strbuf_printf(&query, "%slimit=%llu", query.len == 0 ? "" : "&", (unsigned long long)limit);
    struct str path = arena_printf(arena, "%s?" STR_FMT, pages->path, STR_ARG(strbuf_str(&query)));
    strbuf_clear(&query);
    enum err err = admin_client_json(&client, "GET", path, &answer, &root, detail);
    if (err != ERR_NONE)
        return err;
    *page = (struct page){arena, json_get(root, STR("messages")), json_string(json_get(root, STR("next")))};
    if (page->messages == NULL)
        return err_set(detail, ERR_IO, "the answer has no list of messages; is it the admin port of hookshift?");
    return ERR_NONE;
}

static int report(const struct message_pages *pages, enum err err, const struct err_detail *detail) {
    (void)cli_failed(pages->command, "%s", detail->text);
    return err == ERR_INVALID ? CLI_USAGE : CLI_FAILED;
}

/* UINT64_MAX: all; 0: the text is no number of messages. */
static uint64_t wanted_count(const struct message_pages *pages, uint64_t otherwise) {
    uint64_t limit = 0;
    if (pages->filter->limit == NULL)
        return otherwise;
    return str_to_u64(str_of(pages->filter->limit), &limit) ? limit : 0;
}

static int bad_limit(const struct message_pages *pages) {
    return cli_misused(pages->command, "--limit is \"%s\", but must be a number from 1 on", pages->filter->limit);
}

static int print_page(const struct message_pages *pages, const struct page *page, bool is_first) {
    struct strbuf out = {0};
    message_rows_print(page->arena, page->messages, pages->format, is_first, &out);
    fwrite(strbuf_str(&out).at, 1, out.len, stdout);
    strbuf_clear(&out);
    return cli_finish(pages->command, CLI_OK); /* a reader that left ends an export */
}

int message_pages_print(const struct message_pages *pages) {
    uint64_t left = wanted_count(pages, pages->format == FORMAT_TABLE ? TABLE_LIMIT : UINT64_MAX);
    char before[32] = "";
    int status = left == 0 ? bad_limit(pages) : CLI_OK;
    bool is_first = true;
    snprintf(before, sizeof before, "%s", pages->filter->before == NULL ? "" : pages->filter->before);
    while (status == CLI_OK && left > 0) {
        struct arena *arena = arena_new(0);
        struct page page;
        struct err_detail detail;
        enum err err = ask_page(pages, arena, before[0] == '\0' ? NULL : before, NULL,
                                left < PAGE_MAX ? left : PAGE_MAX, &page, &detail);
        status = err != ERR_NONE ? report(pages, err, &detail) : print_page(pages, &page, is_first);
        is_first = false;
        bool is_last = err != ERR_NONE || page.next.len == 0;
        if (!is_last) {
            left -= left == UINT64_MAX ? 0 : page.messages->count;
            snprintf(before, sizeof before, STR_FMT, STR_ARG(page.next));
        }
        arena_free(arena);
        if (is_last)
            return status;
    }
    if (status == CLI_OK && pages->format == FORMAT_TABLE)
        fprintf(stderr, "older ones: --before %s\n", before);
    return status;
}

/* Columns of a fixed width: rows that come later must stand below those before. */
static void append_line(struct strbuf *out, const struct json *message) {
    static const struct {
        const char *key;
        size_t width;
    } columns[] = {{"received", 24}, {"id", 13}, {"state", 10}, {"generation", 7}, {"type", 28}, {"company", 0}};
    struct strbuf line = {0};
    for (size_t i = 0; i < ARRAY_LEN(columns); i++) {
        const struct json *value = json_get(message, str_of(columns[i].key));
        struct str text = value == NULL ? STR("") : value->text;
        table_append_text(&line, text, 0);
        for (size_t width = table_text_width(text); width < columns[i].width + 2 && columns[i].width > 0; width++)
            strbuf_append_char(&line, ' ');
    }
    table_append_text(out, strbuf_str(&line), terminal_columns());
    strbuf_append_char(out, '\n');
    strbuf_clear(&line);
}

static void append_followed(const struct message_pages *pages, struct arena *arena, const struct json *message,
                            bool with_headings, struct strbuf *out) {
    if (pages->format == FORMAT_TABLE) {
        append_line(out, message);
        return;
    }
    struct json one = *message, list = {.type = JSON_ARRAY, .count = 1, .first = &one};
    one.next = NULL;
    message_rows_print(arena, &list, pages->format, with_headings, out);
}

struct follow {
    const struct message_pages *pages;
    char last[32]; /* the newest id that was printed; empty: none */
    bool has_headings, is_cut_off;
};

struct found {
    const struct json **items;
    size_t count, capacity;
};

static void found_add(struct found *found, struct arena *arena, const struct json *message) {
    if (found->count == found->capacity) {
        found->capacity = found->capacity == 0 ? 64 : found->capacity * 2;
        const struct json **larger = ARENA_ARRAY(arena, found->capacity, const struct json *);
        if (found->count > 0)
            memcpy((void *)larger, (const void *)found->items, found->count * sizeof *larger);
        found->items = larger;
    }
    found->items[found->count++] = message;
}

/* All that came after the last one, the newest first. */
static enum err find_new(const struct follow *follow, struct arena *arena, uint64_t limit, struct found *found,
                         struct err_detail *detail) {
    struct page page = {.next = STR_NONE};
    do {
        enum err err =
            ask_page(follow->pages, arena, page.next.len > 0 ? page.next.at : NULL,
                     follow->last[0] == '\0' ? NULL : follow->last, limit < PAGE_MAX ? limit : PAGE_MAX, &page, detail);
        if (err != ERR_NONE)
            return err;
        for (const struct json *each = page.messages->first; each != NULL; each = each->next)
            found_add(found, arena, each);
        page.next = arena_str(arena, page.next);
        limit -= page.messages->count;
    } while (page.next.len > 0 && limit > 0);
    return ERR_NONE;
}

static int print_found(struct follow *follow, struct arena *arena, const struct found *found) {
    struct strbuf out = {0};
    for (size_t i = found->count; i > 0; i--) {
        append_followed(follow->pages, arena, found->items[i - 1], !follow->has_headings, &out);
        follow->has_headings = true;
    }
    if (found->count > 0)
        snprintf(follow->last, sizeof follow->last, STR_FMT,
                 STR_ARG(json_string(json_get(found->items[0], STR("id")))));
    fwrite(strbuf_str(&out).at, 1, out.len, stdout);
    strbuf_clear(&out);
    return cli_finish(follow->pages->command, CLI_OK);
}

/* A proxy that is started anew is waited for; what it refuses ends the command. */
static int follow_once(struct follow *follow, uint64_t limit) {
    struct arena *arena = arena_new(0);
    struct found found = {0};
    struct err_detail detail;
    int status = CLI_OK;
    enum err err = find_new(follow, arena, limit, &found, &detail);
    if (err == ERR_NONE) {
        follow->is_cut_off = false;
        status = print_found(follow, arena, &found);
    } else if (err == ERR_INVALID || err == ERR_DENIED || err == ERR_NOT_FOUND) {
        status = report(follow->pages, err, &detail);
    } else if (!follow->is_cut_off) {
        follow->is_cut_off = true;
        fprintf(stderr, "hookshift %s: %s; trying again\n", follow->pages->command, detail.text);
    }
    arena_free(arena);
    return status;
}

int message_pages_follow(const struct message_pages *pages) {
    struct follow follow = {.pages = pages};
    const struct timespec pause = {.tv_nsec = POLL_MS * 1000000L};
    uint64_t limit = wanted_count(pages, pages->filter->since != NULL ? UINT64_MAX : FOLLOW_LIMIT);
    int status = limit == 0 ? bad_limit(pages) : follow_once(&follow, limit);
    while (status == CLI_OK && nanosleep(&pause, NULL) == 0)
        status = follow_once(&follow, follow.last[0] == '\0' ? limit : UINT64_MAX);
    return status;
}
