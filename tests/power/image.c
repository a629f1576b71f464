/* Files are told from their names: a log that is deleted and created again is another file, and until the folder is
 * synced either may be found under the name. What is done to the folder reaches the disk in its order. */
#include "tests/power/image.h"

#include "common/mem.h"
#include "tests/model/must.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

enum { SECTOR = 512, NOBODY = -1 };

struct content {
    unsigned char *bytes;
    size_t len, capacity;
};

struct node { /* a file, by whatever name */
    struct content synced;
    size_t *waiting; /* ops since the last sync */
    size_t waiting_count, waiting_capacity;
};

struct folder {
    int nodes[DISK_FILES]; /* NOBODY: no file of that name */
};

struct image {
    const struct disk_log *log;
    size_t position;
    struct node *nodes;
    size_t node_count;
    struct folder now;
    struct folder *history; /* the folder as it was after each change since its last sync; the first: as synced */
    size_t history_count, history_capacity;
    int64_t marked, log_synced;
};

const char *kept_name(enum kept kept) {
    static const char *const names[] = {"none", "all", "the first", "some in any order", "pieces"};
    return names[kept];
}

static void note_folder(struct image *image) {
    if (image->history_count == image->history_capacity) {
        image->history_capacity = image->history_capacity == 0 ? 16 : image->history_capacity * 2;
        image->history = mem_resize(image->history, image->history_capacity * sizeof *image->history);
    }
    image->history[image->history_count++] = image->now;
}

struct image *image_new(const struct disk_log *log) {
    struct image *image = MEM_NEW(struct image);
    image->log = log;
    for (int f = 0; f < DISK_FILES; f++)
        image->now.nodes[f] = NOBODY;
    note_folder(image);
    return image;
}

void image_free(struct image *image) {
    for (size_t i = 0; i < image->node_count; i++) {
        mem_free(image->nodes[i].synced.bytes);
        mem_free(image->nodes[i].waiting);
    }
    mem_free(image->nodes);
    mem_free(image->history);
    mem_free(image);
}

int64_t image_marked(const struct image *image) {
    return image->marked;
}

int64_t image_log_synced(const struct image *image) {
    return image->log_synced;
}

static void set_len(struct content *content, size_t len) {
    if (len > content->capacity) {
        content->capacity = len < content->capacity * 2 ? content->capacity * 2 : len;
        content->bytes = mem_resize(content->bytes, content->capacity);
    }
    if (len > content->len)
        memset(content->bytes + content->len, 0, len - content->len);
    content->len = len;
}

static void apply(struct content *content, const struct disk_op *op) {
    if (op->act == DISK_TRUNCATE) {
        set_len(content, (size_t)op->at);
        return;
    }
    size_t end = (size_t)op->at + op->len;
    if (end > content->len)
        set_len(content, end);
    MUST(content->bytes != NULL);
    memcpy(content->bytes + op->at, op->bytes, op->len);
}

static void apply_pieces(struct content *content, const struct disk_op *op, struct random *random) {
    if (op->act == DISK_TRUNCATE) {
        apply(content, op);
        return;
    }
    for (size_t done = 0; done < op->len;) {
        size_t at = (size_t)op->at + done, len = SECTOR - at % SECTOR;
        len = len < op->len - done ? len : op->len - done;
        unsigned luck = random_below(random, 100);
        if (luck < 60) {
            struct disk_op piece = {DISK_WRITE, op->file, (int64_t)at, len, op->bytes + done};
            apply(content, &piece);
        } else if (luck < 63) {
            unsigned char garbage[SECTOR];
            for (size_t i = 0; i < len; i++)
                garbage[i] = (unsigned char)random_below(random, 256);
            struct disk_op piece = {DISK_WRITE, op->file, (int64_t)at, len, garbage};
            apply(content, &piece);
        }
        done += len;
    }
}

static void sync_node(struct image *image, struct node *node) {
    for (size_t i = 0; i < node->waiting_count; i++)
        apply(&node->synced, &image->log->ops[node->waiting[i]]);
    node->waiting_count = 0;
}

