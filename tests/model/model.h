/* The slow, obvious model of how messages are paired, decided, retried and forgotten.
 *
 * It keeps every message ever seen in one array and looks through all of them for everything. It shares nothing with
 * the real code but the words for states. Plain data: a copy of the struct is a copy of the world. */
#ifndef TESTS_MODEL_MODEL_H
#define TESTS_MODEL_MODEL_H

#include "tests/model/sketch.h"

enum { MODEL_MESSAGES = 512, MODEL_TWINS = 8192, RETRY_MAX = 8, NOWHERE = -1 };

/* Settings of one history. */
struct rules {
    int64_t window_ms, hold_ms, park_for_ms, retention_ms, body_retention_ms;
    int64_t retry_ms[RETRY_MAX];
    unsigned retry_count, backlog_max;
    bool trim;
    bool calm; /* both consumers are on and healthy, every message is seen: the check by occurrence is made */
    /* The only generation whose messages are verified, while those of the other are not trusted; unknown: no such
     * difference is made. */
    enum generation verified;
    uint8_t prefer[EVENT_TYPE_COUNT]; /* enum prefer */
};

struct flags {
    uint8_t on[ENDPOINT_COUNT]; /* bit c: on for company c (0: messages without one) */
};

struct model_message {
    unsigned label; /* of the step it came with */
    uint64_t id;    /* in the real ledger */
    bool there;     /* neither forgotten nor past retention */
    struct sketch sketch;
    int64_t received_ms, time_ms, due_ms, changed_ms;
    enum state state;
    unsigned attempts, tries;
    bool trimmed[SKETCH_ITEMS];   /* the others may have it */
    bool delivered[SKETCH_ITEMS]; /* some delivery with it succeeded */
    bool again[SKETCH_ITEMS];     /* a delivered message is sent once more, with these */
    unsigned leased_covered;      /* bits of the items that were covered when it was leased */
    bool promised, replayed, forced, content_gone, under_way;
};

/* Refused for now: its sender comes again. */
struct model_refusal_note {
    struct sketch sketch;
    int64_t first_ms;
    bool is_lasting; /* also after a restart */
};

struct model_twin { /* places in the array of messages */
    int rule, event;
    unsigned item;
};

struct model {
    struct rules rules;
    struct flags flags;
    int64_t now_ms;
    int message_count, twin_count, refusal_count;
    struct model_refusal_note refusals[MODEL_MESSAGES];
    struct model_twin twins[MODEL_TWINS];
    struct model_message messages[MODEL_MESSAGES];
};

enum model_outcome { MODEL_ADMITTED, MODEL_DUPLICATE, MODEL_REOPENED, MODEL_REFUSED };

struct model_arrival {
    enum model_outcome outcome;
    int place;        /* of the message, or of the one it repeats */
    unsigned covered; /* bits of the items that were covered */
};

/* What time and flags ask for, message by message. */
enum model_chore { CHORE_HOLD_OVER, CHORE_PARK_OVER, CHORE_REVIEW, CHORE_FORGET_BODY, CHORE_FORGET, CHORE_COUNT };

enum model_result { RESULT_DELIVERED, RESULT_FAILED, RESULT_GONE, RESULT_INTERRUPTED };

struct model_attempt {
    enum model_result result;
    int64_t retry_after_ms; /* -1: none */
    double jitter;          /* -1 to 1 */
};

void model_copy(struct model *to, const struct model *from);
struct model_arrival model_arrive(struct model *model, unsigned label, const struct sketch *sketch, bool lease,
                                  bool promise);
/* Places of the pending messages that are due, in the order they are leased; marks them under way. */
int model_lease(struct model *model, enum endpoint endpoint, int max, int *places);
/* An attempt that had to wait begins: off by now, it is decided again. */
void model_resume(struct model *model, int place);
void model_settle(struct model *model, int place, const struct model_attempt *attempt);
enum model_refusal { REPLAYS, REFUSED_GONE, REFUSED_BUSY, REFUSED_BODY, REFUSED_HANDLED };
enum model_refusal model_may_replay(const struct model *model, int place, bool force);
void model_replay(struct model *model, int place, bool force);
bool model_chore_is_due(const struct model *model, int place, enum model_chore chore);
void model_do_chore(struct model *model, int place, enum model_chore chore);
/* The process ends without a word: nobody knows any more what was under way. */
void model_crash(struct model *model);

bool model_flag(const struct flags *flags, enum endpoint endpoint, unsigned company);
/* Does the message handle that item of itself? */
bool model_handles(const struct model_message *message, unsigned item);
bool model_is_covered(const struct model *model, int place, unsigned item);
unsigned model_covered(const struct model *model, int place);  /* bits of its covered items */
bool model_is_sent_again(const struct model_message *message); /* delivered, and pending for items given back */
unsigned model_left_out(const struct model *model, int place); /* bits of the items that the next attempt leaves out */
int model_find_label(const struct model *model, unsigned label); /* newest of that label, or NOWHERE */

#endif
