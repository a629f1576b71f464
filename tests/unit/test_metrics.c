/* Counting from several threads, and the text that Prometheus reads, to the byte. */
#include "common/metrics.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
/* cmocka needs the three above */
#include <cmocka.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>

static const char *const by_endpoint[] = {"endpoint", NULL};
static const char *const by_two[] = {"endpoint", "result", NULL};
static const double bounds[] = {0.1, 1, 2.5};

static void assert_text(struct metrics *metrics, const char *expected) {
    struct strbuf out = {0};
    metrics_write(metrics, &out);
    assert_string_equal(out.at == NULL ? "" : out.at, expected);
    strbuf_clear(&out);
}

static void the_text_is_as_prometheus_wants_it(void **state) {
    (void)state;
    struct metrics *metrics = metrics_new();
    struct metric_family *plain = metrics_counter(metrics, "plain_total", "Things that \\ happened\nso \"far\".", NULL);
    struct metric_family *labelled = metrics_counter(metrics, "both_total", "By two.", by_two);
    struct metric_family *gauge = metrics_gauge(metrics, "level", "How much.", by_endpoint);
    metrics_gauge(metrics, "unused", "Nothing yet.", NULL);
    metric_add(metric_series(plain, NULL), 3);
    metric_add(metric_series(plain, NULL), 4);
    const struct str ok[] = {STR("new"), STR("ok")}, odd[] = {STR("a\"b\\c\nd"), STR("")};
    metric_add(metric_series(labelled, ok), 1);
    metric_add(metric_series(labelled, odd), 9007199254740993);
    metric_set(metric_series(gauge, &STR("legacy")), 0.1);
    metric_set(metric_series(gauge, &STR("new")), -2500000);
    assert_text(metrics, "# HELP plain_total Things that \\\\ happened\\nso \"far\".\n"
                         "# TYPE plain_total counter\n"
                         "plain_total 7\n"
                         "# HELP both_total By two.\n"
                         "# TYPE both_total counter\n"
                         "both_total{endpoint=\"new\",result=\"ok\"} 1\n"
                         "both_total{endpoint=\"a\\\"b\\\\c\\nd\",result=\"\"} 9007199254740993\n"
                         "# HELP level How much.\n"
                         "# TYPE level gauge\n"
                         "level{endpoint=\"legacy\"} 0.1\n"
                         "level{endpoint=\"new\"} -2500000\n"
                         "# HELP unused Nothing yet.\n"
                         "# TYPE unused gauge\n");
    metrics_free(metrics);
}

static void a_histogram_counts_up_to_and_including_its_bounds(void **state) {
    (void)state;
    static const double observed[] = {0.05, 0.1, 0.100001, 2.5, 3, 100};
    struct metrics *metrics = metrics_new();
    struct metric_family *bare = metrics_histogram(metrics, "s", "S.", NULL, bounds, 3);
    struct metric_family *labelled = metrics_histogram(metrics, "l", "L.", by_endpoint, bounds, 1);
    for (size_t i = 0; i < ARRAY_LEN(observed); i++)
        metric_observe(metric_series(bare, NULL), observed[i]);
    metric_observe(metric_series(labelled, &STR("new")), 0.5);
    assert_text(metrics, "# HELP s S.\n# TYPE s histogram\n"
                         "s_bucket{le=\"0.1\"} 2\n"
                         "s_bucket{le=\"1\"} 3\n"
                         "s_bucket{le=\"2.5\"} 4\n"
                         "s_bucket{le=\"+Inf\"} 6\n"
                         "s_sum 105.750001\n"
                         "s_count 6\n"
                         "# HELP l L.\n# TYPE l histogram\n"
                         "l_bucket{endpoint=\"new\",le=\"0.1\"} 0\n"
                         "l_bucket{endpoint=\"new\",le=\"+Inf\"} 1\n"
                         "l_sum{endpoint=\"new\"} 0.5\n"
                         "l_count{endpoint=\"new\"} 1\n");
    metrics_free(metrics);
}

static void numbers_that_are_none_have_names(void **state) {
    (void)state;
    struct metrics *metrics = metrics_new();
    struct metric *metric = metric_series(metrics_gauge(metrics, "g", "G.", NULL), NULL);
    static const struct {
        double value;
        const char *text;
    } rows[] = {{NAN, "NaN"},
                {INFINITY, "+Inf"},
                {-INFINITY, "-Inf"},
                {0, "0"},
                {1e300, "1e+300"},
                {1.0 / 3, "0.3333333333333333"},
                {123456789012345680, "1.2345678901234568e+17"}};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char expected[100];
        metric_set(metric, rows[i].value);
        snprintf(expected, sizeof expected, "# HELP g G.\n# TYPE g gauge\ng %s\n", rows[i].text);
        assert_text(metrics, expected);
    }
    metrics_free(metrics);
}

