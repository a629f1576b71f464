#include "common/httpd_io.h"

#include "common/fault.h"
#include "common/tls.h"

#include <errno.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

static ssize_t failed(void) {
    return errno == EAGAIN || errno == EINTR ? HTTPD_IO_AGAIN : HTTPD_IO_BROKEN;
}

ssize_t httpd_io_read(struct httpd_io *io, char *into, size_t size) {
    if (FAULT("http.read", ECONNRESET))
        return failed();
    ssize_t got = io->tls != NULL ? tls_read(io->tls, into, size) : recv(io->fd, into, size, 0);
    return got >= 0 ? got : failed();
}

ssize_t httpd_io_write(struct httpd_io *io, struct str data) {
    if (FAULT("http.write", ECONNRESET))
        return failed();
    ssize_t sent = io->tls != NULL ? tls_write(io->tls, data) : send(io->fd, data.at, data.len, MSG_NOSIGNAL);
    return sent > 0 ? sent : failed();
}

bool httpd_io_is_broken(const struct httpd_io *io) {
    char byte;
    return recv(io->fd, &byte, 1, MSG_PEEK) < 0 && failed() == HTTPD_IO_BROKEN;
}

bool httpd_io_has_input(const struct httpd_io *io) {
    int waiting = 0;
    if (io->tls != NULL && tls_has_input(io->tls))
        return true;
    return ioctl(io->fd, FIONREAD, &waiting) == 0 && waiting > 0;
}

void httpd_io_end_writing(struct httpd_io *io) {
    if (io->tls != NULL)
        tls_end_writing(io->tls);
    (void)shutdown(io->fd, SHUT_WR); /* fails only where the connection is gone, which a read will tell */
}

void httpd_io_close(struct httpd_io *io) {
    tls_session_free(io->tls);
    close(io->fd);
}
