/* How commands that run or check the proxy come to its settings: from --config FILE, then HOOKSHIFT_... variables,
 * then --set KEY=VALUE. */
#ifndef PROXY_APP_LOAD_H
#define PROXY_APP_LOAD_H

#include "common/arena.h"
#include "proxy/app/cli.h"
#include "proxy/model/settings.h"

struct load_options {
    const char *config; /* NULL: no file */
    struct cli_list assignments;
};

/* Reads the arguments of the command argv[0], which takes those two options and nothing else. CLI_GO_ON, or the exit
 * status where the command is over; then there is nothing to clear. */
int load_options_parse(int argc, char **argv, struct load_options *options) MUST_USE;
void load_options_clear(struct load_options *options);

/* As settings_load(). Every problem is a line in `lines`, or on standard error. */
enum err load_settings_telling(const struct load_options *options, struct arena *arena, struct settings *settings,
                               struct strbuf *lines) MUST_USE;
enum err load_settings(const struct load_options *options, struct arena *arena, struct settings *settings) MUST_USE;

/* Both in one: CLI_GO_ON with good settings, or the exit status where the command is over. */
int app_load_settings(int argc, char **argv, struct arena *arena, struct settings *settings) MUST_USE;

#endif
