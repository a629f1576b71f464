/* Does a member that events tell otherwise than rules keep legacy on? By the settings parity.differing and
 * parity.ignore_fields. */
#ifndef PROXY_DECIDE_FIELD_JUDGE_H
#define PROXY_DECIDE_FIELD_JUDGE_H

#include "proxy/model/settings.h"

/* What was counted of one member of a rule type. */
struct field_evidence {
    struct str type, member;
    uint64_t compared, different; /* pairs */
    uint64_t example;             /* a rule whose event tells otherwise; 0: none */
};

bool field_is_ignored(const struct settings *settings, struct str type, struct str member);
/* It differs in a larger share of pairs than the settings allow, and is not ignored. */
bool field_is_reason(const struct settings *settings, const struct field_evidence *field);

#endif
