#include "common/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

const char *err_name(enum err err) {
    static const char *const names[ERR_COUNT] = {
        [ERR_NONE] = "no error",      [ERR_INVALID] = "invalid",
        [ERR_LIMIT] = "over a limit", [ERR_NOT_FOUND] = "not found",
        [ERR_EXISTS] = "exists",      [ERR_DENIED] = "denied",
        [ERR_BUSY] = "busy",          [ERR_TIMEOUT] = "timed out",
        [ERR_CLOSED] = "closed",      [ERR_IO] = "input/output error",
        [ERR_DAMAGED] = "damaged",
    };
    return err < ERR_COUNT ? names[err] : "unknown error";
}

enum err err_set(struct err_detail *detail, enum err err, const char *format, ...) {
    if (detail != NULL) {
        va_list args;
        va_start(args, format);
        vsnprintf(detail->text, sizeof detail->text, format, args);
        va_end(args);
    }
    return err;
}

void err_prefix(struct err_detail *detail, const char *format, ...) {
    if (detail == NULL)
        return;
    struct err_detail old = *detail;
    va_list args;
    va_start(args, format);
    int len = vsnprintf(detail->text, sizeof detail->text, format, args);
    va_end(args);
    size_t used = len < 0 ? 0 : (size_t)len;
    if (used + 3 < sizeof detail->text) {
        size_t room = sizeof detail->text - used;
        snprintf(detail->text + used, room, ": %.*s", (int)room - 3, old.text);
    }
}
