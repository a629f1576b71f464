#include "proxy/model/settings_checks.h"

#include "common/base64.h"
#include "common/file.h"
#include "common/mem.h"
#include "common/netaddr.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

const char *settings_check_not_empty(struct str text) {
    return text.len == 0 ? "is empty" : NULL;
}

/* Standard Webhooks: a symmetric key, or that half of an Ed25519 pair which the setting is for. */
static const char *check_standard_secret(struct str text, struct str half) {
    static const struct str symmetric = {"whsec_", 6};
    bool is_half = str_starts_with(text, half);
    if (!is_half && !str_starts_with(text, symmetric))
        return "does not begin with whsec_";
    struct str encoded = str_from(text, is_half ? half.len : symmetric.len);
    size_t room = BASE64_DECODED_MAX(encoded.len), len = 0;
    unsigned char *bytes = mem_zalloc(room);
    bool is_base64 = base64_decode(encoded, BASE64_ANY_PADDING, bytes, &len);
    mem_wipe(bytes, room);
    mem_free(bytes);
    return !is_base64 ? "is not base64 behind whsec_, or is cut off" : len == 0 ? "has nothing behind whsec_" : NULL;
}

/* What can be said of a secret before the catalogue is read, which may name another scheme. */
static void check_secrets(struct optfile *optfile, const struct settings *settings, const char *name,
                          const struct opt_list *secrets, struct str scheme, struct str half) {
    bool is_standard = scheme.len > 0 ? str_eq_nocase(scheme, STR("standard-webhooks")) : settings->catalogue.len == 0;
    for (size_t i = 0; i < secrets->count && is_standard; i++) {
        const char *wrong = check_standard_secret(secrets->items[i], half);
        if (wrong != NULL)
            optfile_complain(optfile, name, "secrets of Standard Webhooks, or another scheme", "the value %s", wrong);
    }
}

static void check_all_secrets(struct optfile *optfile, const struct settings *settings) {
    check_secrets(optfile, settings, "verify.event_secrets", &settings->verify_event_secrets,
                  settings->verify_event_scheme, STR("whpk_"));
    check_secrets(optfile, settings, "verify.rule_secrets", &settings->verify_rule_secrets,
                  settings->verify_rule_scheme, STR("whpk_"));
    check_secrets(optfile, settings, "endpoints.legacy.secrets", &settings->endpoints[ENDPOINT_LEGACY].secrets,
                  settings->verify_rule_scheme, STR("whsk_"));
    check_secrets(optfile, settings, "endpoints.new.secrets", &settings->endpoints[ENDPOINT_NEW].secrets,
                  settings->verify_event_scheme, STR("whsk_"));
}

const char *settings_check_range(struct str text) {
    struct netaddr_range range;
    return netaddr_range_parse(text, &range) ? NULL : "is no range of addresses such as 10.0.0.0/8 or 2001:db8::/32";
}

const char *settings_check_store(struct str text) {
    if (str_starts_with(text, STR("postgresql:")) || str_starts_with(text, STR("postgres:")))
        return "names PostgreSQL, which is not available in this build; there are sqlite:PATH and memory:";
    if (str_eq(text, STR("memory:")))
        return NULL;
    if (!str_starts_with(text, STR("sqlite:")))
        return "is neither sqlite:PATH nor memory:";
    return text.len == strlen("sqlite:") ? "has no path behind sqlite:" : NULL;
}

const char *settings_check_type(struct str text) {
    return str_trim(text).len == 0 ? "is no type: it is empty" : NULL;
}

/* Headers that belong to the connection or to the framing of the body (RFC 9110 section 7.6.1, RFC 9112 section 6). */
static bool is_framing(struct str name) {
    static const char *const names[] = {"Connection", "Content-Length",    "Expect",  "Keep-Alive", "Proxy-Connection",
                                        "TE",         "Transfer-Encoding", "Trailer", "Upgrade"};
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (str_eq_nocase(name, str_of(names[i])))
            return true;
    return false;
}

/* A token of RFC 9110 section 5.6.2. */
const char *settings_check_header_name(struct str text) {
    static const char marks[] = "!#$%&'*+-.^_`|~";
    for (size_t i = 0; i < text.len; i++) {
        char c = text.at[i];
        bool is_alnum = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
        if (!is_alnum && (c == '\0' || strchr(marks, c) == NULL))
            return "is no name of a header";
    }
    if (text.len == 0)
        return "is no name of a header";
    return is_framing(text) ? "is a header that hookshift must write itself" : NULL;
}

const char *settings_check_header_value(struct str text) {
    return str_trim(text).len != text.len ? "has a space at one of its ends" : NULL;
}

static void check_listen(struct optfile *optfile, const char *name, struct str text) {
    struct netaddr address;
    struct err_detail detail;
    if (netaddr_parse(text.at, &address, &detail) != ERR_NONE)
        optfile_complain(optfile, name, "an address such as 127.0.0.1:8080, [::1]:8080 or :8080", "%s", detail.text);
}

