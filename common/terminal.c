/* The terminal knows its size; some that are nested in others do not, and COLUMNS helps there. */
#include "common/terminal.h"

#include "common/str.h"

#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum { COLUMNS_USUAL = 80, COLUMNS_LEAST = 20 };

size_t terminal_columns(void) {
    struct winsize size = {0};
    uint64_t columns;
    if (isatty(STDOUT_FILENO) == 0)
        return 0;
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
        return size.ws_col < COLUMNS_LEAST ? COLUMNS_LEAST : size.ws_col;
    if (str_to_u64(str_of(getenv("COLUMNS")), &columns) && columns >= COLUMNS_LEAST && columns < 10000)
        return (size_t)columns;
    return COLUMNS_USUAL;
}
