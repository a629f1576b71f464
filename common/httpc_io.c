/* A plain socket is taken out of curl's hands: what curl adds to send() and recv() would be a good part of the cost of
 * a delivery, and its handle can make the next connection meanwhile. */
#include "common/httpc_io.h"

#include "common/fault.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

enum err httpc_io_open(struct httpc_io *io, struct httpc_dial *dial, bool is_tls) {
    *io = (struct httpc_io){.fd = httpc_dial_socket(dial), .dial = dial};
    if (is_tls)
        return ERR_NONE;
    io->fd = FAULT("consumer.dup", EMFILE) ? -1 : fcntl(io->fd, F_DUPFD_CLOEXEC, 0);
    io->dial = NULL;
    httpc_dial_end(dial);
    return io->fd < 0 ? ERR_IO : ERR_NONE;
}

void httpc_io_close(struct httpc_io *io) {
    if (io->dial != NULL)
        httpc_dial_end(io->dial);
    else if (io->fd >= 0)
        close(io->fd);
    io->dial = NULL;
    io->fd = -1;
}

static ssize_t curl_result(CURLcode code, size_t len) {
    if (code == CURLE_OK)
        return (ssize_t)len;
    return code == CURLE_AGAIN ? HTTPC_IO_AGAIN : HTTPC_IO_BROKEN;
}

static ssize_t socket_result(struct httpc_io *io, ssize_t len) {
    if (len >= 0)
        return len;
    if (errno == EAGAIN || errno == EINTR)
        return HTTPC_IO_AGAIN;
    io->error = errno;
    return HTTPC_IO_BROKEN;
}

ssize_t httpc_io_read(struct httpc_io *io, char *into, size_t size) {
    size_t len = 0;
    if (FAULT("consumer.read", ECONNRESET))
        return socket_result(io, -1);
    if (io->dial == NULL)
        return socket_result(io, recv(io->fd, into, size, 0));
    CURLcode code = curl_easy_recv(httpc_dial_curl(io->dial), into, size, &len);
    return curl_result(code, len);
}

ssize_t httpc_io_write(struct httpc_io *io, struct str data) {
    size_t len = 0;
    if (FAULT("consumer.write", ECONNRESET))
        return socket_result(io, -1);
    if (io->dial == NULL)
        return socket_result(io, send(io->fd, data.at, data.len, MSG_NOSIGNAL));
    CURLcode code = curl_easy_send(httpc_dial_curl(io->dial), data.at, data.len, &len);
    return code == CURLE_OK && len == 0 ? HTTPC_IO_AGAIN : curl_result(code, len);
}

const char *httpc_io_error(const struct httpc_io *io) {
    return io->dial != NULL ? httpc_dial_error(io->dial) : io->error != 0 ? strerror(io->error) : "";
}
