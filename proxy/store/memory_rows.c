#include "proxy/store/memory_rows.h"

#include "common/mem.h"

#include <string.h>

struct str text_new(struct str text) {
    return text.at == NULL ? STR_NONE : str_slice(mem_copy(text.at, text.len), text.len);
}

void text_free(struct str text) {
    mem_free((void *)(uintptr_t)text.at); /* const only to those who read it */
}

/* Moves a text to `bytes`; returns what is behind it. */
static char *text_move(struct str *text, char *bytes) {
    if (text->at == NULL)
        return bytes;
    memcpy(bytes, text->at, text->len);
    text->at = bytes;
    return bytes + text->len;
}

struct content_row *content_row_new(const struct content *content) {
    struct content_row *row = mem_alloc(sizeof *row + content->headers.len + content->body.len);
    row->content = *content;
    (void)text_move(&row->content.body, text_move(&row->content.headers, row->bytes));
    return row;
}

struct message_row *message_row_new(const struct record *record, const struct content *content) {
    struct record copy = *record;
    struct str *texts[RECORD_TEXTS];
    size_t len = 0;
    record_texts(&copy, texts);
    for (size_t i = 0; i < RECORD_TEXTS; i++)
        len += texts[i]->len;
    struct message_row *row = mem_alloc(sizeof *row + len);
    char *bytes = row->texts;
    for (size_t i = 0; i < RECORD_TEXTS; i++)
        bytes = text_move(texts[i], bytes);
    copy.trimmed = text_new(record->trimmed);
    *row = (struct message_row){.record = copy, .content = content_row_new(content)};
    return row;
}

void message_row_free(struct message_row *row) {
    for (struct step_row *step = row->steps, *older; step != NULL; step = older) {
        older = step->older;
        mem_free(step);
    }
    text_free(row->record.trimmed);
    mem_free(row->content);
    mem_free(row);
}

struct step_row *step_row_new(const struct step *step) {
    struct step_row *row = mem_alloc(sizeof *row + step->why.len);
    row->older = NULL;
    row->step = *step;
    (void)text_move(&row->step.why, row->why);
    return row;
}

struct meta_row *meta_row_new(struct str name, struct str value) {
    struct meta_row *row = mem_alloc(sizeof *row + name.len);
    *row = (struct meta_row){.name = name, .value = text_new(value)};
    (void)text_move(&row->name, row->text);
    return row;
}

void meta_row_free(struct meta_row *row) {
    text_free(row->value);
    mem_free(row);
}

struct bucket_row *bucket_row_new(const struct parity_bucket *bucket) {
    struct bucket_row *row = mem_alloc(sizeof *row + bucket->type.len);
    *row = (struct bucket_row){.bucket = *bucket};
    (void)text_move(&row->bucket.type, row->type);
    return row;
}

struct unpaired_row *unpaired_row_new(const struct unpaired *unpaired) {
    struct unpaired_row *row = mem_alloc(sizeof *row + unpaired->type.len);
    *row = (struct unpaired_row){.unpaired = *unpaired};
    (void)text_move(&row->unpaired.type, row->type);
    return row;
}
