/* A migration played in a few seconds:
 *
 *     expand     legacy on, new off    events wait until legacy has handled the same, then they are suppressed
 *     both       legacy on, new on     whichever comes first is handled
 *     contract   legacy off, new on    the other way round
 *
 * Every kind of occurrence happens in each of them, told by both generations in either order, some messages twice. The
 * consumers note what they receive, and at the end each occurrence must have been handled by one of them, once. */
#include "proxy/app/cli.h"
#include "proxy/app/demo_report.h"
#include "proxy/app/demo_stage.h"

#include "common/clock.h"
#include "common/json.h"

#include <stdio.h>

struct demo {
    struct arena *arena;
    struct demo_script *script;
    struct demo_stage *stage;
    struct err_detail detail;
    size_t sent, repeated, foreign, kinds;
};

static void on_received(enum endpoint endpoint, struct str body, void *arg) {
    struct demo *demo = arg;
    if (!demo_script_note(demo->script, endpoint, body))
        demo->foreign++;
}

static enum err send_message(struct demo *demo, struct demo_message *message) {
    const struct http_header rule_headers[] = {{STR("Content-Type"), STR("application/json")},
                                               {STR("Authorization"), STR("Basic ZGVtbzpkZW1v")}};
    const struct http_header event_headers[] = {{STR("Content-Type"), STR("application/json")},
                                                {STR("webhook-id"), message->webhook_id}};
    int status;
    bool is_event = message->generation == GENERATION_EVENT;
    enum err err =
        demo_stage_send(demo->stage, is_event ? event_headers : rule_headers, 2, message->body, &status, &demo->detail);
    if (err == ERR_NONE && (status < 200 || status > 299))
        err = err_set(&demo->detail, ERR_IO, "the proxy answered %d to \"" STR_FMT "\"", status,
                      STR_ARG(message->occurrence->what));
    message->sent = true;
    return err;
}

/* Senders repeat what they believe was lost: every third message comes twice. */
static enum err tell(struct demo *demo, struct demo_message *message) {
    enum err err = send_message(demo, message);
    demo->sent++;
    if (err == ERR_NONE && demo->sent % 3 == 0) {
        err = send_message(demo, message);
        demo->repeated++;
    }
    return err;
}

static enum err happen(struct demo *demo, size_t kind, const char *phase, enum demo_order order) {
    struct demo_occurrence *occurrence = demo_script_add(demo->script, kind, phase, order);
    size_t before = order == DEMO_RULES_FIRST ? occurrence->rule_count : order == DEMO_EVENT_BETWEEN ? 1 : 0;
    enum err err = ERR_NONE;
    for (size_t r = 0; r < before && err == ERR_NONE; r++)
        err = tell(demo, occurrence->rules[r]);
    if (err == ERR_NONE)
        err = tell(demo, occurrence->event);
    for (size_t r = before; r < occurrence->rule_count && err == ERR_NONE && order != DEMO_EVENT_ONLY; r++)
        err = tell(demo, occurrence->rules[r]);
    return err;
}

/* Every kind once, in one order and the other by turns. */
static enum err play_by_turns(struct demo *demo, const char *phase) {
    enum err err = ERR_NONE;
    for (size_t kind = 0; kind < demo->kinds && err == ERR_NONE; kind++)
        err = happen(demo, kind, phase, kind % 2 == 0 ? DEMO_RULES_FIRST : DEMO_EVENT_FIRST);
    return err;
}

/* Every kind in every order that it has. */
static enum err play_in_all_orders(struct demo *demo, const char *phase) {
    enum err err = ERR_NONE;
    for (size_t kind = 0; kind < demo->kinds && err == ERR_NONE; kind++) {
        err = happen(demo, kind, phase, DEMO_RULES_FIRST);
        if (err == ERR_NONE)
            err = happen(demo, kind, phase, DEMO_EVENT_FIRST);
        if (err == ERR_NONE && json_get(demo_script_kind(demo->script, kind), STR("rules"))->count > 1)
            err = happen(demo, kind, phase, DEMO_EVENT_BETWEEN);
    }
    return err;
}

