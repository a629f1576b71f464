/* INDEXED BY makes a plan that would not use the index an error at start instead of a slow query later. An equation in
 * the query implies that its column is not NULL, which is what partial indexes are limited by. */
#include "proxy/store/sqlite_sql.h"

#define CHANGING "state, due_ms, changed_ms, attempts, tries, marks, trimmed"
#define CONSTANT                                                                                                       \
    "generation, endpoint, received_ms, time_ms, item_count, identity_hash, rule_group, identity, type, counterpart, " \
    "company, connection, data_type, rule_id, target, trace_parent, facts, admission"
#define SELECT_MESSAGE "SELECT id, " CHANGING ", " CONSTANT " FROM message "
/* Parameters of every list: before, limit, generation, type, company, state. */
#define LIST_FILTER                                                                                                    \
    "id < ?1 AND (?3 < 0 OR generation = ?3) AND (?4 IS NULL OR type = ?4) AND (?5 IS NULL OR company = ?5 COLLATE "   \
    "NOCASE) "                                                                                                         \
    "AND (?6 < 0 OR state = ?6) "
#define LIST_ORDER "ORDER BY id DESC LIMIT ?2"
/* How many there are below an id, counted up to a limit and in the index alone. */
#define COUNT(index, column)                                                                                           \
    "SELECT count(*) FROM (SELECT 1 FROM message INDEXED BY " index " WHERE " column " = ?1 AND id < ?2 LIMIT ?3)"

static const char *const texts[SQL_COUNT] = {
    [SQL_BEGIN] = "BEGIN IMMEDIATE",
    [SQL_COMMIT] = "COMMIT",
    [SQL_ROLLBACK] = "ROLLBACK",
    [SQL_LAST_ID] = "SELECT id FROM message ORDER BY id DESC LIMIT 1",
    [SQL_INSERT_MESSAGE] = "INSERT INTO message (id, " CHANGING ", queue, " CONSTANT ", company_hash) "
                           "VALUES (?, ?,?,?,?,?,?,?,?, ?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?, ?)",
    [SQL_INSERT_CONTENT] = "INSERT INTO content (id, headers, body) VALUES (?, ?, ?)",
    [SQL_UPDATE_MESSAGE] = "UPDATE message SET (" CHANGING ") = (?1,?2,?3,?4,?5,?6,?7), "
                           "queue = CASE WHEN ?1 < 3 THEN endpoint * 8 + ?1 END WHERE id = ?8",
    [SQL_LOAD_MESSAGE] = SELECT_MESSAGE "WHERE id = ?",
    [SQL_LOAD_CONTENT] = "SELECT headers, body FROM content WHERE id = ?",
    [SQL_REMOVE_MESSAGE] = "DELETE FROM message WHERE id = ?",
    [SQL_REMOVE_CONTENT] = "DELETE FROM content WHERE id = ?",
    [SQL_REMOVE_STEPS] = "DELETE FROM step WHERE message = ?",
    [SQL_REMOVE_TWINS_OF_EVENT] = "DELETE FROM twin WHERE event = ?",
    [SQL_REMOVE_TWINS_OF_RULE] = "DELETE FROM twin WHERE rule = ?",
    [SQL_FIND_IDENTITY] = "SELECT id FROM message INDEXED BY message_identity "
                          "WHERE identity_hash = ?1 ORDER BY id DESC LIMIT ?2",
    [SQL_ADD_FACT] = "INSERT OR IGNORE INTO fact (hash, time_ms, message, item) VALUES (?, ?, ?, ?)",
    [SQL_REMOVE_FACT] = "DELETE FROM fact WHERE hash = ? AND time_ms = ? AND message = ? AND item = ?",
    [SQL_FIND_FACTS] = "SELECT time_ms, message, item FROM fact WHERE hash = ?1 AND time_ms BETWEEN ?2 AND ?3 "
                       "ORDER BY time_ms DESC, message DESC, item LIMIT ?4",
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
    [SQL_SCAN_STATE] = "SELECT id FROM message INDEXED BY message_state WHERE state = ?1 AND id > ?2 "
                       "ORDER BY id LIMIT ?3",
    [SQL_SCAN_CONTENT] = "SELECT id FROM content WHERE id > ?1 AND id < ?2 ORDER BY id LIMIT ?3",
    [SQL_LIST] = SELECT_MESSAGE "NOT INDEXED WHERE " LIST_FILTER LIST_ORDER,
    [SQL_LIST_STATE] = SELECT_MESSAGE "INDEXED BY message_state WHERE state = ?6 AND " LIST_FILTER LIST_ORDER,
    [SQL_LIST_GENERATION] =
        SELECT_MESSAGE "INDEXED BY message_generation WHERE generation = ?3 AND " LIST_FILTER LIST_ORDER,
    [SQL_LIST_TYPE] = SELECT_MESSAGE "INDEXED BY message_type WHERE type = ?4 AND " LIST_FILTER LIST_ORDER,
    [SQL_LIST_COMPANY] =
        SELECT_MESSAGE "INDEXED BY message_company WHERE company_hash = ?7 AND " LIST_FILTER LIST_ORDER,
    [SQL_COUNT_STATE] = COUNT("message_state", "state"),
    [SQL_COUNT_GENERATION] = COUNT("message_generation", "generation"),
    [SQL_COUNT_TYPE] = COUNT("message_type", "type"),
    [SQL_COUNT_COMPANY] = COUNT("message_company", "company_hash"),
    [SQL_GET_META] = "SELECT value FROM meta WHERE name = ?",
    [SQL_PUT_META] = "INSERT INTO meta (name, value) VALUES (?1, ?2) ON CONFLICT DO UPDATE SET value = ?2",
    [SQL_PROBE] = "INSERT INTO meta (name, value) VALUES ('probe', randomblob(8)) "
                  "ON CONFLICT DO UPDATE SET value = excluded.value",
};

const char *sql_text(enum sql sql) {
    return texts[sql];
}
