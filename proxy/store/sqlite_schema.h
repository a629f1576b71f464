/* The tables of the SQLite store, by version, and the way from each version to the next. */
#ifndef PROXY_STORE_SQLITE_SCHEMA_H
#define PROXY_STORE_SQLITE_SCHEMA_H

#include "proxy/store/sqlite_db.h"

enum { SQLITE_APPLICATION_ID = 0x486B5368 /* "HkSh" */ };

/* Is it a store, or an empty file that may become one? ERR_INVALID: of another program, damaged, or newer. */
enum err sqlite_schema_recognise(struct sqlite_db *db) MUST_USE;
/* Brings the tables to this program's version, each step in a transaction of its own. */
enum err sqlite_schema_upgrade(struct sqlite_db *db) MUST_USE;
/* Looks at both ends of every table and index: cheap whatever their size, finds files cut short or overwritten. */
enum err sqlite_schema_probe(struct sqlite_db *db) MUST_USE;

int sqlite_schema_version(void); /* this program's */

#endif
