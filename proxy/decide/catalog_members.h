/* Every member that a catalogue's file may have: one table, which drives the check of names with its suggestions, and
 * the reference for people. A new member is a row here and a line in the reader of its section. */
#ifndef PROXY_DECIDE_CATALOG_MEMBERS_H
#define PROXY_DECIDE_CATALOG_MEMBERS_H

#include "common/str.h"

/* The kinds of objects in the file. */
enum catalog_section {
    SECTION_FILE,
    SECTION_SHAPE,
    SECTION_FACT,
    SECTION_VARIABLE,
    SECTION_SHARED,
    SECTION_RULE,
    SECTION_EVENT,
    SECTION_REPLACED,
    SECTION_ITEMS,
    SECTION_BODY,
    SECTION_SCHEME,
    SECTION_NAMES,
    SECTION_ANSWERS,
    SECTION_EXAMPLE,
    SECTION_COUNT
};

struct catalog_member {
    enum catalog_section section;
    const char *name;
    const char *form; /* what it must be, for people */
    bool is_required;
    const char *meaning;
};

size_t catalog_member_count(void);
const struct catalog_member *catalog_member_at(size_t index);

/* Where objects of the section stand in the file, for people. */
const char *catalog_section_title(enum catalog_section section);

/* Appends the reference of all members as Markdown. */
void catalog_members_write(struct strbuf *out);

#endif
