/* The rows of the memory store, each in one piece with its texts: what a message costs is the number of pieces that
 * have to be fetched. Whoever makes a row owns it until it is in the tables. */
#ifndef PROXY_STORE_MEMORY_ROWS_H
#define PROXY_STORE_MEMORY_ROWS_H

#include "common/tree.h"
#include "proxy/store/backend.h"

/* Apart from the message: large, rarely read, and gone sooner. */
struct content_row {
    struct content content; /* which is in `bytes` */
    char bytes[];
};

struct step_row {
    struct step_row *older;
    struct step step; /* its text is in `why` */
    char why[];
};

struct message_row {
    struct tree_node by_due, by_identity;
    struct record record;                 /* `trimmed` is a piece of its own, the other texts are in `texts` */
    struct content_row *content;          /* owned; NULL: gone */
    struct step_row *steps;               /* owned; newest first */
    struct tree_node *as_event, *as_rule; /* roots of its twins on either side */
    char texts[];
};

struct fact_entry {
    struct tree_node by_hash;
    struct fact_row fact;
};

struct twin_row {
    struct tree_node by_event, by_rule; /* in the trees of the two messages */
    struct twin twin;
    struct message_row *event, *rule;
};

struct meta_row {
    struct tree_node by_name;
    struct str name;  /* in `text` */
    struct str value; /* a piece of its own */
    char text[];
};

struct bucket_row {
    struct tree_node by_start;
    struct parity_bucket bucket; /* its type is in `type` */
    char type[];
};

struct unpaired_row {
    struct tree_node by_arrival;
    struct unpaired unpaired; /* its type is in `type` */
    char type[];
};

struct message_row *message_row_new(const struct record *record, const struct content *content) MUST_USE;
void message_row_free(struct message_row *row); /* with content and steps */
struct content_row *content_row_new(const struct content *content) MUST_USE;
struct step_row *step_row_new(const struct step *step) MUST_USE;
struct meta_row *meta_row_new(struct str name, struct str value) MUST_USE;
void meta_row_free(struct meta_row *row);

struct bucket_row *bucket_row_new(const struct parity_bucket *bucket) MUST_USE;
struct unpaired_row *unpaired_row_new(const struct unpaired *unpaired) MUST_USE;

struct str text_new(struct str text) MUST_USE; /* a copy; absent stays absent */
void text_free(struct str text);

#define ROW_AT(node, type, member) ((node) == NULL ? NULL : CONTAINER_OF((node), type, member))

#endif
