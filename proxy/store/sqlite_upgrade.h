/* The parts of an upgrade that SQL cannot do. Each is called within the upgrade's transaction. */
#ifndef PROXY_STORE_SQLITE_UPGRADE_H
#define PROXY_STORE_SQLITE_UPGRADE_H

#include "proxy/store/sqlite_db.h"

/* To version 3: fills the index of hashes from the trees that were there before. Some seconds for each million
 * messages. */
enum err sqlite_upgrade_index(struct sqlite_db *db) MUST_USE;
/* To version 4: fills `message` from `message_of_columns`. Some ten seconds for each million messages. */
enum err sqlite_upgrade_messages(struct sqlite_db *db) MUST_USE;

#endif
