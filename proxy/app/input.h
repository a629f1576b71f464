/* Files that commands are given to read, "-" being standard input. */
#ifndef PROXY_APP_INPUT_H
#define PROXY_APP_INPUT_H

#include "common/arena.h"
#include "common/str.h"

/* Reads all of it into the arena. Where that fails, says why on standard error and returns false. */
bool input_read(const char *command, struct arena *arena, const char *path, struct str *text) MUST_USE;

/* The path as people see it. */
const char *input_name(const char *path);

#endif
