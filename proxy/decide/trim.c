/* What goes with an element is what a person would delete: up to the beginning of the next element, so that the one
 * that follows takes over its line and its indentation; for the last ones, from the end of the last that stays. */
#include "proxy/decide/trim.h"

/* In order, apart from each other, and within the body. */
static bool ranges_are_sane(const struct item *items, size_t count, size_t body_len) {
    size_t free_from = 1; /* nothing begins before the bracket of the list */
    for (size_t i = 0; i < count; i++) {
        if (items[i].start < free_from || items[i].end <= items[i].start || items[i].end >= body_len)
            return false;
        free_from = (size_t)items[i].end + 1; /* a comma at least */
    }
    return count > 0;
}

struct writer {
    struct str body;
    char *at;
    size_t len;
};

static void copy_range(struct writer *writer, size_t from, size_t to) {
    memcpy(writer->at + writer->len, writer->body.at + from, to - from);
    writer->len += to - from;
}

/* Where the text goes on after item i is left out. */
static size_t resume_after(const struct item *items, size_t count, size_t i) {
    return i + 1 < count ? items[i + 1].start : items[i].end;
}

enum err trim_body(struct str body, const struct item *items, size_t item_count, const bool *covered,
                   struct arena *arena, struct str *trimmed) {
    if (!ranges_are_sane(items, item_count, body.len))
        return ERR_INVALID;
    size_t kept_count = 0, last_kept = 0;
    for (size_t i = 0; i < item_count; i++)
        if (!covered[i]) {
            last_kept = i;
            kept_count++;
        }
    struct writer writer = {body, arena_alloc(arena, body.len + 1), 0};
    size_t from = 0;
    for (size_t i = 0; i < item_count; i++) {
        bool in_tail = kept_count > 0 && i > last_kept;
        if (!covered[i] || in_tail)
            continue;
        copy_range(&writer, from, items[i].start);
        from = resume_after(items, item_count, i);
    }
    if (kept_count > 0 && last_kept + 1 < item_count) {
        copy_range(&writer, from, items[last_kept].end);
        from = items[item_count - 1].end;
    }
    copy_range(&writer, from, body.len);
    *trimmed = str_slice(writer.at, writer.len);
    return ERR_NONE;
}
