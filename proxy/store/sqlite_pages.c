/* Nothing that is read is trusted: every offset is checked against its page, every page number against the file, and a
 * chain of pages ends where it is longer than its row. A row that does not fit is passed over. */
#include "proxy/store/sqlite_pages.h"

#include "common/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    PAGE_LEN_USUAL = 4096,
    FILE_HEAD_LEN = 100, /* on page 1, before its rows */
    TABLE_LEAF = 0x0D,
    INDEX_LEAF = 0x0A,
    INDEX_INNER = 0x02,
};
#define ROW_LEN_MAX ((uint64_t)64 << 20)

struct page_file {
    const unsigned char *at;
    size_t len;
    uint32_t page_len, page_count;
    bool *is_free; /* by page, from 1 */
};

static uint32_t read_u16(const unsigned char *at) {
    return (uint32_t)at[0] << 8 | at[1];
}

static uint32_t read_u32(const unsigned char *at) {
    return read_u16(at) << 16 | read_u16(at + 2);
}

static const unsigned char *page_at(const struct page_file *file, uint32_t page) {
    return file->at + (size_t)(page - 1) * file->page_len;
}

/* A list of lists; where it leads astray the rest of it is taken for rows, and those are checked again by whoever gets
 * them. */
static void mark_free(struct page_file *file) {
    uint32_t trunk = read_u32(file->at + 32);
    for (uint32_t seen = 0; trunk > 1 && trunk <= file->page_count && seen < file->page_count; seen++) {
        const unsigned char *page = page_at(file, trunk);
        uint32_t count = read_u32(page + 4);
        if (file->is_free[trunk] || count > file->page_len / 4 - 2)
            return;
        file->is_free[trunk] = true;
        for (uint32_t i = 0; i < count; i++) {
            uint32_t leaf = read_u32(page + 8 + (size_t)4 * i);
            if (leaf > 1 && leaf <= file->page_count)
                file->is_free[leaf] = true;
        }
        trunk = read_u32(page);
    }
}

/* The head of the file may be what is damaged: then its pages are as this program makes them. */
static uint32_t find_page_len(const unsigned char *at) {
    uint32_t len = read_u16(at + 16) == 1 ? 65536 : read_u16(at + 16);
    bool is_valid = memcmp(at, "SQLite format 3", 16) == 0 && len >= 512 && (len & (len - 1)) == 0;
    return is_valid ? len : PAGE_LEN_USUAL;
}

enum err page_file_open(const char *path, struct page_file **file, struct err_detail *detail) {
    struct stat found;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &found) != 0) {
        enum err err = err_set(detail, ERR_IO, "%s: %s", path, strerror(errno));
        if (fd >= 0)
            close(fd);
        return err;
    }
    if (found.st_size < PAGE_LEN_USUAL) {
        close(fd);
        return err_set(detail, ERR_INVALID, "%s is too short for a store", path);
    }
    void *at = mmap(NULL, (size_t)found.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    int error = errno;
    close(fd);
    if (at == MAP_FAILED)
        return err_set(detail, ERR_IO, "%s cannot be read: %s", path, strerror(error));
    struct page_file *made = MEM_NEW(struct page_file);
    made->at = at;
    made->len = (size_t)found.st_size;
    made->page_len = find_page_len(made->at);
    made->page_count = (uint32_t)(made->len / made->page_len);
    made->is_free = MEM_ARRAY((size_t)made->page_count + 1, bool);
    mark_free(made);
    *file = made;
    return ERR_NONE;
}

void page_file_close(struct page_file *file) {
    if (file == NULL)
        return;
    munmap((void *)(uintptr_t)file->at, file->len);
    mem_free(file->is_free);
    mem_free(file);
}

/* 1 to 9 bytes, seven bits of each but the last; false where there are none left. */
static bool take_varint(struct str *rest, uint64_t *value) {
    *value = 0;
    for (size_t i = 0; i < 9 && i < rest->len; i++) {
        unsigned char byte = (unsigned char)rest->at[i];
        *value = i == 8 ? *value << 8 | byte : *value << 7 | (byte & 0x7FU);
        if (i == 8 || (byte & 0x80U) == 0) {
            *rest = str_from(*rest, i + 1);
            return true;
        }
    }
    return false;
}

/* How much of a row is on its own page, the rest being on a chain of others. */
static size_t local_len(const struct page_file *file, bool is_table, uint64_t len) {
    size_t usable = file->page_len;
    size_t most = is_table ? usable - 35 : (usable - 12) * 64 / 255 - 23, least = (usable - 12) * 32 / 255 - 23;
    if (len <= most)
        return (size_t)len;
    size_t local = least + (size_t)((len - least) % (usable - 4));
    return local <= most ? local : least;
}

