/* The objects are made once and shared by all connections (OpenSSL counts their users): a bundle of authorities takes
 * milliseconds to parse, which is too long for a loop to do with each connection. */
#include "common/trust.h"

#include "common/arena.h"
#include "common/file.h"
#include "common/mem.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <stdatomic.h>
#include <time.h>

enum { FILE_MOST = 8 * 1024 * 1024, DIGEST_LEN = 32 };

struct trust {
    X509_STORE *store; /* NULL: the system's */
    X509 *cert;        /* NULL: none */
    STACK_OF(X509) * chain;
    EVP_PKEY *key;
    int64_t ca_expiry_ms, cert_expiry_ms;
    unsigned char digest[DIGEST_LEN]; /* of the files' texts */
    _Atomic int users;
};

static const char *last_error(void) {
    unsigned long code = ERR_peek_last_error();
    const char *reason = code == 0 ? NULL : ERR_reason_error_string(code);
    return reason == NULL ? "no certificate in it" : reason;
}

static int64_t expiry_ms_of(const X509 *x509) {
    struct tm tm;
    if (x509 == NULL || ASN1_TIME_to_tm(X509_get0_notAfter(x509), &tm) != 1)
        return 0;
    return (int64_t)timegm(&tm) * 1000;
}

static enum err read_text(struct arena *arena, const char *path, EVP_MD_CTX *digest, struct str *text,
                          struct err_detail *detail) {
    enum err err = file_read(arena, path, FILE_MOST, text, detail);
    if (err != ERR_NONE) {
        err_prefix(detail, "%s", path);
        return ERR_INVALID;
    }
    uint64_t len = text->len;
    EVP_DigestUpdate(digest, &len, sizeof len);
    EVP_DigestUpdate(digest, text->at, text->len);
    return ERR_NONE;
}

/* The certificates of a text, one after the other; NULL: no further one. */
static X509 *next_x509(BIO *bio) {
    return PEM_read_bio_X509(bio, NULL, NULL, NULL);
}

static enum err read_ca(struct trust *trust, const char *path, struct str text, struct err_detail *detail) {
    BIO *bio = BIO_new_mem_buf(text.at, (int)text.len);
    size_t count = 0;
    trust->store = X509_STORE_new();
    if (bio == NULL || trust->store == NULL)
        abort();                                                                               /* out of memory */
    X509_STORE_set_flags(trust->store, X509_V_FLAG_TRUSTED_FIRST | X509_V_FLAG_PARTIAL_CHAIN); /* as libcurl has it */
    for (X509 *x509 = next_x509(bio); x509 != NULL; x509 = next_x509(bio)) {
        int64_t expiry_ms = expiry_ms_of(x509);
        if (count++ == 0 || expiry_ms < trust->ca_expiry_ms)
            trust->ca_expiry_ms = expiry_ms;
        X509_STORE_add_cert(trust->store, x509); /* one that is there already is no harm */
        X509_free(x509);
    }
    BIO_free(bio);
    if (count == 0)
        return err_set(detail, ERR_INVALID, "%s: no certificate that can be read: %s", path, last_error());
    ERR_clear_error(); /* the end of the text is told as an error */
    return ERR_NONE;
}

