/* The proxy in a process of its own, and the world around it in this one: senders that send until they are answered
 * 2xx, and two consumers that answer what a scenario tells them to.
 *
 * One thread turns all of it: stage_until(). What the proxy is told to fail at, and what it passed, is in memory that
 * both share. */
#ifndef TESTS_TORTURE_STAGE_H
#define TESTS_TORTURE_STAGE_H

#include "common/fault.h"
#include "common/str.h"
#include "proxy/model/message.h"

#include <sys/types.h>

enum { LETTERS_MAX = 16, PEERS_MAX = 64, SETTINGS_MAX = 40, NO_LETTER = -1 };

/* A webhook that is to arrive. */
struct letter {
    char key[24]; /* its webhook-id */
    enum generation generation;
    int occurrence; /* letters of the same one tell the same */
    char *body;
    int after;       /* sent when that one is acknowledged; NO_LETTER: at once */
    int status;      /* of the last answer */
    bool is_acked;   /* answered 2xx */
    bool is_sending; /* just now */
    int refused;     /* answers that were not 2xx, and none at all */
    int turned_away; /* of these, what tells the sender that it is its own fault */
    int64_t again_us;
    int attempts[ENDPOINT_COUNT];  /* that arrived at the consumer */
    int delivered[ENDPOINT_COUNT]; /* of them answered 2xx */
    int last_life[ENDPOINT_COUNT]; /* of the proxy, when it was delivered last */
    int repeated_in_life;          /* deliveries by a life of the proxy that had delivered it before */
};

struct signature_key;
struct stage;

/* What the consumer answers: a status. */
typedef int stage_answer_fn(struct stage *stage, enum endpoint endpoint, const struct letter *letter);

struct peer {
    int fd; /* -1: free */
    bool is_sender;
    enum endpoint endpoint; /* of a consumer */
    int letter;             /* of a sender; NO_LETTER: it has asked for something else */
    int64_t ends_us;
    struct strbuf in;
};

struct stage {
    char folder[64], flags_path[96], store_path[96];
    const char *settings[SETTINGS_MAX]; /* KEY=VALUE */
    size_t setting_count;
    struct signature_key *signs[GENERATION_EVENT + 1]; /* what senders sign with; NULL: they do not */
    stage_answer_fn *answer;
    struct letter letters[LETTERS_MAX];
    int letter_count;
    bool is_sending; /* what is not acknowledged is sent */
    struct fault_plan *plan;
    uint32_t passed_at_start[FAULT_POINTS_MAX]; /* by point: when the first life listened */
    int64_t clock_shift_ms;
    int64_t patience_ms; /* how long a scenario waits for what a fault may keep from happening */

    pid_t pid; /* 0: no proxy */
    int life;
    int exit_status; /* of the last life, as waitpid() tells it */
    int log_fd;
    struct strbuf log; /* of all lives */
    size_t log_from;   /* where that of this life begins */
    int port, admin_port;

    int listeners[ENDPOINT_COUNT], ports[ENDPOINT_COUNT]; /* of the consumers */
    struct peer peers[PEERS_MAX];
};

typedef bool stage_check_fn(struct stage *stage);

void stage_open(struct stage *stage);
void stage_close(struct stage *stage); /* kills what runs and removes the files */

void stage_set(struct stage *stage, const char *format, ...) PRINTF_LIKE(2, 3);
void stage_unset(struct stage *stage, const char *front);           /* all settings that begin so */
void stage_write_flags(struct stage *stage, bool legacy, bool new); /* and tells the proxy, where it runs */
void stage_remove_store(const struct stage *stage);                 /* its files */
/* A rule or an event; returns its number. `after`: see above. */
int stage_add(struct stage *stage, enum generation generation, int occurrence, int after, const char *format, ...)
    PRINTF_LIKE(5, 6);

/* True when it listens; false when it has ended instead. */
bool stage_start(struct stage *stage) MUST_USE;
/* Asks it to end in order, and waits for it; kills it where it does not end. False: it had to be killed. */
bool stage_stop(struct stage *stage);
void stage_kill(struct stage *stage);
/* Turns everything until the check says so: true; false after that time, or when the proxy has ended. */
bool stage_until(struct stage *stage, stage_check_fn *check, int64_t within_ms);
/* POST to the admin port; what is answered is of no account. */
void stage_post(struct stage *stage, const char *target);
void stage_get(struct stage *stage, const char *target);
void stage_set_clock_back(const struct stage *stage); /* the proxy's, by hours, while it runs */

bool stage_all_acked(struct stage *stage);
/* Every occurrence that was acknowledged has been taken by one consumer. */
bool stage_all_handled(struct stage *stage);

#endif
