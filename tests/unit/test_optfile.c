#include "common/optfile.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

enum colour { RED, GREEN, BLUE };
static const char *const colours[] = {"red", "green", "blue", NULL};

struct values {
    struct str name, token, listen, cert, path;
    bool loud;
    int64_t count, wait_ms;
    size_t room;
    enum colour colour;
    struct opt_list tags, keys;
    struct opt_durations steps;
    struct opt_object routes, assign;
};

static const char *check_route(struct str text) {
    return str_starts_with(text, STR("/")) ? NULL : "does not begin with a slash";
}

#define AT(member) .offset = offsetof(struct values, member)
static const struct opt opts[] = {
    {.name = "name", .type = OPT_TEXT, AT(name), .is_required = true, .meaning = "what it is called"},
    {.name = "token", .type = OPT_TEXT, AT(token), .is_secret = true, .meaning = "a secret"},
    {.name = "listen", .type = OPT_TEXT, AT(listen), .initial = "here", .meaning = "where"},
    {.name = "listen.tls.cert", .type = OPT_TEXT, AT(cert), .meaning = "certificate"},
    {.name = "flags.file", .type = OPT_TEXT, AT(path), .meaning = "a path"},
    {.name = "log.loud", .type = OPT_BOOL, AT(loud), .meaning = "louder"},
    {.name = "limits.count", .type = OPT_INT, AT(count), .initial = "3", .min = 1, .max = 10, .meaning = "how many"},
    {.name = "limits.wait", .type = OPT_DURATION, AT(wait_ms), .initial = "10s", .max = 60000, .meaning = "how long"},
    {.name = "limits.room",
     .type = OPT_SIZE,
     AT(room),
     .initial = "1MiB",
     .min = 1024,
     .max = 1 << 30,
     .meaning = "how large"},
    {.name = "colour",
     .type = OPT_CHOICE,
     AT(colour),
     .initial = "green",
     .choices = colours,
     .meaning = "which | what"},
    {.name = "tags", .type = OPT_LIST, AT(tags), .meaning = "labels"},
    {.name = "keys", .type = OPT_LIST, AT(keys), .is_secret = true, .check = check_route, .meaning = "secrets"},
    {.name = "steps",
     .type = OPT_DURATIONS,
     AT(steps),
     .initial = "1s,2m",
     .min = 1,
     .max = 3600000,
     .meaning = "waits"},
    {.name = "routes", .type = OPT_OBJECT, AT(routes), .check = check_route, .meaning = "name to path"},
    {.name = "assign", .type = OPT_OBJECT, AT(assign), .choices = colours, .meaning = "name to colour"},
};
static const char *const not_settings[] = {"T_PORT=tcp:*", "T_*_SERVICE_HOST=*", NULL};
static const struct opt_table table = {opts, ARRAY_LEN(opts), "address", "T_", not_settings};

struct trial {
    struct arena *arena;
    struct values values;
    struct optfile *optfile;
    struct strbuf report;
};

static void trial_begin(struct trial *trial) {
    *trial = (struct trial){.arena = arena_new(0)};
    trial->optfile = optfile_new(trial->arena, &table, &trial->values);
}

static const char *trial_report(struct trial *trial) {
    strbuf_clear(&trial->report);
    strbuf_append(&trial->report, STR(""));
    for (const struct opt_problem *p = optfile_problems(trial->optfile); p != NULL; p = p->next) {
        opt_problem_print(&trial->report, p);
        strbuf_append_char(&trial->report, '\n');
    }
    return trial->report.at;
}

static void trial_end(struct trial *trial) {
    strbuf_clear(&trial->report);
    arena_free(trial->arena);
}

static void assert_str(struct str s, const char *expected) {
    if (!str_eq(s, str_of(expected)))
        fail_msg("\"" STR_FMT "\" is not \"%s\"", STR_ARG(s), expected);
}