static enum err read_cert(struct trust *trust, const struct trust_files *files, struct str cert, struct str key,
                          struct err_detail *detail) {
    BIO *cert_bio = BIO_new_mem_buf(cert.at, (int)cert.len), *key_bio = BIO_new_mem_buf(key.at, (int)key.len);
    enum err err = ERR_NONE;
    trust->chain = sk_X509_new_null();
    if (cert_bio == NULL || key_bio == NULL || trust->chain == NULL)
        abort(); /* out of memory */
    trust->cert = next_x509(cert_bio);
    if (trust->cert == NULL)
        err = err_set(detail, ERR_INVALID, "%s: no certificate that can be read: %s", files->cert, last_error());
    for (X509 *x509 = err == ERR_NONE ? next_x509(cert_bio) : NULL; x509 != NULL; x509 = next_x509(cert_bio))
        sk_X509_push(trust->chain, x509);
    ERR_clear_error();
    if (err == ERR_NONE && (trust->key = PEM_read_bio_PrivateKey(key_bio, NULL, NULL, NULL)) == NULL)
        err = err_set(detail, ERR_INVALID, "%s: no key for the certificate in %s: %s", files->key, files->cert,
                      last_error());
    if (err == ERR_NONE && X509_check_private_key(trust->cert, trust->key) != 1)
        err = err_set(detail, ERR_INVALID, "%s: does not belong to the certificate in %s", files->key, files->cert);
    trust->cert_expiry_ms = expiry_ms_of(trust->cert);
    ERR_clear_error();
    BIO_free(cert_bio);
    BIO_free(key_bio);
    return err;
}

static enum err read_files(struct trust *trust, struct arena *arena, EVP_MD_CTX *digest,
                           const struct trust_files *files, struct err_detail *detail) {
    struct str ca = STR_NONE, cert = STR_NONE, key = STR_NONE;
    enum err err = ERR_NONE;
    if (files->ca != NULL)
        err = read_text(arena, files->ca, digest, &ca, detail);
    if (err == ERR_NONE && files->ca != NULL)
        err = read_ca(trust, files->ca, ca, detail);
    if (err != ERR_NONE || files->cert == NULL)
        return err;
    err = read_text(arena, files->cert, digest, &cert, detail);
    if (err == ERR_NONE)
        err = read_text(arena, files->key, digest, &key, detail);
    return err != ERR_NONE ? err : read_cert(trust, files, cert, key, detail);
}

enum err trust_load(const struct trust_files *files, struct trust **result, struct err_detail *detail) {
    struct trust *trust = MEM_NEW(struct trust);
    struct arena *arena = arena_new_for_secrets();
    EVP_MD_CTX *digest = EVP_MD_CTX_new();
    trust->users = 1;
    ERR_clear_error();
    if (digest == NULL || EVP_DigestInit_ex(digest, EVP_sha256(), NULL) != 1)
        abort(); /* out of memory */
    enum err err = read_files(trust, arena, digest, files, detail);
    EVP_DigestFinal_ex(digest, trust->digest, NULL);
    EVP_MD_CTX_free(digest);
    arena_free(arena);
    if (err == ERR_NONE)
        *result = trust;
    else
        trust_release(trust);
    return err;
}

struct trust *trust_hold(struct trust *trust) {
    if (trust != NULL)
        trust->users++;
    return trust;
}

void trust_release(struct trust *trust) {
    if (trust == NULL || --trust->users > 0)
        return;
    X509_STORE_free(trust->store);
    X509_free(trust->cert);
    sk_X509_pop_free(trust->chain, X509_free);
    EVP_PKEY_free(trust->key);
    mem_free(trust);
}

bool trust_is_same(const struct trust *a, const struct trust *b) {
    return a == b || (a != NULL && b != NULL && memcmp(a->digest, b->digest, DIGEST_LEN) == 0);
}

bool trust_has_ca(const struct trust *trust) {
    return trust != NULL && trust->store != NULL;
}

int64_t trust_ca_expiry_ms(const struct trust *trust) {
    return trust == NULL ? 0 : trust->ca_expiry_ms;
}

int64_t trust_cert_expiry_ms(const struct trust *trust) {
    return trust == NULL ? 0 : trust->cert_expiry_ms;
}

bool trust_apply(const struct trust *trust, void *ssl_context) {
    SSL_CTX *ssl = ssl_context;
    if (trust->store != NULL)
        SSL_CTX_set1_cert_store(ssl, trust->store);
    return trust->cert == NULL || SSL_CTX_use_cert_and_key(ssl, trust->cert, trust->key, trust->chain, 1) == 1;
}
