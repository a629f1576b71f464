/* The legacy endpoint signs as rules are signed and the new one as events are: a consumer keeps the library that it
 * verified the vendor with. */
#include "proxy/app/keys.h"

#include "common/mem.h"
#include "common/nearest.h"

const struct scheme *keys_scheme(const struct settings *settings, const struct catalog *catalog,
                                 enum generation generation, struct strbuf *problems) {
    const bool is_rule = generation == GENERATION_RULE;
    struct str name = is_rule ? settings->verify_rule_scheme : settings->verify_event_scheme;
    struct nearest nearest;
    if (name.len == 0)
        return catalog_scheme(catalog, generation);
    const struct scheme *scheme = catalog_scheme_named(catalog, name);
    if (scheme != NULL)
        return scheme;
    nearest_begin(&nearest, name);
    for (size_t i = 0; i < catalog_scheme_count(catalog); i++)
        nearest_offer(&nearest, catalog_scheme_at(catalog, i)->name);
    strbuf_printf(problems, "verify.%s_scheme: there is no scheme \"" STR_FMT "\"", is_rule ? "rule" : "event",
                  STR_ARG(name));
    if (nearest.best.at != NULL)
        strbuf_printf(problems, "; did you mean \"" STR_FMT "\"?\n", STR_ARG(nearest.best));
    else
        strbuf_printf(problems, "; expected one that is built in, or of the catalogue's \"schemes\"\n");
    return NULL;
}

static enum err read_ring(const struct opt_list *secrets, const char *setting, bool for_signing, struct key_ring *ring,
                          struct strbuf *problems) {
    struct err_detail detail;
    ring->keys = MEM_ARRAY(secrets->count, struct signature_key *);
    for (size_t i = 0; i < secrets->count; i++) {
        enum err err = scheme_key_new(ring->scheme, secrets->items[i], &ring->keys[ring->count], &detail);
        if (err != ERR_NONE) {
            strbuf_printf(problems, "%s, secret %zu: %s\n", setting, i + 1, detail.text);
            return err;
        }
        ring->count++;
        if (for_signing && !signature_key_can_sign(ring->keys[i])) {
            strbuf_printf(problems, "%s, secret %zu: a public key cannot sign; expected whsec_ or whsk_\n", setting,
                          i + 1);
            return ERR_INVALID;
        }
    }
    return ERR_NONE;
}

enum err keys_read(struct service *service, struct strbuf *problems) {
    const struct settings *settings = service->settings;
    const struct scheme *rule = keys_scheme(settings, service->catalog, GENERATION_RULE, problems);
    const struct scheme *event = keys_scheme(settings, service->catalog, GENERATION_EVENT, problems);
    const struct {
        const struct scheme *scheme;
        const struct opt_list *secrets;
        const char *setting;
        struct key_ring *ring;
    } rings[] = {
        {event, &settings->verify_event_secrets, "verify.event_secrets", &service->verify_event},
        {rule, &settings->verify_rule_secrets, "verify.rule_secrets", &service->verify_rule},
        {rule, &settings->endpoints[ENDPOINT_LEGACY].secrets, "endpoints.legacy.secrets",
         &service->signing[ENDPOINT_LEGACY]},
        {event, &settings->endpoints[ENDPOINT_NEW].secrets, "endpoints.new.secrets", &service->signing[ENDPOINT_NEW]},
    };
    if (rule == NULL || event == NULL)
        return ERR_INVALID;
    for (size_t i = 0; i < ARRAY_LEN(rings); i++) {
        rings[i].ring->scheme = rings[i].scheme;
        enum err err = read_ring(rings[i].secrets, rings[i].setting, i >= 2, rings[i].ring, problems);
        if (err != ERR_NONE)
            return err;
    }
    return ERR_NONE;
}

static void clear_ring(struct key_ring *ring) {
    for (size_t i = 0; i < ring->count; i++)
        signature_key_free(ring->keys[i]);
    mem_free((void *)ring->keys);
    *ring = (struct key_ring){0};
}

void keys_clear(struct service *service) {
    clear_ring(&service->verify_event);
    clear_ring(&service->verify_rule);
    for (int e = 0; e < ENDPOINT_COUNT; e++)
        clear_ring(&service->signing[e]);
}

static void warn_of_lengths(const struct scheme *scheme, const struct opt_list *secrets, const char *setting,
                            struct strbuf *problems) {
    for (size_t i = 0; i < secrets->count; i++) {
        const char *weakness = scheme_key_weakness(scheme, secrets->items[i]);
        if (weakness != NULL)
            strbuf_printf(problems, "%s, secret %zu: warning: %s\n", setting, i + 1, weakness);
    }
}

bool keys_check(const struct settings *settings, const struct catalog *catalog, struct strbuf *problems) {
    struct service *service = MEM_NEW(struct service);
    service->settings = settings;
    service->catalog = catalog;
    bool is_good = keys_read(service, problems) == ERR_NONE;
    if (is_good) {
        warn_of_lengths(service->verify_event.scheme, &settings->verify_event_secrets, "verify.event_secrets",
                        problems);
        warn_of_lengths(service->verify_rule.scheme, &settings->verify_rule_secrets, "verify.rule_secrets", problems);
        warn_of_lengths(service->signing[ENDPOINT_LEGACY].scheme, &settings->endpoints[ENDPOINT_LEGACY].secrets,
                        "endpoints.legacy.secrets", problems);
        warn_of_lengths(service->signing[ENDPOINT_NEW].scheme, &settings->endpoints[ENDPOINT_NEW].secrets,
                        "endpoints.new.secrets", problems);
    }
    keys_clear(service);
    mem_free(service);
    return is_good;
}
