#include "common/httpc.h"
#include "common/log.h"
#include "common/process.h"
#include "proxy/app/cli.h"
#include "proxy/app/load.h"
#include "proxy/app/serve.h"

int cmd_serve(int argc, char **argv) {
    struct settings settings;
    struct arena *arena = arena_new_for_secrets();
    process_forbid_cores();
    int status = app_load_settings(argc, argv, arena, &settings);
    if (status == CLI_GO_ON) {
        log_set(settings.log_level, settings.log_format);
        if (httpc_global_init() != ERR_NONE)
            return cli_failed(argv[0], "libcurl cannot be initialised");
        if (!log_start())
            return cli_failed(argv[0], "cannot start the thread that writes the log");
        struct settings_watch *watch = settings_watch_new(argc, argv);
        status = serve_run(&settings, watch, arena);
        settings_watch_free(watch);
        log_stop();
        httpc_global_clear();
    }
    arena_free(arena);
    return status;
}
