/* A proxy without its network: a ledger, a flag file, consumers that answer or fail for good, and a clock. */
#ifndef TESTS_MODEL_VERDICT_STAGE_H
#define TESTS_MODEL_VERDICT_STAGE_H

#include "proxy/decide/flags_edit.h"
#include "proxy/decide/verdict.h"
#include "proxy/store/ledger.h"

#define SECOND_MS ((int64_t)1000)
#define MINUTE_MS (60 * SECOND_MS)
#define WINDOW_MS (10 * MINUTE_MS)
#define START_MS  ((int64_t)1725192854015)

enum { COMPANIES = 5 /* and a sixth that stands for none */ };

struct stage {
    struct backend *backend;
    struct ledger *ledger;
    struct arena *arena; /* of one history */
    int64_t retry_ms[1];
    int64_t now_ms;
    struct str text; /* of the flag file */
    struct flags *flags;
    bool fails[ENDPOINT_COUNT][COMPANIES + 1]; /* the consumer answers 410 for the company */
    int64_t died_ms[COMPANIES + 1];            /* arrival of the last event that new failed so; 0: none */
};

struct str stage_company(unsigned company);

/* `path` NULL: in memory. */
void stage_open(struct stage *stage, const char *path);
void stage_close(struct stage *stage);

/* Edits the flag file, and has the ledger act on it. */
void stage_switch(struct stage *stage, struct flags_switch wanted);
/* Admits the message as of now, and lets consumers answer until nothing is due; its id. */
uint64_t stage_admit(struct stage *stage, struct message *message);
void stage_advance(struct stage *stage, int64_t to_ms);
enum state stage_state(struct stage *stage, uint64_t id);

/* As the proxy asks for it. */
void stage_ask(struct stage *stage, const struct catalog *catalog, const struct settings *settings, int64_t since_ms,
               struct verdict_report *report);

#endif
