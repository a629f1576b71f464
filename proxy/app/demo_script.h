/* What happens in the demo: occurrences, each told by rules and by an event, made from the bodies that are built in,
 * with ids of their own each time.
 *
 * Everything lives in the arena of the script. */
#ifndef PROXY_APP_DEMO_SCRIPT_H
#define PROXY_APP_DEMO_SCRIPT_H

#include "proxy/model/message.h"

enum { DEMO_RULE_MAX = 8, DEMO_ITEM_MAX = 8 };

struct demo_message {
    struct demo_occurrence *occurrence;
    enum generation generation;
    struct str key;        /* AlertId or id: by it the consumers' log tells what was received */
    struct str webhook_id; /* of an event, else absent */
    struct str body;
    size_t item; /* of a rule: which item it tells of */
    bool sent;
    uint32_t received[ENDPOINT_COUNT];
    bool item_received[DEMO_ITEM_MAX]; /* of an event: it arrived with that item in it */
    struct demo_message *next;         /* of all messages of the script */
};

enum demo_order { DEMO_RULES_FIRST, DEMO_EVENT_FIRST, DEMO_EVENT_BETWEEN, DEMO_EVENT_ONLY };

struct demo_occurrence {
    struct str what;
    const char *phase;
    enum demo_order order;
    struct demo_message *rules[DEMO_RULE_MAX], *event;
    size_t rule_count;
    struct str items[DEMO_ITEM_MAX]; /* data types, where it has more than one */
    size_t item_count;               /* at least 1 */
    struct demo_occurrence *next;
};

struct demo_script;
struct json;

struct demo_script *demo_script_new(struct arena *arena) MUST_USE;
size_t demo_script_kinds(const struct demo_script *script); /* how many kinds of occurrence there are */
/* {"what", "rules", "event"}: the bodies of one kind, with placeholders for ids. */
const struct json *demo_script_kind(const struct demo_script *script, size_t kind);
/* One more occurrence of that kind, as if it happened now. */
struct demo_occurrence *demo_script_add(struct demo_script *script, size_t kind, const char *phase,
                                        enum demo_order order);
struct demo_occurrence *demo_script_first(const struct demo_script *script); /* in the order they were added */

/* Notes what a consumer received. False where the body is none of the script's. */
bool demo_script_note(struct demo_script *script, enum endpoint endpoint, struct str body);

/* Has each of its items been handled by exactly one side, and no message been received twice? */
bool demo_is_handled_once(const struct demo_occurrence *occurrence);

#endif
