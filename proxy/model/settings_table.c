/* The one place where a setting is described: its name, range, default and meaning. */
#include "proxy/model/settings.h"
#include "proxy/model/settings_checks.h"

#include "common/url.h"

/* Choices are written into enums by number: the order here is the order there. */
static const char *const sync_names[] = {"full", "normal", NULL};
static const char *const acknowledge_names[] = {"stored", "delivered", NULL};
static const char *const mode_names[] = {"enforce", "report", NULL};
static const char *const proxy_protocol_names[] = {"off", "v2", NULL};
static const char *const unverified_names[] = {"trust", "never", NULL};
static const char *const unrecognised_names[] = {"legacy", "new", "reject", NULL};
static const char *const endpoint_names[] = {"legacy", "new", NULL};
static const char *const prefer_names[] = {"first", "new", "legacy", NULL};
static const char *const partial_names[] = {"trim", "forward", NULL};
static const char *const level_names[] = {"error", "warn", "info", "debug", NULL};
static const char *const format_names[] = {"text", "json", NULL};

_Static_assert(STORE_SYNC_FULL == 0 && STORE_SYNC_NORMAL == 1, "sync_names");
_Static_assert(ACKNOWLEDGE_STORED == 0 && ACKNOWLEDGE_DELIVERED == 1, "acknowledge_names");
_Static_assert(VERIFY_ENFORCE == 0 && VERIFY_REPORT == 1, "mode_names");
_Static_assert(PROXY_PROTOCOL_OFF == 0 && PROXY_PROTOCOL_V2 == 1, "proxy_protocol_names");
_Static_assert(UNVERIFIED_TRUST == 0 && UNVERIFIED_NEVER == 1, "unverified_names");
_Static_assert(UNRECOGNISED_LEGACY == 0 && UNRECOGNISED_NEW == 1 && UNRECOGNISED_REJECT == 2, "unrecognised_names");
_Static_assert(PREFER_FIRST == 0 && PREFER_NEW == 1 && PREFER_LEGACY == 2, "prefer_names");
_Static_assert(PARTIAL_TRIM == 0 && PARTIAL_FORWARD == 1, "partial_names");
_Static_assert(LOG_ERROR == 0 && LOG_WARN == 1 && LOG_INFO == 2 && LOG_DEBUG == 3, "level_names");
_Static_assert(LOG_TEXT == 0 && LOG_JSON == 1, "format_names");

#define SECOND ((int64_t)1000)
#define MINUTE (60 * SECOND)
#define HOUR   (60 * MINUTE)
#define DAY    (24 * HOUR)
#define KIB    ((int64_t)1024)
#define MIB    (1024 * KIB)

#define AT(member)           .offset = offsetof(struct settings, member)
#define RANGE(least, most)   .min = (least), .max = (most)
#define TEXT(member)         .type = OPT_TEXT, AT(member)
#define INT(member)          .type = OPT_INT, AT(member)
#define DURATION(member)     .type = OPT_DURATION, AT(member)
#define SIZE(member)         .type = OPT_SIZE, AT(member)
#define LIST(member)         .type = OPT_LIST, AT(member)
#define OBJECT(member)       .type = OPT_OBJECT, AT(member)
#define CHOICE(member, list) .type = OPT_CHOICE, AT(member), .choices = (list)

