#include "proxy/app/type_names.h"

#include "common/opt.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

struct trial {
    struct arena *arena;
    struct catalog *catalog;
    struct settings settings;
    struct strbuf problems;
};

static enum err settle(struct trial *trial, const char *assignment) {
    const char *assignments[] = {"flags.file=flags.json", "endpoints.legacy.url=http://127.0.0.1:1",
                                 "endpoints.new.url=http://127.0.0.1:1", assignment};
    const struct settings_sources sources = {.assignments = assignments, .assignment_count = ARRAY_LEN(assignments)};
    const struct opt_problem *problems;
    *trial = (struct trial){.arena = arena_new(0), .catalog = catalog_builtin()};
    assert_int_equal(settings_load(trial->arena, &sources, &trial->settings, &problems), ERR_NONE);
    return type_names_settle(&trial->settings, trial->catalog, trial->arena, &trial->problems);
}

static void end(struct trial *trial) {
    strbuf_clear(&trial->problems);
    catalog_free(trial->catalog);
    arena_free(trial->arena);
}

static void test_spellings_become_names(void **state) {
    (void)state;
    struct trial trial;
    enum endpoint endpoint = ENDPOINT_LEGACY;
    assert_int_equal(settle(&trial, "assign={\"Account categories updated\":\"new\",\"sync started()\":\"new\","
                                    "\"Ratio(>,0)\":\"new\",\"company.created\":\"legacy\"}"),
                     ERR_NONE);
    assert_true(settings_assigned(&trial.settings, STR("AccountCategoriesUpdated"), &endpoint));
    assert_int_equal(endpoint, ENDPOINT_NEW);
    assert_true(settings_assigned(&trial.settings, STR("SyncStarted"), &endpoint));
    assert_true(settings_assigned(&trial.settings, STR("Ratio(>,0)"), &endpoint));
    assert_true(settings_assigned(&trial.settings, STR("company.created"), &endpoint));
    assert_int_equal(endpoint, ENDPOINT_LEGACY);
    end(&trial);

    assert_int_equal(settle(&trial, "endpoints.legacy.routes={\"New company synchronised\":\"http://127.0.0.1:2/n\"}"),
                     ERR_NONE);
    assert_true(str_eq(settings_route(&trial.settings.endpoints[ENDPOINT_LEGACY], STR("NewCompanySynchronized")),
                       STR("http://127.0.0.1:2/n")));
    end(&trial);

    assert_int_equal(settle(&trial, "parity.ignore=[\"Sync Started\",\"Ratio(>,0)\"]"), ERR_NONE);
    assert_true(str_eq(trial.settings.parity_ignore.items[0], STR("SyncStarted")));
    assert_true(str_eq(trial.settings.parity_ignore.items[1], STR("Ratio(>,0)")));
    end(&trial);
}

static void test_what_cannot_be_meant_is_refused(void **state) {
    (void)state;
    static const struct {
        const char *assignment, *problem;
    } wrong[] = {
        {"assign={\"Data sync completed\":\"new\"}", "assign: \"DataSyncCompleted\" has a counterpart"},
        {"assign={\"read.completed\":\"legacy\"}", "assign: \"read.completed\" has a counterpart"},
        {"assign={\"bills.write.successful\":\"legacy\"}", "assign: \"bills.write.successful\" has a counterpart"},
        {"assign={\"SyncStarted\":\"new\",\"Sync Started\":\"legacy\"}",
         "assign: \"SyncStarted\" and \"Sync Started\" are the same type"},
        {"endpoints.new.routes={\"a.b\":\"http://127.0.0.1:2\",\"A.B\":\"http://127.0.0.1:3\"}",
         "endpoints.new.routes: \"a.b\" and \"A.B\" are the same type"},
    };
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        struct trial trial;
        if (settle(&trial, wrong[i].assignment) != ERR_INVALID)
            fail_msg("%s was taken", wrong[i].assignment);
        if (str_find(strbuf_str(&trial.problems), str_of(wrong[i].problem)) != 0)
            fail_msg("%s: " STR_FMT, wrong[i].assignment, STR_ARG(strbuf_str(&trial.problems)));
        end(&trial);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_spellings_become_names),
        cmocka_unit_test(test_what_cannot_be_meant_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
