/* The bytes of one connection to a server: of its socket, or by way of curl where there is TLS. Part of httpc. */
#ifndef COMMON_HTTPC_IO_H
#define COMMON_HTTPC_IO_H

#include "common/httpc_dial.h"

#include <sys/types.h>

struct httpc_io {
    int fd;
    struct httpc_dial *dial; /* whose TLS session it is; NULL: plain, and `fd` is ours */
    int error;               /* errno of what broke a plain one */
};

enum {
    HTTPC_IO_END = 0, /* the server sends no more */
    HTTPC_IO_AGAIN = -1,
    HTTPC_IO_BROKEN = -2 /* httpc_io_error() says how */
};

/* Takes over a dial that succeeded. ERR_IO: no descriptor left; the dial has ended. */
enum err httpc_io_open(struct httpc_io *io, struct httpc_dial *dial, bool is_tls) MUST_USE;
void httpc_io_close(struct httpc_io *io);

/* Bytes, or one of the above. With TLS, what waits has to be read until AGAIN: some of it may have left the socket. */
ssize_t httpc_io_read(struct httpc_io *io, char *into, size_t size) MUST_USE;
ssize_t httpc_io_write(struct httpc_io *io, struct str data) MUST_USE; /* of at least one byte */

const char *httpc_io_error(const struct httpc_io *io); /* valid until the next call */

#endif