static bool append_chain(const struct page_file *file, uint32_t page, char *to, size_t len) {
    while (len > 0) {
        if (page < 2 || page > file->page_count || file->is_free[page])
            return false;
        const unsigned char *at = page_at(file, page);
        size_t piece = len < file->page_len - 4 ? len : file->page_len - 4;
        memcpy(to, at + 4, piece);
        to += piece;
        len -= piece;
        page = read_u32(at);
    }
    return true;
}

static bool take_payload(const struct page_file *file, struct arena *arena, bool is_table, struct str rest,
                         uint64_t len, struct str *payload) {
    size_t local = local_len(file, is_table, len);
    if (len == 0 || len > ROW_LEN_MAX || rest.len < local + (local < len ? 4 : 0))
        return false;
    char *bytes = arena_take(arena, (size_t)len);
    memcpy(bytes, rest.at, local);
    *payload = str_slice(bytes, (size_t)len);
    if (local == len)
        return true;
    uint32_t page = read_u32((const unsigned char *)rest.at + local);
    return append_chain(file, page, bytes + local, (size_t)len - local);
}

static int64_t read_integer(const char *at, size_t len) {
    uint64_t value = len > 0 && ((unsigned char)at[0] & 0x80U) != 0 ? UINT64_MAX : 0;
    for (size_t i = 0; i < len; i++)
        value = value << 8 | (unsigned char)at[i];
    return (int64_t)value;
}

/* Serial types: 0 NULL, 1 to 6 integers, 7 a double, 8 and 9 the integers 0 and 1, from 12 on blobs and texts. */
static bool take_value(struct str *rest, uint64_t type, struct page_value *value) {
    static const size_t lens[] = {0, 1, 2, 3, 4, 6, 8, 8, 0, 0};
    if (type == 10 || type == 11 || (type >= 12 && (type - 12) / 2 > rest->len))
        return false;
    size_t len = type < 10 ? lens[type] : (size_t)((type - 12) / 2);
    if (len > rest->len)
        return false;
    *value = (struct page_value){.is_null = type == 0, .is_number = type >= 1 && type <= 9 && type != 7};
    if (value->is_number)
        value->number = type >= 8 ? (int64_t)type - 8 : read_integer(rest->at, len);
    else if (type >= 12)
        value->bytes = str_slice(rest->at, len);
    *rest = str_from(*rest, len);
    return true;
}

static bool take_row(struct str payload, struct page_row *row) {
    uint64_t head_len, type;
    struct str head = payload;
    if (!take_varint(&head, &head_len) || head_len > payload.len)
        return false;
    struct str body = str_from(payload, (size_t)head_len);
    size_t used = payload.len - head.len;
    if (head_len < used)
        return false;
    head.len = (size_t)head_len - used;
    for (row->count = 0; head.len > 0; row->count++)
        if (row->count == PAGE_VALUES_MAX || !take_varint(&head, &type) ||
            !take_value(&body, type, &row->values[row->count]))
            return false;
    return body.len == 0;
}

static bool take_cell(const struct page_file *file, struct arena *arena, int type, struct str cell,
                      struct page_row *row) {
    uint64_t len, rowid;
    struct str payload;
    if (type == INDEX_INNER)
        cell = str_from(cell, 4);
    if (!take_varint(&cell, &len))
        return false;
    row->has_rowid = type == TABLE_LEAF;
    if (row->has_rowid && !take_varint(&cell, &rowid))
        return false;
    row->rowid = row->has_rowid ? (int64_t)rowid : 0;
    return take_payload(file, arena, row->has_rowid, cell, len, &payload) && take_row(payload, row);
}

static enum err walk_page(const struct page_file *file, uint32_t number, struct arena *arena, page_row_fn *fn,
                          void *arg) {
    const unsigned char *page = page_at(file, number), *head = page + (number == 1 ? FILE_HEAD_LEN : 0);
    int type = head[0];
    size_t pointers = (size_t)(head - page) + (type == INDEX_INNER ? 12 : 8), count = read_u16(head + 3);
    enum err err = ERR_NONE;
    if ((type != TABLE_LEAF && type != INDEX_LEAF && type != INDEX_INNER) || pointers + 2 * count > file->page_len)
        return ERR_NONE;
    for (size_t i = 0; i < count && err == ERR_NONE; i++) {
        size_t at = read_u16(page + pointers + 2 * i);
        struct page_row row;
        if (at < pointers + 2 * count || at >= file->page_len)
            continue;
        arena_reset(arena);
        if (take_cell(file, arena, type, str_slice((const char *)page + at, file->page_len - at), &row))
            err = fn(arg, &row);
    }
    return err;
}

enum err page_file_walk(const struct page_file *file, page_row_fn *row, void *arg) {
    struct arena *arena = arena_new(64 * 1024);
    enum err err = ERR_NONE;
    for (uint32_t page = 1; page <= file->page_count && err == ERR_NONE; page++)
        if (!file->is_free[page])
            err = walk_page(file, page, arena, row, arg);
    arena_free(arena);
    return err;
}
