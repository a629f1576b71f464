/* Deliveries over TLS, by way of curl: to the program's own server, with a certificate that is made here. */
#include "tests/unit/httpc_fixture.h"

#include "common/tls.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

struct certificate {
    char folder[40], cert[60], key[60];
};

static void write_pem(const struct certificate *certificate, X509 *x509, EVP_PKEY *key) {
    FILE *cert_file = fopen(certificate->cert, "w"), *key_file = fopen(certificate->key, "w");
    assert_non_null(cert_file);
    assert_non_null(key_file);
    assert_int_equal(PEM_write_X509(cert_file, x509), 1);
    assert_int_equal(PEM_write_PrivateKey(key_file, key, NULL, NULL, 0, NULL, NULL), 1);
    fclose(cert_file);
    fclose(key_file);
}

/* Signed by itself, for 127.0.0.1, valid for an hour. */
static struct certificate make_certificate(void) {
    struct certificate made = {.folder = "/tmp/httpc-tls-XXXXXX"};
    assert_non_null(mkdtemp(made.folder));
    snprintf(made.cert, sizeof made.cert, "%s/cert.pem", made.folder);
    snprintf(made.key, sizeof made.key, "%s/key.pem", made.folder);
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *x509 = X509_new();
    X509_set_version(x509, X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(x509), 1);
    X509_gmtime_adj(X509_getm_notBefore(x509), -60);
    X509_gmtime_adj(X509_getm_notAfter(x509), 3600);
    X509_set_pubkey(x509, key);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(x509), "CN", MBSTRING_ASC, (const unsigned char *)"test", -1, -1,
                               0);
    X509_set_issuer_name(x509, X509_get_subject_name(x509));
    X509_EXTENSION *name = X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, "IP:127.0.0.1");
    X509_add_ext(x509, name, -1);
    assert_true(X509_sign(x509, key, EVP_sha256()) > 0);
    write_pem(&made, x509, key);
    X509_EXTENSION_free(name);
    X509_free(x509);
    EVP_PKEY_free(key);
    return made;
}

static void remove_certificate(const struct certificate *certificate) {
    unlink(certificate->cert);
    unlink(certificate->key);
    rmdir(certificate->folder);
}

struct secured {
    struct fixture *fixture;
    struct certificate certificate;
    struct tls_context *context;
    char address[40], url[80];
};

static void serve(struct secured *secured) {
    struct fixture *fixture = secured->fixture;
    const struct httpd_options server = {.loop = fixture->loop,
                                         .listen = secured->address,
                                         .tls = secured->context,
                                         .limits = server_limits,
                                         .handler = handle,
                                         .arg = fixture};
    httpd_free(fixture->httpd);
    assert_int_equal(httpd_new(&server, &fixture->httpd, NULL), ERR_NONE);
    snprintf(secured->address, sizeof secured->address, "127.0.0.1:%u", (unsigned)httpd_port(fixture->httpd));
    snprintf(secured->url, sizeof secured->url, "https://%s/", secured->address);
}

static void set_ca(struct secured *secured, const char *ca_file) {
    struct trust *trust;
    assert_int_equal(trust_load(&(struct trust_files){.ca = ca_file}, &trust, NULL), ERR_NONE);
    httpc_set_trust(secured->fixture->httpc, trust);
    trust_release(trust);
}

static struct secured begin(void) {
    struct secured secured = {.fixture = start(8 << 20), .certificate = make_certificate(), .address = "127.0.0.1:0"};
    assert_int_equal(tls_context_new(secured.certificate.cert, secured.certificate.key, &secured.context, NULL),
                     ERR_NONE);
    serve(&secured);
    set_ca(&secured, secured.certificate.cert);
    return secured;
}

static void end(struct secured *secured) {
    stop(secured->fixture);
    tls_context_release(secured->context);
    remove_certificate(&secured->certificate);
}

static struct result *post(struct secured *secured, struct str body) {
    const struct httpc_request request = {.method = STR("POST"),
                                          .url = str_of(secured->url),
                                          .body = body,
                                          .timeout_ms = DEADLINE_MS,
                                          .connect_timeout_ms = DEADLINE_MS};
    return send_request(secured->fixture, &request);
}

static void connections_are_used_again(void **state) {
    (void)state;
    struct secured secured = begin();
    for (int i = 0; i < 10; i++) {
        struct result *result = post(&secured, STR("{}"));
        wait_all(secured.fixture);
        assert_string_equal(result->answer.what, "200 OK");
        assert_true(str_ends_with(result->answer.body, STR("{}")));
    }
    assert_int_equal(secured.fixture->most_connections, 1);
    for (int i = 0; i < 5; i++)
        post(&secured, STR("{}"));
    wait_all(secured.fixture);
    assert_int_equal(secured.fixture->most_connections, 5);
    end(&secured);
}

/* The echo is longer than what one read or one record of TLS brings. */
static void large_bodies_go_there_and_back(void **state) {
    (void)state;
    struct secured secured = begin();
    size_t len = 3 << 20;
    char *body = mem_alloc(len);
    memset(body, 'b', len);
    for (int i = 0; i < 3; i++) {
        struct result *result = post(&secured, str_slice(body, len));
        wait_all(secured.fixture);
        assert_string_equal(result->answer.what, "200 OK");
        assert_int_equal(result->answer.body.len, HTTPC_BODY_KEPT);
    }
    assert_int_equal(secured.fixture->most_connections, 1);
    mem_free(body);
    end(&secured);
}

