#include "proxy/app/input.h"

#include "common/file.h"
#include "proxy/app/cli.h"

enum { INPUT_LEN_MAX = 64 << 20 /* bytes; what is larger was given by mistake */ };

static bool is_standard_input(const char *path) {
    return str_eq(str_of(path), STR("-"));
}

const char *input_name(const char *path) {
    return is_standard_input(path) ? "standard input" : path;
}

bool input_read(const char *command, struct arena *arena, const char *path, struct str *text) {
    struct err_detail detail;
    const char *file = is_standard_input(path) ? "/dev/stdin" : path;
    if (file_read_any(arena, file, INPUT_LEN_MAX, text, &detail) == ERR_NONE)
        return true;
    (void)cli_failed(command, "%s: %s", input_name(path), detail.text);
    return false;
}