static void check_admin(struct optfile *optfile, const struct settings *settings) {
    struct netaddr address;
    struct err_detail detail;
    if (netaddr_parse(settings->admin_listen.at, &address, &detail) != ERR_NONE) {
        check_listen(optfile, "admin.listen", settings->admin_listen);
        return;
    }
    if (!netaddr_is_loopback(&address) && settings->admin_token.at == NULL)
        optfile_complain(optfile, "admin.listen",
                         "a loopback address such as 127.0.0.1:9090, or a token in admin.token",
                         "\"" STR_FMT "\" can be reached from other machines, and there is no admin.token",
                         STR_ARG(settings->admin_listen));
}

static void check_readable(struct optfile *optfile, const char *name, struct str path) {
    if (path.at == NULL)
        return;
    const char *kind = file_why_not_regular(path.at);
    if (kind != NULL)
        optfile_complain(optfile, name, "a regular file", "\"" STR_FMT "\" is %s", STR_ARG(path), kind);
    else if (access(path.at, R_OK) != 0)
        optfile_complain(optfile, name, "a file that can be read", "\"" STR_FMT "\": %s", STR_ARG(path),
                         strerror(errno));
}

/* A certificate and its key go together. */
static void check_identity(struct optfile *optfile, const char *cert_name, struct str cert, const char *key_name,
                           struct str key) {
    if (cert.at != NULL && key.at == NULL)
        optfile_complain(optfile, cert_name, key_name, "is given without its key");
    if (key.at != NULL && cert.at == NULL)
        optfile_complain(optfile, key_name, cert_name, "is given without its certificate");
    check_readable(optfile, cert_name, cert);
    check_readable(optfile, key_name, key);
}

static void check_endpoint(struct optfile *optfile, const struct settings *settings, enum endpoint endpoint) {
    const struct endpoint_settings *of = &settings->endpoints[endpoint];
    char cert[64], key[64], ca[64], headers[64];
    snprintf(cert, sizeof cert, "endpoints.%s.client_cert", endpoint_name(endpoint));
    snprintf(key, sizeof key, "endpoints.%s.client_key", endpoint_name(endpoint));
    snprintf(ca, sizeof ca, "endpoints.%s.ca", endpoint_name(endpoint));
    snprintf(headers, sizeof headers, "endpoints.%s.headers", endpoint_name(endpoint));
    check_identity(optfile, cert, of->client_cert_path, key, of->client_key_path);
    check_readable(optfile, ca, of->ca_path);
    for (size_t i = 0; i < of->headers.count; i++)
        for (size_t j = 0; j < i; j++)
            if (str_eq_nocase(of->headers.pairs[i].name, of->headers.pairs[j].name))
                optfile_complain(optfile, headers, "each header once", "has \"" STR_FMT "\" a second time",
                                 STR_ARG(of->headers.pairs[i].name));
}

/* Twins must be remembered for as long as either can be open: parked first, then tried to the end. */
static void check_retention(struct optfile *optfile, const struct settings *settings) {
    char schedule[DURATION_TEXT_LEN], park[DURATION_TEXT_LEN], need[DURATION_TEXT_LEN + 16];
    int64_t schedule_ms = settings_schedule_ms(settings), need_ms = schedule_ms + settings->pairing_park_for_ms;
    if (settings->store_retention_ms >= need_ms)
        return;
    settings_duration_text((need_ms + 999) / 1000 * 1000, schedule);
    snprintf(need, sizeof need, "at least %s", schedule);
    settings_duration_text(schedule_ms, schedule);
    settings_duration_text(settings->pairing_park_for_ms, park);
    optfile_complain(optfile, "store.retention", need,
                     "is shorter than a message can be open: retry.schedule adds up to %s, and pairing.park_for is %s; "
                     "what its twin told would be forgotten before",
                     schedule, park);
}

static void check_times(struct optfile *optfile, const struct settings *settings) {
    if (settings->retry_schedule.count == 0)
        optfile_complain(optfile, "retry.schedule", "at least one wait, such as 5s,30s,2m", "is an empty list");
    if (optfile_is_given(optfile, "store.body_retention") &&
        settings->store_body_retention_ms > settings->store_retention_ms)
        optfile_complain(optfile, "store.body_retention", "at most store.retention", "is longer than store.retention");
    check_retention(optfile, settings);
    if (settings->pairing_window_ms > settings->store_retention_ms)
        optfile_complain(optfile, "pairing.window", "at most store.retention", "is longer than store.retention");
}

/* One address gets half of the memory for large bodies. */
static void check_memory(struct optfile *optfile, const struct settings *settings) {
    if (settings->memory_limit / 2 < settings->body_limit)
        optfile_complain(optfile, "limits.memory", "at least twice limits.body",
                         "is too small for a body of limits.body to be taken");
}

void settings_check_all(struct optfile *optfile, const struct settings *settings) {
    check_memory(optfile, settings);
    check_listen(optfile, "listen", settings->listen);
    check_admin(optfile, settings);
    check_identity(optfile, "listen.tls.cert", settings->tls_cert_path, "listen.tls.key", settings->tls_key_path);
    /* A name is one of a catalogue that is built in; which there are is for the catalogues to say. */
    if (str_find(settings->catalogue, STR("/")) >= 0 || str_find(settings->catalogue, STR(".")) >= 0)
        check_readable(optfile, "catalogue", settings->catalogue);
    check_all_secrets(optfile, settings);
    for (int i = 0; i < ENDPOINT_COUNT; i++)
        check_endpoint(optfile, settings, (enum endpoint)i);
    settings_check_urls(optfile, settings);
    check_times(optfile, settings);
}
