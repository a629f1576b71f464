/* Every setting of the program as plain data. settings_table() says what there is; docs, ranges, defaults and
 * messages come from it.
 *
 * Read once at start and never changed: threads share it. All texts live in the arena that was given. */
#ifndef PROXY_MODEL_SETTINGS_H
#define PROXY_MODEL_SETTINGS_H

#include "common/err.h"
#include "common/log.h"
#include "common/optfile.h"
#include "proxy/model/message.h"

enum acknowledge { ACKNOWLEDGE_STORED, ACKNOWLEDGE_DELIVERED };
enum verify_mode { VERIFY_ENFORCE, VERIFY_REPORT };
enum proxy_protocol { PROXY_PROTOCOL_OFF, PROXY_PROTOCOL_V2 };
enum unverified { UNVERIFIED_TRUST, UNVERIFIED_NEVER };
enum unrecognised { UNRECOGNISED_LEGACY, UNRECOGNISED_NEW, UNRECOGNISED_REJECT };
enum prefer { PREFER_FIRST, PREFER_NEW, PREFER_LEGACY };
enum partial { PARTIAL_TRIM, PARTIAL_FORWARD };
enum store_sync { STORE_SYNC_FULL, STORE_SYNC_NORMAL };

struct endpoint_settings {
    struct str url;           /* with a path: posted there, with the request's query; without: its path and query */
    struct opt_object routes; /* type -> URL */
    struct opt_list secrets;  /* each signs */
    struct opt_object headers;
    int64_t timeout_ms, connect_timeout_ms;
    int64_t connection_age_ms; /* 0: no limit */
    int64_t concurrency;
    struct str ca_path, client_cert_path, client_key_path; /* PEM; absent: the system's, none, none */
};

struct settings {
    struct str listen, tls_cert_path, tls_key_path; /* both paths or neither */
    struct opt_list trusted_proxies;
    enum proxy_protocol proxy_protocol;
    struct str admin_listen, admin_token; /* token: absent where there is none */
    int64_t workers;                      /* 0: one per core */
    struct str flags_path;
    struct str store_url;
    enum store_sync store_sync;
    int64_t store_retention_ms, store_body_retention_ms;
    struct endpoint_settings endpoints[ENDPOINT_COUNT];
    enum acknowledge acknowledge;
    struct opt_list verify_event_secrets, verify_event_authorizations;
    struct opt_list verify_rule_secrets, verify_rule_authorizations;
    struct str verify_event_scheme, verify_rule_scheme; /* absent: the catalogue's */
    enum verify_mode verify_mode;
    int64_t verify_tolerance_ms;
    enum unrecognised unrecognised;
    struct opt_object assign; /* see settings_assigned() */
    struct str catalogue;     /* a name of one that is built in, or a file; absent: codat */
    int64_t pairing_window_ms;
    enum prefer pairing_prefer;
    struct opt_object pairing_prefer_by_type; /* see settings_prefer() */
    int64_t pairing_hold_ms;
    enum partial pairing_partial;
    enum unverified pairing_unverified;
    int64_t pairing_park_for_ms; /* 0: not at all */
    struct opt_list parity_ignore, parity_ignore_fields;
    int64_t parity_compare;   /* pairs a second */
    int64_t parity_differing; /* percent */
    int64_t parity_evidence;  /* alerts */
    int64_t rehearse_messages;
    struct opt_durations retry_schedule;
    size_t body_limit, header_limit, memory_limit; /* bytes */
    size_t body_rate;                              /* bytes a second; 0: none */
    int64_t request_time_ms, idle_time_ms;
    int64_t connection_limit, address_connection_limit; /* of one address; 0: no limit of its own */
    int64_t backlog_limit;                              /* messages */
    int64_t drain_time_ms;
    enum log_level log_level;
    enum log_format log_format;
};

const struct opt_table *settings_table(void);

/* Where settings come from. NULL or 0 for what is not there. */
struct settings_sources {
    const char *path;
    const char *const *variables;   /* like environ */
    const char *const *assignments; /* KEY=VALUE */
    size_t assignment_count;
};

/* ERR_INVALID where there is any problem: `*problems` then has all of them, else NULL. `settings` holds what could be
 * read in either case, the default for what could not, so that a check can go on to the files it names. */
enum err settings_load(struct arena *arena, const struct settings_sources *sources, struct settings *settings,
                       const struct opt_problem **problems) MUST_USE;

/* Types are compared without regard to letter case. The endpoint that the setting `assign` gives the type to; false
 * where it does not. */
bool settings_assigned(const struct settings *settings, struct str type, enum endpoint *endpoint);
/* All waits of retry.schedule together. */
int64_t settings_schedule_ms(const struct settings *settings);
/* "27h42m35s", for people; whole seconds, or below one "20ms". */
enum { DURATION_TEXT_LEN = 48 };
void settings_duration_text(int64_t ms, char text[DURATION_TEXT_LEN]);
/* Which side is preferred for an event type. */
enum prefer settings_prefer(const struct settings *settings, struct str event_type);
/* The URL for messages of that type: its route, else the endpoint's own. */
struct str settings_route(const struct endpoint_settings *endpoint, struct str type);

#endif
