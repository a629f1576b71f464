/* stdio would block where standard error is a pipe that nobody reads: the program would neither work nor end, and
 * nobody would start it again. A pipe that poll() calls writable takes PIPE_BUF bytes without blocking (pipe(7)). */
#include "common/fatal.h"

#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

enum { LINE_MAX_LEN = 512, WAIT_MS = 200 };

void fatal_say(const char *format, ...) {
    char line[LINE_MAX_LEN];
    va_list arguments;
    va_start(arguments, format);
    int len = vsnprintf(line, sizeof line - 1, format, arguments);
    va_end(arguments);
    if (len < 0)
        return;
    size_t used = (size_t)len < sizeof line - 2 ? (size_t)len : sizeof line - 2;
    line[used] = '\n';
    struct pollfd standard_error = {.fd = STDERR_FILENO, .events = POLLOUT};
    if (poll(&standard_error, 1, WAIT_MS) != 1)
        return;
    ssize_t written = write(STDERR_FILENO, line, used + 1);
    (void)written; /* there is nobody else to tell */
}