static void test_defaults(void **state) {
    (void)state;
    struct trial trial;
    trial_begin(&trial);
    assert_null(trial.values.name.at);
    assert_str(trial.values.listen, "here");
    assert_false(trial.values.loud);
    assert_int_equal(trial.values.count, 3);
    assert_int_equal(trial.values.wait_ms, 10000);
    assert_int_equal(trial.values.room, 1024 * 1024);
    assert_int_equal(trial.values.colour, GREEN);
    assert_int_equal(trial.values.tags.count, 0);
    assert_int_equal(trial.values.steps.count, 2);
    assert_int_equal(trial.values.steps.ms[1], 120000);
    assert_string_equal(trial_report(&trial), "");
    trial_end(&trial);
}

static void test_a_whole_file(void **state) {
    (void)state;
    struct trial trial;
    trial_begin(&trial);
    optfile_read_json(trial.optfile, "t.json",
                      STR("// all of it\n{\"name\": \"x\", \"token\": \"s\",\n"
                          "\"listen\": {\"address\": \"there\", \"tls\": {\"cert\": \"c.pem\"}},\n"
                          "\"flags\": {\"file\": \"f.json\"}, \"log.loud\": true,\n"
                          "\"limits\": {\"count\": 7, \"wait\": 0, \"room\": 2048 /* bytes */},\n"
                          "\"colour\": \"blue\", \"tags\": [\"a\", \"b,c\"], \"keys\": \"/k1, /k2\",\n"
                          "\"steps\": [\"250ms\", \"1m\"],\n"
                          "\"routes\": {\"read.completed\": \"/r\", \"x\": \"/x\"}, \"assign\": {\"y\": \"red\"}}"));
    optfile_check_required(trial.optfile);
    assert_string_equal(trial_report(&trial), "");
    const struct values *values = &trial.values;
    assert_str(values->name, "x");
    assert_str(values->token, "s");
    assert_str(values->listen, "there");
    assert_str(values->cert, "c.pem");
    assert_str(values->path, "f.json");
    assert_true(values->loud);
    assert_int_equal(values->count, 7);
    assert_int_equal(values->wait_ms, 0);
    assert_int_equal(values->room, 2048);
    assert_int_equal(values->colour, BLUE);
    assert_int_equal(values->tags.count, 2);
    assert_str(values->tags.items[1], "b,c");
    assert_str(values->keys.items[1], "/k2");
    assert_int_equal(values->steps.ms[0], 250);
    assert_str(values->routes.pairs[0].name, "read.completed");
    assert_str(values->routes.pairs[1].value, "/x");
    assert_str(values->assign.pairs[0].value, "red");
    assert_true(optfile_is_given(trial.optfile, "listen.tls.cert"));
    assert_true(optfile_is_given(trial.optfile, "listen"));
    trial_end(&trial);
}

static void test_a_group_may_be_written_in_three_ways(void **state) {
    (void)state;
    static const char *const texts[] = {
        "{\"name\":\"x\",\"listen\":\"a\",\"listen.tls\":{\"cert\":\"c\"}}",
        "{\"name\":\"x\",\"listen\":\"a\",\"listen.tls.cert\":\"c\"}",
        "{\"name\":\"x\",\"listen\":{\"tls.cert\":\"c\",\"address\":\"a\"}}",
    };
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        struct trial trial;
        trial_begin(&trial);
        optfile_read_json(trial.optfile, "t.json", str_of(texts[i]));
        assert_string_equal(trial_report(&trial), "");
        assert_str(trial.values.listen, "a");
        assert_str(trial.values.cert, "c");
        trial_end(&trial);
    }
}