static void wait_for_sync(struct node *node, size_t op) {
    if (node->waiting_count == node->waiting_capacity) {
        node->waiting_capacity = node->waiting_capacity == 0 ? 64 : node->waiting_capacity * 2;
        node->waiting = mem_resize(node->waiting, node->waiting_capacity * sizeof *node->waiting);
    }
    node->waiting[node->waiting_count++] = op;
}

static void create(struct image *image, enum disk_file file) {
    image->nodes = mem_resize(image->nodes, (image->node_count + 1) * sizeof *image->nodes);
    image->nodes[image->node_count] = (struct node){0};
    image->now.nodes[file] = (int)image->node_count++;
    note_folder(image);
}

static struct node *node_of(struct image *image, enum disk_file file) {
    MUST(image->now.nodes[file] != NOBODY);
    return &image->nodes[image->now.nodes[file]];
}

static void play(struct image *image, size_t at) {
    const struct disk_op *op = &image->log->ops[at];
    switch (op->act) {
    case DISK_CREATE:
        create(image, op->file);
        break;
    case DISK_WRITE:
    case DISK_TRUNCATE:
        wait_for_sync(node_of(image, op->file), at);
        break;
    case DISK_SYNC:
        sync_node(image, node_of(image, op->file));
        if (op->file == DISK_WAL)
            image->log_synced = image->marked;
        break;
    case DISK_SYNC_FAILED: /* what was to be synced counts as clean now, and is never tried again by the kernel */
        node_of(image, op->file)->waiting_count = 0;
        break;
    case DISK_DELETE:
        image->now.nodes[op->file] = NOBODY;
        note_folder(image);
        break;
    case DISK_SYNC_FOLDER:
        image->history_count = 0;
        note_folder(image);
        break;
    case DISK_MARK:
        image->marked = op->at;
        break;
    }
}

void image_advance(struct image *image, size_t cut) {
    MUST(cut >= image->position && cut <= image->log->count);
    while (image->position < cut)
        play(image, image->position++);
}

/* Random order: each of them swapped with one behind it. */
static void shuffle(size_t *ops, size_t count, struct random *random) {
    for (size_t i = 0; i + 1 < count; i++) {
        size_t other = i + random_below(random, (unsigned)(count - i)), op = ops[i];
        ops[i] = ops[other];
        ops[other] = op;
    }
}

static void keep(const struct image *image, const struct node *node, enum kept kept, struct random *random,
                 struct content *found) {
    size_t count = node->waiting_count;
    if (count == 0 || kept == KEPT_NONE)
        return;
    size_t *order = mem_copy(node->waiting, count * sizeof *order);
    unsigned percent = random_below(random, 101);
    if (kept == KEPT_FIRST)
        count = random_below(random, (unsigned)count + 1);
    if (kept == KEPT_SOME || kept == KEPT_PIECES)
        shuffle(order, count, random);
    for (size_t i = 0; i < count; i++) {
        const struct disk_op *op = &image->log->ops[order[i]];
        if ((kept == KEPT_SOME || kept == KEPT_PIECES) && !random_chance(random, percent))
            continue;
        if (kept == KEPT_PIECES)
            apply_pieces(found, op, random);
        else
            apply(found, op);
    }
    mem_free(order);
}

static void write_out(const char *name, const struct content *content) {
    int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    MUST(fd >= 0);
    for (size_t done = 0; done < content->len;) {
        ssize_t written = write(fd, content->bytes + done, content->len - done);
        MUST(written > 0);
        done += (size_t)written;
    }
    close(fd);
}

void image_write(const struct image *image, enum kept kept, struct random *random, const char *path) {
    size_t latest = image->history_count - 1;
    size_t folder = kept == KEPT_NONE ? 0 : kept == KEPT_ALL ? latest : random_below(random, (unsigned)latest + 1);
    for (int f = 0; f < DISK_FILES; f++) {
        char name[256];
        snprintf(name, sizeof name, "%s%s", path, disk_ending((enum disk_file)f));
        unlink(name);
        int number = image->history[folder].nodes[f];
        if (number == NOBODY)
            continue;
        const struct node *node = &image->nodes[number];
        struct content found = {0};
        set_len(&found, node->synced.len);
        if (found.len > 0)
            memcpy(found.bytes, node->synced.bytes, found.len);
        keep(image, node, kept, random, &found);
        write_out(name, &found);
        mem_free(found.bytes);
    }
}
