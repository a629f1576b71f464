/* The rows of a damaged SQLite file, page by page: what the tree does not lead to any more is found as well. Only pages
 * of rows are looked at (https://www.sqlite.org/fileformat2.html#b_tree_pages); those on the free list hold rows that
 * were removed, and are passed over. */
#ifndef PROXY_STORE_SQLITE_PAGES_H
#define PROXY_STORE_SQLITE_PAGES_H

#include "common/arena.h"
#include "common/err.h"

enum { PAGE_VALUES_MAX = 16 };

struct page_value {
    bool is_null, is_number;
    int64_t number;
    struct str bytes; /* of a text or blob */
};

struct page_row {
    bool has_rowid; /* of a table; else of an index, or a table without row ids */
    int64_t rowid;
    struct page_value values[PAGE_VALUES_MAX];
    size_t count;
};

struct page_file;

/* ERR_INVALID: not a file of pages; ERR_IO. The file must not be written to while it is open. */
enum err page_file_open(const char *path, struct page_file **file, struct err_detail *detail) MUST_USE;
void page_file_close(struct page_file *file); /* NULL is fine */

/* Every row that can be read, in the order of the pages; texts live until page_row_fn returns. An error of it ends the
 * walk. */
typedef enum err page_row_fn(void *arg, const struct page_row *row);
enum err page_file_walk(const struct page_file *file, page_row_fn *row, void *arg) MUST_USE;

#endif