static void test_every_mistake_of_a_file_is_told(void **state) {
    (void)state;
    struct trial trial;
    trial_begin(&trial);
    optfile_read_json(trial.optfile, "t.json",
                      STR("{\n"
                          "  \"limits\": {\"count\": 70, \"wait\": \"10x\"},\n"
                          "  \"colr\": \"red\",\n"
                          "  \"log\": {\"lod\": true, \"loud\": \"yes\"},\n"
                          "  \"tags\": [\"a\", 2],\n"
                          "  \"tags\": [],\n"
                          "  \"flags\": \"f.json\",\n"
                          "  \"routes\": {\n"
                          "    \"a\": \"/a\",\n"
                          "    \"b\": \"b\"}\n"
                          "}\n"));
    optfile_check_required(trial.optfile);
    assert_string_equal(
        trial_report(&trial),
        "t.json:2: limits.count: \"70\" is more than 10; expected a whole number from 1 to 10\n"
        "t.json:2: limits.wait: \"10x\" is no duration; expected a duration from 0 to 1m, such as 250ms, 10s, 5m, 2h "
        "or 15d\n"
        "t.json:3: colr: is no setting; did you mean \"colour\"?\n"
        "t.json:4: log.lod: is no setting; did you mean \"log.loud\"?\n"
        "t.json:4: log.loud: is a string; expected true or false\n"
        "t.json:5: tags: an element is a number; expected a list of texts: a JSON array, or text with commas\n"
        "t.json:6: tags: is given a second time, first in line 5\n"
        "t.json:7: flags: is a group of settings, and has a value here; expected an object, such as {\"file\": ...}\n"
        "t.json:10: routes: \"b\" does not begin with a slash\n"
        "t.json: name: is required and missing; expected it in the file, as T_NAME, or with --set\n");
    trial_end(&trial);
}