static void the_same_values_are_the_same_series(void **state) {
    (void)state;
    struct metrics *metrics = metrics_new();
    struct metric_family *family = metrics_counter(metrics, "c_total", "C.", by_two);
    char text[] = "new";
    const struct str values[] = {str_of(text), STR("ok")}, others[] = {STR("new"), STR("o")};
    struct metric *metric = metric_series(family, values);
    text[0] = 'X'; /* values are copied */
    assert_ptr_not_equal(metric_series(family, others), metric);
    assert_ptr_equal(metric_series(family, (const struct str[]){STR("new"), STR("ok")}), metric);
    metrics_free(metrics);
}

struct source {
    struct metric *gauge;
    int asked;
};

static void refresh(void *arg) {
    struct source *source = arg;
    metric_set(source->gauge, ++source->asked);
}

static void gauges_are_refreshed_before_they_are_written(void **state) {
    (void)state;
    enum { MANY = 20 };
    struct metrics *metrics = metrics_new();
    struct metric_family *family = metrics_gauge(metrics, "g", "G.", by_endpoint);
    struct source sources[MANY];
    for (int i = 0; i < MANY; i++) {
        char name[] = {(char)('a' + i), '\0'};
        const struct str value = str_of(name);
        sources[i] = (struct source){.gauge = metric_series(family, &value)};
        metrics_on_write(metrics, refresh, &sources[i]);
    }
    struct strbuf out = {0};
    metrics_write(metrics, &out);
    metrics_write(metrics, &out);
    for (int i = 0; i < MANY; i++)
        assert_int_equal(sources[i].asked, 2);
    assert_non_null(strstr(out.at, "g{endpoint=\"t\"} 2\n"));
    strbuf_clear(&out);
    metrics_free(metrics);
}

enum { THREADS = 4, TIMES = 20000 };

struct shared {
    struct metrics *metrics;
    struct metric_family *counter, *histogram;
};

static void *count_away(void *arg) {
    struct shared *shared = arg;
    struct metric *histogram = metric_series(shared->histogram, NULL);
    for (int i = 0; i < TIMES; i++) {
        metric_add(metric_series(shared->counter, i % 2 == 0 ? &STR("even") : &STR("odd")), 1);
        metric_observe(histogram, i % 2 == 0 ? 0.5 : 2);
    }
    return NULL;
}

static void nothing_is_lost_between_threads(void **state) {
    (void)state;
    pthread_t threads[THREADS];
    struct shared shared = {.metrics = metrics_new()};
    shared.counter = metrics_counter(shared.metrics, "c_total", "C.", by_endpoint);
    shared.histogram = metrics_histogram(shared.metrics, "h", "H.", NULL, bounds, 3);
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, count_away, &shared), 0);
    struct strbuf out = {0};
    for (int i = 0; i < 20; i++) { /* writing meanwhile does no harm */
        out.len = 0;
        metrics_write(shared.metrics, &out);
    }
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    out.len = 0;
    metrics_write(shared.metrics, &out);
    assert_non_null(strstr(out.at, "c_total{endpoint=\"even\"} 40000\n"));
    assert_non_null(strstr(out.at, "c_total{endpoint=\"odd\"} 40000\n"));
    assert_non_null(strstr(out.at, "h_bucket{le=\"1\"} 40000\nh_bucket{le=\"2.5\"} 80000\nh_bucket{le=\"+Inf\"} 80000\n"
                                   "h_sum 100000\nh_count 80000\n"));
    strbuf_clear(&out);
    metrics_free(shared.metrics);
    metrics_free(NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_text_is_as_prometheus_wants_it),
        cmocka_unit_test(a_histogram_counts_up_to_and_including_its_bounds),
        cmocka_unit_test(numbers_that_are_none_have_names),
        cmocka_unit_test(the_same_values_are_the_same_series),
        cmocka_unit_test(gauges_are_refreshed_before_they_are_written),
        cmocka_unit_test(nothing_is_lost_between_threads),
    };
    return cmocka_run_group_tests_name("metrics", tests, NULL, NULL);
}
