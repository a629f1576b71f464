/* Reading of a JSON file written by people, with every problem told at its place. */
#ifndef PROXY_DECIDE_CATALOG_READER_H
#define PROXY_DECIDE_CATALOG_READER_H

#include "common/arena.h"
#include "common/json.h"
#include "common/str.h"
#include "proxy/decide/catalog_members.h"

struct reader {
    struct arena *arena; /* where what is made of the file lives */
    struct str text;
    const char *file;
    struct strbuf *problems;
    size_t problem_count;
};

enum reader_need { READER_OPTIONAL, READER_REQUIRED };

/* One line "FILE:LINE:COLUMN: …" about the value (about its key, where it is a member). */
void reader_problem(struct reader *reader, const struct json *at, const char *format, ...) PRINTF_LIKE(3, 4);

/* The member of that name and type. NULL where it is missing or of another type, which are problems (the first only
 * where it is required). */
const struct json *reader_member(struct reader *reader, const struct json *object, const char *key, enum json_type type,
                                 enum reader_need need);
/* Likewise, the text of a string that is not empty; absent. */
struct str reader_text(struct reader *reader, const struct json *object, const char *key, enum reader_need need);
/* Is the value of that type? Says so where it isn't. */
bool reader_expect(struct reader *reader, const struct json *value, enum json_type type);

/* Every member that the section does not have is a problem. */
void reader_expect_members(struct reader *reader, const struct json *object, enum catalog_section section);

/* The texts of a list of strings, or of one string. */
size_t reader_texts(struct reader *reader, const struct json *value, const struct str **texts);

#endif
