/* Records are read from the socket one at a time (no reading ahead), so that what is left in the socket wakes the loop
 * again; a reader whose buffer holds a whole record never leaves decrypted bytes behind. */
#include "common/tls.h"

#include "common/fault.h"
#include "common/mem.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

struct tls_context {
    SSL_CTX *ssl;
    _Atomic int users;
};

struct tls_session {
    SSL *ssl;
    bool broken; /* after a fatal error nothing more may be sent */
};

static const char *last_error(void) {
    unsigned long code = ERR_peek_last_error();
    const char *reason = code == 0 ? NULL : ERR_reason_error_string(code);
    return reason == NULL ? "unknown error" : reason;
}

static enum err load(SSL_CTX *ssl, const char *cert_path, const char *key_path, struct err_detail *detail) {
    ERR_clear_error();
    if (FAULT("tls.load", EMFILE) || SSL_CTX_use_certificate_chain_file(ssl, cert_path) != 1)
        return err_set(detail, ERR_INVALID, "%s: no certificate that can be read: %s", cert_path, last_error());
    if (SSL_CTX_use_PrivateKey_file(ssl, key_path, SSL_FILETYPE_PEM) != 1)
        return err_set(detail, ERR_INVALID, "%s: no key for the certificate in %s: %s", key_path, cert_path,
                       last_error());
    if (SSL_CTX_check_private_key(ssl) != 1)
        return err_set(detail, ERR_INVALID, "%s: does not belong to the certificate in %s", key_path, cert_path);
    return ERR_NONE;
}

enum err tls_context_new(const char *cert_path, const char *key_path, struct tls_context **context,
                         struct err_detail *detail) {
    SSL_CTX *ssl = FAULT("tls.context", 0) ? NULL : SSL_CTX_new(TLS_server_method());
    if (ssl == NULL)
        return err_set(detail, ERR_IO, "OpenSSL gives no context: %s", last_error());
    SSL_CTX_set_min_proto_version(ssl, TLS1_2_VERSION);
    SSL_CTX_set_options(ssl, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE);
    SSL_CTX_set_mode(ssl,
                     SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
    enum err err = load(ssl, cert_path, key_path, detail);
    if (err != ERR_NONE) {
        SSL_CTX_free(ssl);
        return err;
    }
    struct tls_context *made = MEM_NEW(struct tls_context);
    made->ssl = ssl;
    made->users = 1;
    *context = made;
    return ERR_NONE;
}

struct tls_context *tls_context_hold(struct tls_context *context) {
    context->users++;
    return context;
}

void tls_context_release(struct tls_context *context) {
    if (context == NULL || --context->users > 0)
        return;
    SSL_CTX_free(context->ssl);
    mem_free(context);
}

struct tls_session *tls_session_new(struct tls_context *context, int fd) {
    struct tls_session *session = MEM_NEW(struct tls_session);
    session->ssl =
        FAULT("tls.session", 0) ? NULL : SSL_new(context->ssl); /* holds the context's state as long as it lives */
    if (session->ssl == NULL || SSL_set_fd(session->ssl, fd) != 1)
        session->broken = true;
    else
        SSL_set_accept_state(session->ssl);
    return session;
}

void tls_session_free(struct tls_session *session) {
    if (session == NULL)
        return;
    SSL_free(session->ssl);
    mem_free(session);
}

static ssize_t explain(struct tls_session *session, int result) {
    switch (SSL_get_error(session->ssl, result)) {
    case SSL_ERROR_WANT_READ:
    case SSL_ERROR_WANT_WRITE:
        errno = EAGAIN;
        return -1;
    case SSL_ERROR_ZERO_RETURN:
        return 0;
    default:
        session->broken = true;
        errno = ECONNRESET;
        return -1;
    }
}

ssize_t tls_read(struct tls_session *session, char *into, size_t size) {
    size_t got;
    if (session->broken) {
        errno = ECONNRESET;
        return -1;
    }
    ERR_clear_error();
    int result = SSL_read_ex(session->ssl, into, size, &got);
    return result == 1 ? (ssize_t)got : explain(session, result);
}

ssize_t tls_write(struct tls_session *session, struct str data) {
    size_t sent;
    if (session->broken) {
        errno = ECONNRESET;
        return -1;
    }
    ERR_clear_error();
    int result = SSL_write_ex(session->ssl, data.at, data.len, &sent);
    ssize_t bytes = result == 1 ? (ssize_t)sent : explain(session, result);
    if (bytes == 0) {
        errno = ECONNRESET; /* the client has closed its side for good */
        return -1;
    }
    return bytes;
}

bool tls_is_established(const struct tls_session *session) {
    return !session->broken && SSL_is_init_finished(session->ssl) == 1;
}

bool tls_has_input(const struct tls_session *session) {
    return !session->broken && SSL_pending(session->ssl) > 0;
}

void tls_end_writing(struct tls_session *session) {
    if (session->broken || SSL_in_init(session->ssl))
        return;
    ERR_clear_error();
    (void)SSL_shutdown(session->ssl); /* one way: whether the client answers is its affair */
}