static void test_values_that_are_refused(void **state) {
    (void)state;
    static const struct {
        const char *assignment, *report; /* a part of it */
    } cases[] = {
        {"limits.count=0", "\"0\" is less than 1;"},
        {"limits.count=3.5", "is no whole number"},
        {"limits.count=", "is empty"},
        {"limits.count=99999999999999999999", "is no whole number"},
        {"limits.wait=61s", "\"61s\" is more than 1m"},
        {"limits.wait=-1s", "is no duration"},
        {"limits.wait=5", "is no duration"},
        {"limits.wait=9223372036854775807d", "is no duration"},
        {"limits.room=1KB", "is no size"},
        {"limits.room=1", "\"1\" is less than 1KiB"},
        {"limits.room=20000000000GiB", "is no size"},
        {"limits.room=8589934592GiB", "is more than 1GiB"},
        {"colour=Red", "\"Red\" is no choice; expected red, green or blue"},
        {"colour=", "is empty"},
        {"name=", "is empty"},
        {"name=a\nb", "\"a?b\" holds a line break"},
        {"token=", "token: is empty"},
        {"token=a\tb", "token: the value holds a line break"},
        {"keys=/a,b", "keys: the value does not begin with a slash"},
        {"keys=/a,,/b", "stands in the list, empty"},
        {"keys=", "is empty"},
        {"tags=a,", "stands in the list, empty"},
        {"tags=[1]", "an element is a number"},
        {"tags=[\"a\"", "is no JSON: the text ends in the middle (at byte 5)"},
        {"steps=", "is empty"},
        {"steps=1s,x", "\"x\" is no duration"},
        {"steps=1s,0", "\"0\" is less than 1ms"},
        {"steps=2h", "\"2h\" is more than 1h"},
        {"routes=/a", "is no JSON"},
        {"routes=[\"/a\"]", "is an array"},
        {"routes={\"a\":1}", "a value is a number"},
        {"routes={\"a\":\"/1\",\"a\":\"/2\"}", "the key \"a\" stands in it a second time"},
        {"assign={\"a\":\"yellow\"}",
         "\"yellow\" is no choice; expected a JSON object whose values are red, green or "},
        {"log.loud=1", "is neither true nor false"},
        {"limits.coutn=1", "--set: limits.coutn: is no setting; did you mean \"limits.count\"?"},
        {"something.else=1", "--set: something.else: is no setting\n"},
        {"limits=1", "is no setting"},
        {"name", "--set: name: has no value; expected KEY=VALUE"},
        {"=x", "has no value"},
        {"", "has no value"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct trial trial;
        trial_begin(&trial);
        struct values before = trial.values;
        optfile_read_assignment(trial.optfile, str_of(cases[i].assignment));
        if (strstr(trial_report(&trial), cases[i].report) == NULL)
            fail_msg("%s: %s", cases[i].assignment, trial_report(&trial));
        assert_memory_equal(&before, &trial.values, sizeof before);
        assert_null(optfile_problems(trial.optfile)->next);
        trial_end(&trial);
    }
}

static void test_later_ones_override(void **state) {
    (void)state;
    static const char *const variables[] = {"PATH=/bin",          "T_LIMITS_COUNT=5",   "T_TAGS=x,y",
                                            "T_LISTEN=env",       "T_PORT=tcp://1",     "T_ROUTES={\"a\":\"/a\"}",
                                            "T_LISTEN_TLS_CERT=", "T_A_SERVICE_HOST=1", NULL};
    struct trial trial;
    trial_begin(&trial);
    optfile_read_json(trial.optfile, "t.json",
                      STR("{\"name\":\"x\",\"limits\":{\"count\":4},\"listen\":\"file\",\"tags\":[\"z\"],"
                          "\"listen.tls.cert\":\"c\"}"));
    optfile_read_environment(trial.optfile, variables);
    optfile_read_assignment(trial.optfile, STR("listen=a=b"));
    optfile_read_assignment(trial.optfile, STR("limits.wait=1s"));
    optfile_read_assignment(trial.optfile, STR("limits.wait=2s"));
    optfile_check_required(trial.optfile);
    assert_string_equal(trial_report(&trial), "");
    assert_str(trial.values.name, "x");
    assert_int_equal(trial.values.count, 5);
    assert_str(trial.values.listen, "a=b");
    assert_int_equal(trial.values.wait_ms, 2000);
    assert_int_equal(trial.values.tags.count, 2);
    assert_str(trial.values.routes.pairs[0].name, "a");
    assert_null(trial.values.cert.at);
    trial_end(&trial);
}

static void test_unknown_variables(void **state) {
    (void)state;
    static const char *const variables[] = {"T_LIMITS_COUNTS=5", "T_=1",          "T_PORT=80",
                                            "T_TOKN_FILE=x",     "T_FLAG_FILE=x", "T_ZZZZZZZZZ_FILE=1",
                                            "T_NOTHING",         "TX=1",          NULL};
    struct trial trial;
    trial_begin(&trial);
    optfile_read_environment(trial.optfile, variables);
    assert_string_equal(trial_report(&trial),
                        "environment: T_LIMITS_COUNTS: is no setting; did you mean \"T_LIMITS_COUNT\"?\n"
                        "environment: T_: is no setting\n"
                        "environment: T_PORT: is no setting\n"
                        "environment: T_TOKN_FILE: is no setting; did you mean \"T_TOKEN_FILE\"?\n"
                        "environment: T_FLAG_FILE: is no setting; did you mean \"T_FLAGS_FILE\"?\n"
                        "environment: T_ZZZZZZZZZ_FILE: is no setting\n");
    trial_end(&trial);
}

/* A file with that content; its path is written to `path`. */
static void write_file(char path[64], const char *content) {
    strcpy(path, "/tmp/hookshift-optfile-XXXXXX");
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, content, strlen(content)), strlen(content));
    close(fd);
}

