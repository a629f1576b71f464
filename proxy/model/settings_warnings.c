/* These settings work, and then surprise somebody at night. Each line names the setting, what will happen, and what to
 * do about it. */
#include "proxy/model/settings_warnings.h"

#include "common/netaddr.h"
#include "common/url.h"

/* A delivery that waited carries a signature that is too old for the consumer. */
static void warn_of_old_signatures(const struct settings *settings, struct strbuf *lines) {
    const struct {
        const struct opt_list *verified;
        const char *setting, *word;
        enum endpoint endpoint;
    } sides[] = {{&settings->verify_event_secrets, "verify.event_secrets", "events", ENDPOINT_NEW},
                 {&settings->verify_rule_secrets, "verify.rule_secrets", "rules", ENDPOINT_LEGACY}};
    for (size_t i = 0; i < ARRAY_LEN(sides); i++) {
        if (sides[i].verified->count == 0 || settings->endpoints[sides[i].endpoint].secrets.count > 0)
            continue;
        strbuf_printf(
            lines,
            "endpoints.%s.secrets: is empty, while %s are signed (%s): what is parked or retried for longer "
            "than the consumer's tolerance, five minutes as a rule, is delivered under its old signature, and "
            "a consumer that checks signatures answers 401; set the secret that the consumer checks with\n",
            endpoint_name(sides[i].endpoint), sides[i].word, sides[i].setting);
    }
}

/* "http://host/" and "http://host" look the same and are not. */
static void warn_of_root_path(const struct settings *settings, struct strbuf *lines) {
    for (int e = 0; e < ENDPOINT_COUNT; e++) {
        struct str text = settings->endpoints[e].url;
        struct url url;
        if (text.at == NULL || url_split(text, &url) != NULL || !str_eq(url.path, STR("/")))
            continue;
        strbuf_printf(lines,
                      "endpoints.%s.url: \"" STR_FMT "\" has the path \"/\", so that every message is posted to \"/\"; "
                      "\"" STR_FMT "\", without the slash, keeps the path of each request\n",
                      endpoint_name((enum endpoint)e), STR_ARG(text), STR_ARG(url.origin));
    }
}

/* A body that went before the other side's attempts did cannot take over. */
static void warn_of_short_bodies(const struct settings *settings, struct strbuf *lines) {
    char body[DURATION_TEXT_LEN], schedule[DURATION_TEXT_LEN];
    if (settings->store_body_retention_ms >= settings_schedule_ms(settings))
        return;
    settings_duration_text(settings->store_body_retention_ms, body);
    settings_duration_text(settings_schedule_ms(settings), schedule);
    strbuf_printf(
        lines,
        "store.body_retention: is %s, while retry.schedule adds up to %s: an event whose body is gone by then "
        "cannot be sent for an alert that comes late or dies, and nothing so old can be replayed; make it "
        "at least as long as the schedule\n",
        body, schedule);
}

static bool holds_something(const struct settings *settings) {
    bool holds = settings->pairing_prefer != PREFER_FIRST;
    for (size_t i = 0; i < settings->pairing_prefer_by_type.count; i++)
        holds = holds || !str_eq(settings->pairing_prefer_by_type.pairs[i].value, STR("first"));
    return holds;
}

/* What is held for longer than the window finds its twin too far away when it comes. */
static void warn_of_long_hold(const struct settings *settings, struct strbuf *lines) {
    char hold[DURATION_TEXT_LEN], window[DURATION_TEXT_LEN];
    if (settings->pairing_hold_ms <= settings->pairing_window_ms || !holds_something(settings))
        return;
    settings_duration_text(settings->pairing_hold_ms, hold);
    settings_duration_text(settings->pairing_window_ms, window);
    strbuf_printf(lines,
                  "pairing.hold: is %s, longer than pairing.window (%s): a twin that comes after the window is no twin "
                  "any more, and both sides handle the occurrence; make it at most pairing.window\n",
                  hold, window);
}

static bool is_reachable(struct str listen) {
    struct netaddr address;
    return netaddr_parse(listen.at, &address, NULL) == ERR_NONE && !netaddr_is_loopback(&address);
}

/* A forged message of the one generation keeps a genuine one of the other from its consumer. */
static void warn_of_forgery(const struct settings *settings, struct strbuf *lines) {
    bool enforces = settings->verify_mode == VERIFY_ENFORCE;
    bool events =
        enforces && (settings->verify_event_secrets.count > 0 || settings->verify_event_authorizations.count > 0);
    bool rules =
        enforces && (settings->verify_rule_secrets.count > 0 || settings->verify_rule_authorizations.count > 0);
    if (events == rules && (events || !is_reachable(settings->listen)))
        return;
    if (!events && !rules) {
        strbuf_printf(lines,
                      "verify: neither generation is verified, while \"" STR_FMT
                      "\" can be reached from other machines: "
                      "whoever reaches it can speak for the vendor; set verify.event_secrets, and "
                      "verify.rule_authorizations or verify.rule_secrets\n",
                      STR_ARG(settings->listen));
        return;
    }
    const char *verified = events ? "events" : "rules", *other = events ? "rules" : "events";
    if (settings->pairing_unverified == UNVERIFIED_NEVER)
        strbuf_printf(lines,
                      "pairing.unverified: is never, and only %s are verified: %s that were handled first do not keep "
                      "the %s that tell the same from their consumer, so that both handle it, unless pairing.prefer "
                      "holds them back; verify the %s as well\n",
                      verified, other, verified, other);
    else
        strbuf_printf(lines,
                      "verify: only %s are verified: a forged message among the %s can keep a genuine one of the %s "
                      "from its consumer; set %s, or pairing.unverified to never\n",
                      verified, other, verified,
                      events ? "verify.rule_authorizations or verify.rule_secrets" : "verify.event_secrets");
}

void settings_warnings(const struct settings *settings, struct strbuf *lines) {
    warn_of_forgery(settings, lines);
    warn_of_old_signatures(settings, lines);
    warn_of_root_path(settings, lines);
    warn_of_short_bodies(settings, lines);
    warn_of_long_hold(settings, lines);
}
