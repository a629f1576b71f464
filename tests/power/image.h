/* The disk as it may be found after the power went: what was synced is there; of the rest, anything. */
#ifndef TESTS_POWER_IMAGE_H
#define TESTS_POWER_IMAGE_H

#include "tests/model/random.h"
#include "tests/power/disk.h"

/* What became of the writes after the last sync of their file. */
enum kept {
    KEPT_NONE,
    KEPT_ALL,    /* as if only the process had ended */
    KEPT_FIRST,  /* the earlier ones */
    KEPT_SOME,   /* any of them, in any order */
    KEPT_PIECES, /* of any of them any sectors, now and then one of them holding garbage */
    KEPT_COUNT
};

const char *kept_name(enum kept kept);

/* The disk while a log is played; goes forward only. */
struct image;

struct image *image_new(const struct disk_log *log) MUST_USE;
void image_free(struct image *image);
/* Just before log->ops[cut]. */
void image_advance(struct image *image, size_t cut);
/* Writes the files at `path`, in place of what is there. */
void image_write(const struct image *image, enum kept kept, struct random *random, const char *path);

int64_t image_marked(const struct image *image);     /* the commit that the store has called durable, 0: none */
int64_t image_log_synced(const struct image *image); /* likewise, as of the last sync of the write-ahead log */

#endif