static void test_variables_that_name_a_file(void **state) {
    (void)state;
    char path[64], variable[3][128];
    write_file(path, "from a file\r\n\n");
    snprintf(variable[0], sizeof variable[0], "T_TOKEN_FILE=%s", path);
    snprintf(variable[1], sizeof variable[1], "T_FLAGS_FILE=%s", path);
    snprintf(variable[2], sizeof variable[2], "T_NAME_FILE=%s.missing", path);
    const char *const variables[] = {variable[0], variable[1], variable[2], NULL};
    struct trial trial;
    trial_begin(&trial);
    optfile_read_environment(trial.optfile, variables);
    optfile_check_required(trial.optfile);
    assert_str(trial.values.token, "from a file");
    assert_str(trial.values.path, path); /* the setting flags.file itself */
    char report[256];
    snprintf(report, sizeof report, "environment: T_NAME_FILE: %s.missing cannot be read: No such file or directory\n",
             path);
    assert_string_equal(trial_report(&trial), report);
    trial_end(&trial);

    const char *const again[] = {"T_TOKEN=x", variable[0], NULL};
    trial_begin(&trial);
    optfile_read_environment(trial.optfile, again);
    assert_string_equal(trial_report(&trial),
                        "environment: T_TOKEN_FILE: T_TOKEN is set as well; expected one of the two\n");
    assert_str(trial.values.token, "x");
    trial_end(&trial);

    snprintf(variable[0], sizeof variable[0], "T_FLAGS_FILE_FILE=%s", path);
    const char *const twice[] = {variable[0], NULL};
    trial_begin(&trial);
    optfile_read_environment(trial.optfile, twice);
    assert_string_equal(trial_report(&trial), "");
    assert_str(trial.values.path, "from a file");
    trial_end(&trial);
    unlink(path);
}

static void test_an_empty_secret_file_is_told(void **state) {
    (void)state;
    char path[64], variable[128];
    write_file(path, "\n");
    snprintf(variable, sizeof variable, "T_KEYS_FILE=%s", path);
    const char *const variables[] = {variable, NULL};
    struct trial trial;
    trial_begin(&trial);
    optfile_read_environment(trial.optfile, variables);
    assert_non_null(strstr(trial_report(&trial), "environment: T_KEYS_FILE: is empty"));
    trial_end(&trial);
    unlink(path);
}