#define ENDPOINT_OPTS(word, which)                                                                                     \
    {.name = "endpoints." word ".url",                                                                                 \
     TEXT(endpoints[which].url),                                                                                       \
     .is_required = true,                                                                                              \
     .check = url_check,                                                                                               \
     .meaning =                                                                                                        \
         "where to deliver; with a path: posted there, with the request's query; without: its own path and query"},    \
        {.name = "endpoints." word ".routes",                                                                          \
         OBJECT(endpoints[which].routes),                                                                              \
         .check = url_check,                                                                                           \
         .check_name = settings_check_type,                                                                            \
         .meaning = "rule or event type to URL, for consumers with one URL for each type"},                            \
        {.name = "endpoints." word ".secrets",                                                                         \
         LIST(endpoints[which].secrets),                                                                               \
         .is_secret = true,                                                                                            \
         .check = settings_check_not_empty,                                                                            \
         .meaning = "secrets (whsec_); each signs what is delivered, freshly for every attempt"},                      \
        {.name = "endpoints." word ".headers",                                                                         \
         OBJECT(endpoints[which].headers),                                                                             \
         .is_secret = true,                                                                                            \
         .check = settings_check_header_value,                                                                         \
         .check_name = settings_check_header_name,                                                                     \
         .meaning = "headers to add or replace"},                                                                      \
        {.name = "endpoints." word ".timeout",                                                                         \
         DURATION(endpoints[which].timeout_ms),                                                                        \
         RANGE(10, HOUR),                                                                                              \
         .initial = "10s",                                                                                             \
         .meaning = "an attempt takes at most this long"},                                                             \
        {.name = "endpoints." word ".connect_timeout",                                                                 \
         DURATION(endpoints[which].connect_timeout_ms),                                                                \
         RANGE(10, HOUR),                                                                                              \
         .initial = "3s",                                                                                              \
         .meaning = "of it, connecting takes at most this long"},                                                      \
        {.name = "endpoints." word ".connection_age",                                                                  \
         DURATION(endpoints[which].connection_age_ms),                                                                 \
         RANGE(0, DAY),                                                                                                \
         .initial = "1m",                                                                                              \
         .meaning = "a connection serves at most this long, so that a name that moved is noticed; 0: no limit"},       \
        {.name = "endpoints." word ".concurrency",                                                                     \
         INT(endpoints[which].concurrency),                                                                            \
         RANGE(1, 100000),                                                                                             \
         .initial = "64",                                                                                              \
         .meaning = "deliveries in flight at most, to each scheme, host and port of its URLs"},                        \
        {.name = "endpoints." word ".ca",                                                                              \
         TEXT(endpoints[which].ca_path),                                                                               \
         .initial_shown = "the system's",                                                                              \
         .meaning = "PEM file of the authorities that may vouch for the consumer"},                                    \
        {.name = "endpoints." word ".client_cert",                                                                     \
         TEXT(endpoints[which].client_cert_path),                                                                      \
         .meaning = "PEM file of the certificate to show the consumer"},                                               \
    {                                                                                                                  \
        .name = "endpoints." word ".client_key", TEXT(endpoints[which].client_key_path),                               \
        .meaning = "PEM file of its key"                                                                               \
    }

