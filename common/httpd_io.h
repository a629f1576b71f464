/* What a connection of httpd reads from and writes to: the one place that knows how its bytes travel, as they are or
 * through TLS. Nothing here blocks. Part of httpd. */
#ifndef COMMON_HTTPD_IO_H
#define COMMON_HTTPD_IO_H

#include "common/str.h"

#include <sys/types.h>

enum {
    HTTPD_IO_END = 0,     /* the client will send no more */
    HTTPD_IO_AGAIN = -1,  /* nothing now: wait for the socket */
    HTTPD_IO_BROKEN = -2, /* the connection is gone */
};

struct tls_session;

struct httpd_io {
    int fd;
    struct tls_session *tls; /* NULL: none */
};

ssize_t httpd_io_read(struct httpd_io *io, char *into, size_t size) MUST_USE; /* bytes, or one of the above */
ssize_t httpd_io_write(struct httpd_io *io, struct str data) MUST_USE;        /* likewise, never END */
bool httpd_io_is_broken(const struct httpd_io *io);                           /* without reading anything */
bool httpd_io_has_input(const struct httpd_io *io);                           /* something waits to be read */
void httpd_io_end_writing(struct httpd_io *io);
void httpd_io_close(struct httpd_io *io);

#endif