static void a_server_that_is_not_trusted_gets_nothing(void **state) {
    (void)state;
    struct secured secured = begin();
    struct certificate other = make_certificate();
    struct result *good = post(&secured, STR("{}"));
    wait_all(secured.fixture);
    assert_int_equal(good->answer.status, 200);
    set_ca(&secured, other.cert);
    struct result *bad = post(&secured, STR("{}")); /* nor by the connection that is there */
    wait_all(secured.fixture);
    assert_int_equal(bad->answer.err, ERR_IO);
    assert_true(str_starts_with(str_of(bad->answer.what), STR("TLS: ")));
    remove_certificate(&other);
    end(&secured);
}

static void a_connection_that_was_closed_is_not_used(void **state) {
    (void)state;
    struct secured secured = begin();
    for (int i = 0; i < 3; i++) {
        struct result *result = post(&secured, STR("{}"));
        wait_all(secured.fixture);
        assert_string_equal(result->answer.what, "200 OK");
        serve(&secured); /* anew, on the same port: what was connected is closed */
    }
    end(&secured);
}

static void calls_may_end_at_any_time(void **state) {
    (void)state;
    struct secured secured = begin();
    char *body = mem_zalloc(1 << 20);
    for (int i = 0; i < 10; i++)
        post(&secured, str_slice(body, 1 << 20));
    for (int turns = 0; turns < 5; turns++) {
        bool never = loop_run_until(secured.fixture->loop, all_done, secured.fixture, turns);
        if (!never && secured.fixture->results[turns].call != NULL) {
            httpc_cancel(secured.fixture->results[turns].call);
            secured.fixture->results[turns].call = NULL;
            secured.fixture->done++;
        }
    }
    mem_free(body);
    end(&secured);
}

/* Rotated under load: whoever is trusted at the moment counts, and no call is lost. (fault 3.3) */
static void trust_is_changed_under_load(void **state) {
    (void)state;
    struct secured secured = begin();
    for (int turn = 0; turn < 6; turn++) {
        for (int i = 0; i < 8; i++)
            post(&secured, STR("{}"));
        (void)!loop_run_until(secured.fixture->loop, all_done, secured.fixture, turn);
        set_ca(&secured, secured.certificate.cert); /* the same, anew */
    }
    wait_all(secured.fixture);
    for (size_t i = 0; i < secured.fixture->sent; i++)
        assert_string_equal(secured.fixture->results[i].answer.what, "200 OK");
    struct certificate other = make_certificate();
    set_ca(&secured, other.cert);
    struct result *refused = post(&secured, STR("{}"));
    wait_all(secured.fixture);
    assert_int_equal(refused->answer.err, ERR_IO);
    httpc_set_trust(secured.fixture->httpc, NULL); /* the system's */
    refused = post(&secured, STR("{}"));
    wait_all(secured.fixture);
    assert_int_equal(refused->answer.err, ERR_IO);
    set_ca(&secured, secured.certificate.cert);
    struct result *good = post(&secured, STR("{}"));
    wait_all(secured.fixture);
    assert_string_equal(good->answer.what, "200 OK");
    remove_certificate(&other);
    end(&secured);
}

static void files_of_trust_are_checked(void **state) {
    (void)state;
    struct certificate one = make_certificate(), two = make_certificate();
    const struct {
        struct trust_files files;
        const char *wrong; /* NULL: nothing */
    } cases[] = {
        {{.ca = one.cert}, NULL},
        {{.cert = one.cert, .key = one.key}, NULL},
        {{.ca = two.cert, .cert = one.cert, .key = one.key}, NULL},
        {{.ca = "/nowhere/ca.pem"}, "/nowhere/ca.pem"},
        {{.ca = one.key}, "no certificate"},
        {{.cert = one.key, .key = one.key}, "no certificate"},
        {{.cert = one.cert, .key = one.cert}, "no key"},
        {{.cert = one.cert, .key = two.key}, "does not belong"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct trust *trust = NULL, *again = NULL;
        struct err_detail detail = {""};
        enum err err = trust_load(&cases[i].files, &trust, &detail);
        if ((err == ERR_NONE) != (cases[i].wrong == NULL) || (err != ERR_NONE && !strstr(detail.text, cases[i].wrong)))
            fail_msg("case %zu: %s", i, detail.text);
        if (err != ERR_NONE)
            continue;
        assert_int_equal(trust_load(&cases[i].files, &again, &detail), ERR_NONE);
        assert_true(trust_is_same(trust, again));
        assert_int_equal(trust_ca_expiry_ms(trust) > 0, cases[i].files.ca != NULL);
        assert_int_equal(trust_cert_expiry_ms(trust) > 0, cases[i].files.cert != NULL);
        trust_release(trust);
        trust_release(again);
    }
    remove_certificate(&one);
    remove_certificate(&two);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(connections_are_used_again),
        cmocka_unit_test(large_bodies_go_there_and_back),
        cmocka_unit_test(a_server_that_is_not_trusted_gets_nothing),
        cmocka_unit_test(a_connection_that_was_closed_is_not_used),
        cmocka_unit_test(calls_may_end_at_any_time),
        cmocka_unit_test(trust_is_changed_under_load),
        cmocka_unit_test(files_of_trust_are_checked),
    };
    return cmocka_run_group_tests_name("httpc over TLS", tests, init_curl, clear_curl);
}
