/* What finds the rows of the memory store: rows are linked and unlinked here, each by one function. Used by the
 * tables alone, which write every change down. */
#ifndef PROXY_STORE_MEMORY_LINKS_H
#define PROXY_STORE_MEMORY_LINKS_H

#include "proxy/store/memory_tables.h"

void links_init(struct tables *tables);
/* False where the key is there already: then nothing was done. */
bool message_link(struct tables *tables, struct message_row *row) MUST_USE;
bool fact_link(struct tables *tables, struct fact_entry *entry) MUST_USE;
bool twin_link(struct tables *tables, struct twin_row *row) MUST_USE;
bool meta_link(struct tables *tables, struct meta_row *row) MUST_USE;
bool bucket_link(struct tables *tables, struct bucket_row *row) MUST_USE;
bool unpaired_link(struct tables *tables, struct unpaired_row *row) MUST_USE;
void message_unlink(struct tables *tables, struct message_row *row);
void fact_unlink(struct tables *tables, struct fact_entry *entry);
void twin_unlink(struct twin_row *row);
void meta_unlink(struct tables *tables, struct meta_row *row);
void bucket_unlink(struct tables *tables, struct bucket_row *row);
void unpaired_unlink(struct tables *tables, struct unpaired_row *row);

/* Before and after state or due time of a message that is linked are changed. */
void due_unlink(struct tables *tables, struct message_row *row);
void due_link(struct tables *tables, struct message_row *row);
/* After its state, or whether it has content, has changed. */
void message_mark(struct tables *tables, const struct message_row *row);

#endif
