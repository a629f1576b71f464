/* The parts of a catalogue that its types are made of: maps, variables, templates and facts. */
#ifndef PROXY_DECIDE_CATALOG_COMPILE_H
#define PROXY_DECIDE_CATALOG_COMPILE_H

#include "proxy/decide/catalog.h"
#include "proxy/decide/catalog_path.h"
#include "proxy/decide/catalog_reader.h"

struct fact_definition {
    struct str name, key;
    enum fact_match match;
};

/* What all types share. */
struct vocabulary {
    const struct json *root; /* of the file */
    const struct value_map *maps;
    size_t map_count;
    const struct str *ids;
    size_t id_count;
    const struct fact_definition *facts;
    size_t fact_count;
};

void vocabulary_read(struct reader *reader, const struct json *root, struct vocabulary *vocabulary);

/* The variables of one type as they are added. A later one hides an earlier one of the same name. */
struct scope {
    struct reader *reader;
    const struct vocabulary *vocabulary;
    bool rule_is_given; /* {rule} has a value from the start; else only in facts */
    struct variable variables[VARIABLE_MAX];
    bool is_used[VARIABLE_MAX];
    size_t count;
};

/* Begins with {rule} alone. */
void scope_init(struct scope *scope, struct reader *reader, const struct vocabulary *vocabulary,
                enum generation generation);
/* Position of the variable, or VARIABLE_NONE. */
int scope_find(const struct scope *scope, struct str name);
/* Adds one whose value is given; `at` is where problems are told. Its position, or VARIABLE_NONE. */
int scope_add_given(struct scope *scope, struct str name, const struct json *at);
/* Adds the variables of an object, in its order; NULL adds none. */
void scope_add_all(struct scope *scope, const struct json *object);
/* Those from `from` on that nothing uses, the program included, are problems. */
void scope_check_used(struct scope *scope, size_t from, const struct json *object);

bool compile_template(struct scope *scope, struct str text, const struct json *at, struct template *template);
/* A list of names of facts; NULL gives none. */
size_t compile_facts(struct scope *scope, const struct json *list, const struct catalog_fact **facts);

/* The name of a variable that means something to the program. */
struct str well_known_name(enum well_known known);

#endif