static enum err switch_flag(struct demo *demo, const char *flag, bool on) {
    const char *path = demo_stage_flags_path(demo->stage);
    const char *const words[] = {"flags", "set", flag, on ? "on" : "off", "--file", path};
    char *argv[ARRAY_LEN(words) + 1] = {NULL};
    for (size_t i = 0; i < ARRAY_LEN(words); i++)
        argv[i] = (char *)(uintptr_t)words[i]; /* a command moves its arguments, and leaves their texts alone */
    printf("\n$ hookshift flags set %s %s --file %s\n", flag, words[3], path);
    if (cmd_flags((int)ARRAY_LEN(words), argv) != CLI_OK)
        return err_set(&demo->detail, ERR_IO, "the flag could not be switched");
    return demo_stage_await_flag(demo->stage, str_of(flag), on, &demo->detail);
}

static enum err play_phase(struct demo *demo, enum err (*play)(struct demo *, const char *), const char *phase) {
    int64_t began_us = clock_mono_us();
    size_t before = demo->sent + demo->repeated;
    enum err err = play(demo, phase);
    if (err == ERR_NONE)
        err = demo_stage_settle(demo->stage, &demo->detail);
    if (err == ERR_NONE)
        printf("         %zu messages sent, some of them twice, and settled in %.1f s\n",
               demo->sent + demo->repeated - before, (double)(clock_mono_us() - began_us) / 1e6);
    fflush(stdout);
    return err;
}

static enum err play(struct demo *demo) {
    printf("\nexpand   legacy is on, new is off: events wait until legacy has handled the same\n");
    enum err err = play_phase(demo, play_by_turns, "expand");
    /* An alert gets lost. Its event waits for as long as nobody has handled it, and goes to new in the end. */
    if (err == ERR_NONE)
        err = happen(demo, demo->kinds / 2, "expand", DEMO_EVENT_ONLY);
    if (err == ERR_NONE)
        err = switch_flag(demo, "new-consumer", true);
    if (err != ERR_NONE)
        return err;
    printf("\nboth     both are on: whichever message comes first is handled, the other is not\n");
    err = play_phase(demo, play_in_all_orders, "both");
    if (err == ERR_NONE)
        err = switch_flag(demo, "legacy-consumer", false);
    if (err != ERR_NONE)
        return err;
    printf("\ncontract legacy is off: alerts wait until new has handled the same\n");
    return play_phase(demo, play_by_turns, "contract");
}

static void print_opening(const struct demo *demo) {
    printf("A vendor replaces its webhooks, and for some time tells everything twice: by an alert of the old\n"
           "generation and by an event of the new one. Two consumers run, one for each. hookshift stands in\n"
           "front of both, and sees to it that each occurrence is handled once, by the one or the other.\n\n"
           "  webhooks   http://%s\n  admin      http://%s\n  legacy     http://%s\n  new        http://%s\n",
           demo_stage_public_address(demo->stage), demo_stage_admin_address(demo->stage),
           demo_stage_sink_address(demo->stage, ENDPOINT_LEGACY), demo_stage_sink_address(demo->stage, ENDPOINT_NEW));
    demo_report_kinds(demo->script);
    fflush(stdout);
}

static int run(const char *command, struct demo *demo, bool keep) {
    if (demo_stage_open(on_received, demo, &demo->stage, &demo->detail) != ERR_NONE)
        return cli_failed(command, "%s", demo->detail.text);
    print_opening(demo);
    enum err err = play(demo);
    size_t wrong = err == ERR_NONE ? demo_report_result(demo->script) + demo->foreign : 1;
    if (keep)
        printf("Kept: %s\n", demo_stage_folder(demo->stage));
    bool in_order = demo_stage_close(demo->stage, keep);
    if (err != ERR_NONE)
        return cli_failed(command, "%s", demo->detail.text);
    if (!in_order)
        return cli_failed(command, "the proxy did not end in order");
    return wrong == 0 ? CLI_OK : CLI_FAILED;
}

int cmd_demo(int argc, char **argv) {
    bool keep = false;
    const struct cli_option options[] = {{"keep", CLI_FLAG, &keep}};
    int first, status = cli_parse(argc, argv, options, ARRAY_LEN(options), &first);
    if (status != CLI_GO_ON)
        return status;
    if (first < argc)
        return cli_misused(argv[0], "takes no argument \"%s\"", argv[first]);
    struct demo demo = {.arena = arena_new(0)};
    demo.script = demo_script_new(demo.arena);
    demo.kinds = demo_script_kinds(demo.script);
    status = cli_finish(argv[0], run(argv[0], &demo, keep));
    arena_free(demo.arena);
    return status;
}
