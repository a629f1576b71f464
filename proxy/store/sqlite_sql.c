/* INDEXED BY makes a plan that would not use the index an error at start instead of a slow query later. An equation in
 * the query implies that its column is not NULL, which is what partial indexes are limited by. */
#include "proxy/store/sqlite_sql.h"

#define CHANGING       "state, due_ms, changed_ms, attempts, tries, marks, trimmed"
#define SELECT_MESSAGE "SELECT id, " CHANGING ", endpoint, fixed FROM message "
/* The rest of the filter is within what is fixed. */
#define LIST_ORDER "AND id < ?1 ORDER BY id DESC"

/* In the order of enum parity_number. */
#define PARITY_COLUMNS                                                                                                 \
    "rules, events, events_again, rules_paired, events_paired, events_paired_again, "                                  \
    "unhandled, unhandled_paired, rule_first, event_first, unreplaced, near_misses, died"
#define PARITY_ADD(column) #column " = " #column " + excluded." #column ", "
#define PARITY_MAX(column) #column " = max(" #column ", excluded." #column ")"

static const char *const texts[SQL_COUNT] = {
    [SQL_BEGIN] = "BEGIN IMMEDIATE",
    [SQL_COMMIT] = "COMMIT",
    [SQL_ROLLBACK] = "ROLLBACK",
    [SQL_LAST_ID] = "SELECT id FROM message ORDER BY id DESC LIMIT 1",
    [SQL_INSERT_MESSAGE] = "INSERT INTO message (id, " CHANGING ", queue, endpoint, fixed) "
                           "VALUES (?,?,?,?,?,?,?,?,?,?,?)",
    [SQL_INSERT_CONTENT] = "INSERT INTO content (id, headers, body) VALUES (?, ?, ?)",
    [SQL_UPDATE_MESSAGE] = "UPDATE message SET (" CHANGING ") = (?1,?2,?3,?4,?5,?6,?7), "
                           "queue = CASE WHEN ?1 < 3 THEN endpoint * 8 + ?1 END WHERE id = ?8",
    [SQL_RECOVER_TAKEN] = "UPDATE message SET state = 0, queue = endpoint * 8 WHERE state = 7 AND "
                          "id >= coalesce((SELECT CAST(value AS INTEGER) FROM meta WHERE name = 'taken_from'), 0)",
    [SQL_INDEX_TAKEN] = "UPDATE message SET state = 0, queue = endpoint * 8 WHERE id = ? AND state = 7",
    [SQL_PUT_FLOOR] = "INSERT INTO meta (name, value) VALUES ('taken_from', ?1) "
                      "ON CONFLICT DO UPDATE SET value = excluded.value",
    [SQL_LOAD_MESSAGE] = SELECT_MESSAGE "WHERE id = ?",
    [SQL_LOAD_CONTENT] = "SELECT headers, body FROM content WHERE id = ?",
    [SQL_REMOVE_MESSAGE] = "DELETE FROM message WHERE id = ?",
    [SQL_REMOVE_CONTENT] = "DELETE FROM content WHERE id = ?",
    [SQL_REMOVE_STEPS] = "DELETE FROM step WHERE message = ?",
    [SQL_REMOVE_TWINS_OF_EVENT] = "DELETE FROM twin WHERE event = ?",
    [SQL_REMOVE_TWINS_OF_RULE] = "DELETE FROM twin WHERE rule = ?",
    [SQL_ADD_TWIN] = "INSERT OR IGNORE INTO twin (event, item, rule, rule_group) VALUES (?, ?, ?, ?)",
    [SQL_FIND_TWINS_OF_EVENT] = "SELECT event, item, rule, rule_group FROM twin WHERE event = ? "
                                "ORDER BY event, item, rule",
    [SQL_FIND_TWINS_OF_RULE] = "SELECT event, item, rule, rule_group FROM twin INDEXED BY twin_rule WHERE rule = ? "
                               "ORDER BY event, item, rule",
    [SQL_ADD_STEP] =
        "INSERT INTO step (message, number, at_ms, state, attempt, status, duration_us, why) "
        "VALUES (?1, coalesce((SELECT number + 1 FROM step WHERE message = ?1 ORDER BY number DESC LIMIT 1), 0), "
        "?2, ?3, ?4, ?5, ?6, ?7)",
    [SQL_STEPS] = "SELECT at_ms, state, attempt, status, duration_us, why FROM step WHERE message = ? "
                  "ORDER BY number",
    [SQL_DUE] = "SELECT id, due_ms FROM message INDEXED BY message_due "
                "WHERE queue = ?1 ORDER BY due_ms, id LIMIT ?2",
    [SQL_DUE_AFTER] = "SELECT id, due_ms FROM message INDEXED BY message_due "
                      "WHERE queue = ?1 AND (due_ms, id) > (?2, ?3) ORDER BY due_ms, id LIMIT ?4",
    [SQL_SCAN_STATE] = "SELECT id FROM message INDEXED BY message_state "
                       "WHERE state = ?1 AND state NOT IN (3, 4) AND state < 7 AND id > ?2 ORDER BY id LIMIT ?3",
    [SQL_SCAN_STATES] = "SELECT id FROM message NOT INDEXED WHERE (?1 >> state) & 1 AND id > ?2 ORDER BY id LIMIT ?3",
    [SQL_SCAN_CONTENT] = "SELECT id FROM content WHERE id > ?1 AND id < ?2 ORDER BY id LIMIT ?3",
    [SQL_LIST] = SELECT_MESSAGE "NOT INDEXED WHERE id > ?2 " LIST_ORDER,
    [SQL_LIST_STATE] = SELECT_MESSAGE
    "INDEXED BY message_state WHERE state = ?2 AND state NOT IN (3, 4) AND state < 7 AND id > ?3 " LIST_ORDER,
    [SQL_COUNT_STATE] = "SELECT count(*) FROM (SELECT 1 FROM message INDEXED BY message_state "
                        "WHERE state = ?1 AND state NOT IN (3, 4) AND state < 7 AND id < ?2 LIMIT ?3)",
    [SQL_READ_RECENT] = "SELECT number, entries FROM recent ORDER BY number",
    [SQL_ADD_RECENT] = "INSERT INTO recent (number, entries) VALUES (?, ?)",
    [SQL_CLEAR_RECENT] = "DELETE FROM recent",
    [SQL_READ_RUNS] = "SELECT number, level, hashes, pages, filter, fences FROM run",
    [SQL_ADD_RUN] = "INSERT INTO run (number, level, hashes, pages, filter, fences) VALUES (?, ?, ?, ?, ?, ?)",
    [SQL_REMOVE_RUN] = "DELETE FROM run WHERE number = ?",
    [SQL_ADD_PAGE] = "INSERT INTO run_page (id, entries) VALUES (?, ?)",
    [SQL_READ_PAGE] = "SELECT entries FROM run_page WHERE id = ?",
    [SQL_NEXT_PAGE] = "SELECT id FROM run_page WHERE id > ? ORDER BY id LIMIT 1",
    [SQL_LAST_PAGE] = "SELECT id FROM run_page WHERE id <= ? ORDER BY id DESC LIMIT 1",
    [SQL_REMOVE_PAGES] = "DELETE FROM run_page WHERE id BETWEEN ? AND ?",
    [SQL_ADD_PARITY] =
        "INSERT INTO parity (start_ms, type, " PARITY_COLUMNS ", skew_max_ms, last_unreplaced_ms) "
        "VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?) ON CONFLICT DO UPDATE SET " PARITY_ADD(rules) PARITY_ADD(events)
            PARITY_ADD(events_again) PARITY_ADD(rules_paired) PARITY_ADD(events_paired) PARITY_ADD(events_paired_again)
                PARITY_ADD(unhandled) PARITY_ADD(unhandled_paired) PARITY_ADD(rule_first) PARITY_ADD(event_first)
                    PARITY_ADD(unreplaced) PARITY_ADD(near_misses) PARITY_ADD(died)
                        PARITY_MAX(skew_max_ms) ", " PARITY_MAX(last_unreplaced_ms),
    [SQL_ADD_SKEW] = "INSERT INTO parity_skew (start_ms, type, below_ms, pairs) VALUES (?, ?, ?, ?) "
                     "ON CONFLICT DO UPDATE SET pairs = pairs + excluded.pairs",
    [SQL_EACH_PARITY] = "SELECT start_ms, type, " PARITY_COLUMNS ", skew_max_ms, last_unreplaced_ms FROM parity "
                        "WHERE start_ms >= ? AND start_ms < ? ORDER BY start_ms",
    [SQL_EACH_SKEW] = "SELECT start_ms, type, below_ms, pairs FROM parity_skew "
                      "WHERE start_ms >= ? AND start_ms < ? ORDER BY start_ms",
    [SQL_REMOVE_PARITY] = "DELETE FROM parity WHERE start_ms >= ? AND start_ms < ?",
    [SQL_REMOVE_SKEW] = "DELETE FROM parity_skew WHERE start_ms >= ? AND start_ms < ?",
    [SQL_ADD_UNPAIRED] = "INSERT OR IGNORE INTO unpaired (received_ms, message, type, is_rule) VALUES (?, ?, ?, ?)",
    [SQL_REMOVE_UNPAIRED] = "DELETE FROM unpaired WHERE received_ms = ? AND message = ? AND type = ?",
    [SQL_REMOVE_UNPAIRED_MESSAGE] = "DELETE FROM unpaired WHERE received_ms = ? AND message = ?",
    [SQL_SCAN_UNPAIRED] = "SELECT received_ms, message, type, is_rule FROM unpaired "
                          "WHERE (received_ms, message, type) > (?1, ?2, ?3) AND received_ms < ?4 "
                          "ORDER BY received_ms, message, type LIMIT ?5",
    [SQL_GET_META] = "SELECT value FROM meta WHERE name = ?",
    [SQL_PUT_META] = "INSERT INTO meta (name, value) VALUES (?1, ?2) ON CONFLICT DO UPDATE SET value = ?2",
    [SQL_PROBE] = "INSERT INTO meta (name, value) VALUES ('probe', randomblob(8)) "
                  "ON CONFLICT DO UPDATE SET value = excluded.value",
};

const char *sql_text(enum sql sql) {
    return texts[sql];
}
