/* May legacy be switched off? One pure function of what was counted, what the flags may say, and the settings; every
 * view of parity (command, page, API, metrics, `flags set --if-ready`) shows its answer.
 *
 * A wrong yes loses data, so each doubt is a no, and each no comes with a reason in words. */
#ifndef PROXY_DECIDE_VERDICT_H
#define PROXY_DECIDE_VERDICT_H

#include "proxy/decide/catalog.h"
#include "proxy/decide/field_judge.h"
#include "proxy/model/parity.h"
#include "proxy/model/settings.h"

enum verdict { VERDICT_NO_DATA, VERDICT_NOT_READY, VERDICT_READY };
const char *verdict_name(enum verdict verdict); /* "no-data", "not-ready", "ready" */

/* How far the migration is, by the flags. */
enum verdict_stage {
    STAGE_EXPAND,  /* legacy handles everything */
    STAGE_BOTH,    /* both consumers are on, perhaps each for some */
    STAGE_CONTRACT /* legacy is off for every message */
};
const char *verdict_stage_name(enum verdict_stage stage); /* "expand", "both", "contract" */

/* What the flags in force may say. `may` of the definition alone; the numbers of messages seen in the period. */
struct verdict_flags {
    bool legacy_may_be_on, legacy_may_be_off, new_may_be_on, new_may_be_off;
    bool may_change;            /* as time goes by, by a rule that reads $flagd.timestamp */
    bool asked;                 /* each message of the period was asked about, else the numbers are 0 */
    int64_t new_asked, new_off; /* messages for the new endpoint; those for which new-consumer is off */
    int64_t both_off;           /* messages, of either generation, for which both are off */
    struct str new_off_example, both_off_example; /* "0ABC… of company c1" */
};

/* All that the answer rests on. */
struct verdict_evidence {
    const struct catalog *catalog;
    const struct settings *settings; /* parity.ignore, parity.evidence, assign */
    struct parity_report parity;
    struct verdict_flags flags;
    int64_t dead_new;                    /* messages for the new endpoint in state dead */
    const struct field_evidence *fields; /* what events tell otherwise than rules */
    size_t field_count;
};

struct verdict_type {
    struct str replaced_by; /* the event types, for people */
    struct parity_row row;
    enum verdict verdict;
};

struct verdict_unreplaced {
    struct str type; /* as parity.ignore names it: "SyncStarted", "PushOperationStatusChanged:other", "unrecognised" */
    int64_t count, last_ms;
    bool is_acknowledged; /* in parity.ignore, or assigned to the new endpoint */
};

struct verdict_report {
    enum verdict verdict;
    enum verdict_stage stage;
    struct str question; /* what the verdict answers: another one when legacy is off already */
    struct str *reasons; /* why it is not ready, or what there is no data of */
    size_t reason_count;
    struct verdict_type *types;
    size_t type_count;
    struct verdict_type all; /* the sum; an event that replaces several rule types counts once */
    struct verdict_unreplaced *unreplaced;
    size_t unreplaced_count;
    int64_t waiting_for_event; /* alerts that nobody handles and that have no event */
};

/* Texts live in the arena. */
void verdict_give(struct arena *arena, const struct verdict_evidence *evidence, struct verdict_report *report);

/* Is the text what parity.ignore may name? NULL, or what is wrong with it, in the arena. */
const char *verdict_check_ignored(struct arena *arena, const struct catalog *catalog, struct str name) MUST_USE;

#endif
