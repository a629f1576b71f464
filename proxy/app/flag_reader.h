/* Reads the flag file, and watches it, on a thread of its own: a file system that does not answer blocks that thread
 * alone. Called from one loop's thread, which also gets the readings. */
#ifndef PROXY_APP_FLAG_READER_H
#define PROXY_APP_FLAG_READER_H

#include "common/err.h"
#include "common/loop.h"
#include "proxy/decide/flags.h"

enum { FLAGS_MAX = 16 * 1024 * 1024 };

struct flag_reading {
    struct arena *arena; /* of the texts */
    enum err err;
    struct flags *flags;    /* where there is no error; whoever gets the reading owns them, or sets this to NULL */
    struct str text;        /* of the file */
    struct strbuf problems; /* one a line: why it is refused, else warnings */
    bool is_orphaned;       /* file_is_orphaned() */
    bool is_asked;          /* flag_reader_ask() led to it */
};

/* Reads it now, on this thread. To be freed. */
struct flag_reading *flag_reading_new(const char *path) MUST_USE;
void flag_reading_free(struct flag_reading *reading);

struct flag_reader;
/* Takes the reading over. On the loop given to flag_reader_new(). */
typedef void flag_reader_done(void *arg, struct flag_reading *reading);
/* Extra work of a reading that was asked for, before it, on the reader's thread; NULL: none. */
typedef void flag_reader_extra(void *arg);

/* Reads the file once, and again whenever it may have changed. ERR_IO: no thread. */
enum err flag_reader_new(struct loop *loop, const char *path, flag_reader_done *done, flag_reader_extra *extra,
                         void *arg, struct flag_reader **reader, struct err_detail *detail) MUST_USE;
void flag_reader_ask(struct flag_reader *reader); /* reads the file, whatever the watch says */
/* For how long the thread has not answered, in ms; asks it once a second at most. */
int64_t flag_reader_silent_ms(struct flag_reader *reader);
/* A thread that hangs is left behind, with its memory. NULL is fine. */
void flag_reader_free(struct flag_reader *reader);

#endif
