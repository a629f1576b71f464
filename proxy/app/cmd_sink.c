#include "proxy/app/cli.h"
#include "proxy/app/sink.h"

#include "common/loop_signal.h"
#include "common/units.h"

#include <signal.h>
#include <stdio.h>

struct run {
    struct loop *loop;
    struct strbuf line;
};

static void on_request(const struct http_request *request, int status, void *arg) {
    struct run *run = arg;
    run->line.len = 0;
    sink_print(&run->line, request, status);
    fwrite(run->line.at, 1, run->line.len, stdout);
    if (fflush(stdout) != 0)
        loop_stop(run->loop); /* nobody reads any longer */
}

static void on_signal(void *arg) {
    loop_stop(arg);
}

static int run_sink(struct sink_options options) {
    struct run run = {.loop = loop_new()};
    struct sink *sink;
    struct err_detail detail;
    options.loop = run.loop;
    options.on_request = on_request;
    options.arg = &run;
    int status = CLI_OK;
    if (sink_new(&options, &sink, &detail) != ERR_NONE) {
        status = cli_failed("sink", "%s", detail.text);
    } else {
        struct loop_signal *term = loop_signal_new(run.loop, SIGTERM, on_signal, run.loop);
        struct loop_signal *interrupt = loop_signal_new(run.loop, SIGINT, on_signal, run.loop);
        fprintf(stderr, "listening on http://%s\n", sink_address(sink));
        loop_run(run.loop);
        loop_signal_free(interrupt);
        loop_signal_free(term);
        sink_free(sink);
        status = cli_finish("sink", CLI_OK);
    }
    loop_free(run.loop);
    strbuf_clear(&run.line);
    return status;
}

int cmd_sink(int argc, char **argv) {
    const char *listen = "127.0.0.1:8081", *status = "200", *delay = "0", *fail_first = "0";
    const struct cli_option options[] = {
        {"listen", CLI_TEXT, &listen},
        {"status", CLI_TEXT, &status},
        {"delay", CLI_TEXT, &delay},
        {"fail-first", CLI_TEXT, &fail_first},
    };
    int first, over = cli_parse(argc, argv, options, ARRAY_LEN(options), &first);
    if (over != CLI_GO_ON)
        return over;
    if (first < argc)
        return cli_misused(argv[0], "takes no argument \"%s\"", argv[first]);
    struct sink_options sink = {.listen = listen};
    uint64_t number;
    if (!str_to_u64(str_of(status), &number) || number < 200 || number > 599)
        return cli_misused(argv[0], "--status is \"%s\", but must be a number from 200 to 599", status);
    sink.status = (int)number;
    if (!duration_parse(str_of(delay), &sink.delay_ms))
        return cli_misused(argv[0], "--delay is \"%s\", but must be a duration such as 250ms or 10s", delay);
    if (!str_to_u64(str_of(fail_first), &sink.fail_first))
        return cli_misused(argv[0], "--fail-first is \"%s\", but must be a number", fail_first);
    return run_sink(sink);
}