static void test_files_that_cannot_be_read(void **state) {
    (void)state;
    static const struct {
        const char *path, *text, *report;
    } cases[] = {
        {"/nonexistent/t.json", NULL, "/nonexistent/t.json: cannot be read: No such file or directory\n"},
        {"/tmp", NULL, "/tmp: cannot be read: is a folder, and must be a regular file\n"},
        {NULL, "{\n\"name\": \"x\",\n}", "t.json:3: column 1: a key in quotation marks was expected here\n"},
        {NULL, "", "t.json:1: column 1: the text is empty\n"},
        {NULL, "\n[]", "t.json:2: is no object; expected {\"key\": value, ...}\n"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct trial trial;
        trial_begin(&trial);
        if (cases[i].path != NULL)
            optfile_read_file(trial.optfile, cases[i].path);
        else
            optfile_read_json(trial.optfile, "t.json", str_of(cases[i].text));
        optfile_check_required(trial.optfile);
        assert_string_equal(trial_report(&trial), cases[i].report);
        trial_end(&trial);
    }
}

static void test_given_twice(void **state) {
    (void)state;
    static const struct {
        const char *text, *report;
    } cases[] = {
        {"{\"name\":\"x\",\n\"limits\":{\"count\":1},\n\"limits.count\":2}",
         "t.json:3: limits.count: is given a second time, first in line 2\n"},
        {"{\"name\":\"x\",\n\"limits\":{\"count\":1},\n\"limits\":{\"room\":2048}}",
         "t.json:3: limits: is given a second time, first in line 2\n"},
        {"{\"name\":\"x\",\"listen\":\n{\"address\":\"a\",\n\"address\":\"b\"}}",
         "t.json:3: listen.address: is given a second time, first in line 2\n"},
        {"{\"name\":\"x\",\"wrong\":1,\n\"wrong\":2}",
         "t.json:1: wrong: is no setting\nt.json:2: wrong: is given a second time, first in line 1\n"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct trial trial;
        trial_begin(&trial);
        optfile_read_json(trial.optfile, "t.json", str_of(cases[i].text));
        assert_string_equal(trial_report(&trial), cases[i].report);
        trial_end(&trial);
    }
}

static void test_complaints_stand_where_the_setting_was_given(void **state) {
    (void)state;
    struct trial trial;
    static const char *const variables[] = {"T_LISTEN=there", NULL};
    trial_begin(&trial);
    optfile_read_json(trial.optfile, "t.json", STR("{\"name\":\"x\",\n\"colour\":\"red\"}"));
    optfile_read_environment(trial.optfile, variables);
    optfile_complain(trial.optfile, "colour", "green", "does not go with %s", "x");
    optfile_complain(trial.optfile, "listen", "here", "is not here");
    optfile_complain(trial.optfile, "token", "one", "is missing");
    assert_string_equal(trial_report(&trial), "t.json:2: colour: does not go with x; expected green\n"
                                              "environment: T_LISTEN: is not here; expected here\n"
                                              "t.json: token: is missing; expected one\n");
    trial_end(&trial);
}

/* Whatever is cut off or damaged, the defaults or whole values are there, and every problem can be printed. */
static void test_damaged_files(void **state) {
    (void)state;
    static const char good[] = "{\"name\":\"x\",\"limits\":{\"count\":7,\"wait\":\"5s\"},\"routes\":{\"a\":\"/a\"},"
                               "\"tags\":[\"a\",\"b\"],\"listen\":{\"address\":\"there\",\"tls\":{\"cert\":\"c\"}}}";
    static const char bytes[] = "{}[]\",:.\\x7/ \n\x01\xFF";
    unsigned seed = 7;
    for (size_t round = 0; round < sizeof good + 5000; round++) {
        char text[sizeof good];
        memcpy(text, good, sizeof good);
        size_t len = round < sizeof good - 1 ? round : sizeof good - 1;
        for (int hits = round < sizeof good ? 0 : 1 + rand_r(&seed) % 4; hits > 0; hits--)
            text[(size_t)rand_r(&seed) % len] = bytes[(size_t)rand_r(&seed) % (sizeof bytes - 1)];
        struct trial trial;
        trial_begin(&trial);
        optfile_read_json(trial.optfile, "t.json", str_slice(text, len));
        optfile_check_required(trial.optfile);
        assert_true(round >= sizeof good - 1 || optfile_problems(trial.optfile) != NULL);
        assert_non_null(trial_report(&trial));
        assert_in_range(trial.values.count, 1, 10);
        assert_in_range(trial.values.wait_ms, 0, 60000);
        trial_end(&trial);
    }
}

static void test_reference(void **state) {
    (void)state;
    struct strbuf out = {0};
    opt_reference(&out, &table, OPT_FORMAT_TABLE);
    assert_non_null(strstr(out.at, "limits.wait      duration           10s       how long (0 to 1m)\n"));
    assert_non_null(strstr(out.at, "name             text               required  what it is called\n"));
    strbuf_clear(&out);
    opt_reference(&out, &table, OPT_FORMAT_MARKDOWN);
    assert_non_null(strstr(out.at, "| `colour` | choice | `green` | which \\| what (red, green, blue) |\n"));
    assert_non_null(strstr(out.at, "| `tags` | list | none | labels |\n"));
    strbuf_clear(&out);
    opt_reference(&out, &table, OPT_FORMAT_JSON);
    assert_non_null(strstr(out.at,
                           "{\"name\":\"limits.room\",\"type\":\"size\",\"default\":\"1MiB\",\"minimum\":\"1KiB\","
                           "\"maximum\":\"1GiB\",\"required\":false,\"secret\":false,"
                           "\"variable\":\"T_LIMITS_ROOM\",\"meaning\":\"how large\"}"));
    strbuf_clear(&out);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_defaults),
        cmocka_unit_test(test_a_whole_file),
        cmocka_unit_test(test_a_group_may_be_written_in_three_ways),
        cmocka_unit_test(test_every_mistake_of_a_file_is_told),
        cmocka_unit_test(test_values_that_are_refused),
        cmocka_unit_test(test_later_ones_override),
        cmocka_unit_test(test_unknown_variables),
        cmocka_unit_test(test_variables_that_name_a_file),
        cmocka_unit_test(test_an_empty_secret_file_is_told),
        cmocka_unit_test(test_files_that_cannot_be_read),
        cmocka_unit_test(test_given_twice),
        cmocka_unit_test(test_complaints_stand_where_the_setting_was_given),
        cmocka_unit_test(test_damaged_files),
        cmocka_unit_test(test_reference),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
