/* May legacy be switched off? What the parity counts mean, for people and programs. */
#ifndef PROXY_FLOW_VERDICT_H
#define PROXY_FLOW_VERDICT_H

#include "proxy/decide/catalog.h"
#include "proxy/model/settings.h"
#include "proxy/store/ledger.h"

enum verdict { VERDICT_NO_DATA, VERDICT_NOT_READY, VERDICT_READY };
const char *verdict_name(enum verdict verdict); /* "no-data", "not-ready", "ready" */

/* What the verdict rests on. */
struct verdict_question {
    const struct catalog *catalog;
    const struct settings *settings;
    struct parity_report parity;
    struct ledger_counts counts;
    bool new_is_off; /* new-consumer answers "off" whatever the message */
    int64_t since_ms, now_ms;
};

struct verdict_type {
    struct str type, replaced_by; /* rule type; the event types that replace it, for people */
    struct parity_row row;
    enum verdict verdict;
};

struct verdict_unreplaced {
    struct str type;
    int64_t count, last_ms;
    bool is_acknowledged; /* in parity.ignore, or assigned to the new endpoint */
};

struct verdict_report {
    enum verdict verdict;
    struct str *reasons; /* why it is not ready, or what there is no data of */
    size_t reason_count;
    struct verdict_type *types;
    size_t type_count;
    struct verdict_type all; /* the sum */
    struct verdict_unreplaced *unreplaced;
    size_t unreplaced_count;
};

/* Texts live in the arena. */
void verdict_give(struct arena *arena, const struct verdict_question *question, struct verdict_report *report);
/* {"verdict", "reasons", "since", "until", "types", "all", "without_replacement"} */
void verdict_write(struct arena *arena, const struct verdict_question *question, const struct verdict_report *report,
                   struct strbuf *out);

#endif
