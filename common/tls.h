/* TLS for a server: certificate and key of a listener, and the state of one connection. OpenSSL behind it.
 *
 * A context may be shared by threads; a session belongs to its connection's. */
#ifndef COMMON_TLS_H
#define COMMON_TLS_H

#include "common/err.h"
#include "common/str.h"

#include <sys/types.h>

struct tls_context;
struct tls_session;

/* Reads a certificate chain and its key, both PEM; TLS 1.2 and up. ERR_INVALID with detail: a file that cannot be
 * read, is none of these, or a key that does not belong to the certificate. */
enum err tls_context_new(const char *cert_path, const char *key_path, struct tls_context **context,
                         struct err_detail *detail) MUST_USE;
struct tls_context *tls_context_hold(struct tls_context *context); /* one more user */
void tls_context_release(struct tls_context *context);             /* the last one frees it; NULL is fine */

/* A session of the server's side on a socket that does not block. The handshake happens as bytes are read. */
struct tls_session *tls_session_new(struct tls_context *context, int fd) MUST_USE;
void tls_session_free(struct tls_session *session); /* leaves the socket alone; NULL is fine */

/* As recv() and send(): bytes, 0 at the end (read only), or -1 with errno, EAGAIN where the socket must be waited for.
 */
ssize_t tls_read(struct tls_session *session, char *into, size_t size) MUST_USE;
ssize_t tls_write(struct tls_session *session, struct str data) MUST_USE;
bool tls_is_established(const struct tls_session *session); /* the handshake is over */
bool tls_has_input(const struct tls_session *session);      /* decrypted bytes that wait to be read */
void tls_end_writing(struct tls_session *session);          /* tells the client that nothing more comes */

#endif