/* clang-format off */
static const struct opt opts[] = {
    {.name = "listen", TEXT(listen), .initial = "0.0.0.0:8080",
     .meaning = "where webhooks arrive; port 0 picks a free one, printed at start"},
    {.name = "listen.tls.cert", TEXT(tls_cert_path), .meaning = "PEM file of the certificate to receive TLS with"},
    {.name = "listen.tls.key", TEXT(tls_key_path), .meaning = "PEM file of its key"},
    {.name = "listen.trusted_proxies", LIST(trusted_proxies), .check = settings_check_range,
     .meaning = "addresses (10.0.0.0/8) whose X-Forwarded-* and Forwarded are kept and added to; of others they are replaced"},
    {.name = "listen.proxy_protocol", CHOICE(proxy_protocol, proxy_protocol_names), .initial = "off",
     .meaning = "v2: each connection begins with a PROXY header of version 2, and all others are closed"},
    {.name = "admin.listen", TEXT(admin_listen), .initial = "127.0.0.1:9090",
     .meaning = "health, metrics, API, dashboard; other than loopback only with admin.token"},
    {.name = "admin.token", TEXT(admin_token), .is_secret = true,
     .meaning = "bearer token of the admin port; without one it refuses changes"},
    {.name = "workers", INT(workers), RANGE(0, 256), .initial = "0", .meaning = "event loops; 0: one per core"},
    {.name = "flags.file", TEXT(flags_path), .is_required = true,
     .meaning = "the flag file, in the flag definition format of flagd"},
    {.name = "store.url", TEXT(store_url), .initial = "sqlite:hookshift.db", .check = settings_check_store,
     .meaning = "sqlite:PATH, or memory: for trials"},
    {.name = "store.sync", CHOICE(store_sync, sync_names), .initial = "full",
     .meaning = "full: every acknowledged message is on disk; normal: safe against a crash of the process alone"},
    {.name = "store.retention", DURATION(store_retention_ms), RANGE(MINUTE, 3650 * DAY), .initial = "15d",
     .meaning = "how long identities and facts are remembered, from the last change of a message; at least "
                "retry.schedule and pairing.park_for together"},
    {.name = "store.body_retention", DURATION(store_body_retention_ms), RANGE(0, 3650 * DAY), .initial = "3d",
     .meaning = "how long bodies of final messages are kept for replay; never longer than store.retention"},
    ENDPOINT_OPTS("legacy", ENDPOINT_LEGACY),
    ENDPOINT_OPTS("new", ENDPOINT_NEW),
    {.name = "acknowledge", CHOICE(acknowledge, acknowledge_names), .initial = "stored",
     .meaning = "stored: answered once durable, then delivered with retries; delivered: answered after the consumer has"},
    {.name = "verify.event_secrets", LIST(verify_event_secrets), .is_secret = true, .check = settings_check_not_empty,
     .meaning = "secrets, of Standard Webhooks whsec_ or whpk_; set: every event must carry a valid signature"},
    {.name = "verify.event_authorizations", LIST(verify_event_authorizations), .is_secret = true,
     .meaning = "exact Authorization values, as an alternative for events"},
    {.name = "verify.event_scheme", TEXT(verify_event_scheme), .initial_shown = "the catalogue's",
     .meaning = "how events are signed: standard-webhooks, pagerduty, stripe, github, or a scheme of the catalogue; "
                "endpoints.new.secrets sign so as well"},
    {.name = "verify.rule_secrets", LIST(verify_rule_secrets), .is_secret = true, .check = settings_check_not_empty,
     .meaning = "likewise for rules"},
    {.name = "verify.rule_authorizations", LIST(verify_rule_authorizations), .is_secret = true,
     .meaning = "exact Authorization values, as an alternative for rules"},
    {.name = "verify.rule_scheme", TEXT(verify_rule_scheme), .initial_shown = "the catalogue's",
     .meaning = "how rules are signed, and endpoints.legacy.secrets sign"},
    {.name = "verify.mode", CHOICE(verify_mode, mode_names), .initial = "enforce",
     .meaning = "report: what is not authenticated is counted and logged, and let in"},
    {.name = "verify.tolerance", DURATION(verify_tolerance_ms), RANGE(SECOND, DAY), .initial = "5m",
     .meaning = "how far a signature's time may be from now, both ways"},
    {.name = "unrecognised", CHOICE(unrecognised, unrecognised_names), .initial = "legacy",
     .meaning = "who gets messages of no known shape"},
    {.name = "assign", OBJECT(assign), .choices = endpoint_names, .check_name = settings_check_type,
     .meaning = "type to endpoint, for types without a counterpart that should go to the other one"},
    {.name = "catalogue", TEXT(catalogue), .initial_shown = "codat",
     .meaning = "the vendor: codat, pagerduty, stripe (`hookshift catalogue list`), or a file"},
    {.name = "pairing.window", DURATION(pairing_window_ms), RANGE(1, 3650 * DAY), .initial = "10m",
     .meaning = "how far apart in time twins may be where their key recurs"},
    {.name = "pairing.prefer", CHOICE(pairing_prefer, prefer_names), .initial = "first",
     .meaning = "which side handles an occurrence while both are on"},
    {.name = "pairing.prefer_by_type", OBJECT(pairing_prefer_by_type), .choices = prefer_names,
     .check_name = settings_check_type, .meaning = "event type to preference, where it differs"},
    {.name = "pairing.hold", DURATION(pairing_hold_ms), RANGE(0, DAY), .initial = "30s",
     .meaning = "how long a message waits for its preferred twin; no longer than pairing.window"},
    {.name = "pairing.partial", CHOICE(pairing_partial, partial_names), .initial = "trim",
     .meaning = "an event that is covered in part: delivered without that part, or whole"},
    {.name = "pairing.unverified", CHOICE(pairing_unverified, unverified_names), .initial = "trust",
     .meaning = "never: a message of a generation that is not verified suppresses none of one that is"},
    {.name = "pairing.park_for", DURATION(pairing_park_for_ms), RANGE(0, 3650 * DAY), .initial = "24h",
     .meaning = "how long a message waits parked; 0: it expires at once, still replayable"},
    {.name = "parity.ignore", LIST(parity_ignore), .check = settings_check_type,
     .meaning = "types without a replacement that need not keep legacy on; \"TYPE:other\": alerts of a replaced type "
                "that no event replaces; \"unrecognised\": messages in no known shape"},
    {.name = "parity.compare", INT(parity_compare), RANGE(0, 1000), .initial = "20",
     .meaning = "pairs a second at most whose bodies are compared member by member; 0: none"},
    {.name = "parity.ignore_fields", LIST(parity_ignore_fields),
     .meaning = "members that may differ: Data.platformKey, or SyncFailed.Data.syncId of one rule type alone"},
    {.name = "parity.differing", INT(parity_differing), RANGE(0, 100), .initial = "1",
     .meaning = "percent of a type's pairs in which a member may differ before that keeps legacy on"},
    {.name = "parity.evidence", INT(parity_evidence), RANGE(1, 1000000), .initial = "3",
     .meaning = "alerts of each rule type that must have had an event before parity can be ready; a type with fewer "
                "alerts in all needs one for each"},
    {.name = "rehearse.messages", INT(rehearse_messages), RANGE(1, 10000000), .initial = "200000",
     .meaning = "messages that a rehearsal takes at most; it needs about 1 KiB of memory for each"},
    {.name = "retry.schedule", .type = OPT_DURATIONS, AT(retry_schedule), RANGE(1, 30 * DAY),
     .initial = "5s,30s,2m,10m,30m,2h,5h,10h,10h", .meaning = "waits between attempts"},
    {.name = "limits.body", SIZE(body_limit), RANGE(64, 1024 * MIB), .initial = "1MiB", .meaning = "size of a body"},
    {.name = "limits.memory", SIZE(memory_limit), RANGE(MIB, 1024 * 1024 * MIB), .initial = "192MiB",
     .meaning = "bodies under way and what waits for delivery in memory; beyond: answered 503"},
    {.name = "limits.body_rate", SIZE(body_rate), RANGE(0, 1024 * MIB), .initial = "1KiB",
     .meaning = "bytes a second that a body must come with, over 5s; slower: answered 408; 0: no limit"},
    {.name = "limits.headers", SIZE(header_limit), RANGE(512, MIB), .initial = "16KiB",
     .meaning = "size of the request line and all headers"},
    {.name = "limits.request_time", DURATION(request_time_ms), RANGE(10, HOUR), .initial = "15s",
     .meaning = "a whole request must arrive within"},
    {.name = "limits.idle_time", DURATION(idle_time_ms), RANGE(10, DAY), .initial = "75s",
     .meaning = "how long a connection may be idle; longer than at the load balancer in front, which is usually 60s"},
    {.name = "limits.connections", INT(connection_limit), RANGE(1, 1000000), .initial = "4096",
     .meaning = "open connections in all; beyond: refused"},
    {.name = "limits.connections_per_address", INT(address_connection_limit), RANGE(0, 1000000), .initial = "1024",
     .meaning = "of them, from one address (of IPv6: one network of 64 bits); 0: no limit, for behind a terminator"},
    {.name = "limits.backlog", INT(backlog_limit), RANGE(1, 1000000000), .initial = "1000000",
     .meaning = "messages not yet delivered; beyond: answered 503"},
    {.name = "drain_time", DURATION(drain_time_ms), RANGE(0, HOUR), .initial = "25s",
     .meaning = "how long attempts may go on after SIGTERM"},
    {.name = "log.level", CHOICE(log_level, level_names), .initial = "info", .meaning = "what is logged"},
    {.name = "log.format", CHOICE(log_format, format_names), .initial = "text", .meaning = "json for collectors"},
};
/* clang-format on */

/* What Kubernetes and container links put into the environment of a service called hookshift, or hookshift-admin. */
static const char *const not_settings[] = {
    "HOOKSHIFT_*SERVICE_HOST=*",
    "HOOKSHIFT_*SERVICE_PORT=[0-9]*",
    "HOOKSHIFT_*SERVICE_PORT_*=[0-9]*",
    "HOOKSHIFT_*PORT=*://*",
    "HOOKSHIFT_*PORT_[0-9]*_TCP*=*",
    "HOOKSHIFT_*PORT_[0-9]*_UDP*=*",
    NULL,
};

const struct opt_table *settings_table(void) {
    static const struct opt_table table = {.opts = opts,
                                           .count = ARRAY_LEN(opts),
                                           .own_key = "address",
                                           .env_prefix = "HOOKSHIFT_",
                                           .env_not_settings = not_settings};
    return &table;
}
