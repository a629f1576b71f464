#include "tests/bench/load_options.h"

#include "common/clock.h"
#include "common/str.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { CONNECTIONS_MAX = 10000, COUNT_MAX = 20000000, SECONDS_MAX = 3600, RATE_MAX = 1000000, BODY_LEN_MAX = 1 << 20 };

static NO_RETURN void misused(void) {
    fputs("bench_load --connect ADDRESS --corpus FOLDER [--connections N] [--count N] [--seconds N] [--rate N]\n"
          "           [--secret whsec_...] [--distinct] [--body-len BYTES] [--seed N] [--rotate]\n",
          stderr);
    exit(2);
}

static uint64_t number(const char *text, uint64_t most) {
    uint64_t value;
    if (!str_to_u64(str_of(text), &value) || value > most) {
        fprintf(stderr, "bench_load: %s is no number, or too large\n", text);
        exit(2);
    }
    return value;
}

struct load_options load_options_parse(int argc, char **argv) {
    static const struct option names[] = {{"connect", 1, 0, 'c'},  {"corpus", 1, 0, 'f'},  {"connections", 1, 0, 'n'},
                                          {"count", 1, 0, 'm'},    {"seconds", 1, 0, 's'}, {"rate", 1, 0, 'r'},
                                          {"secret", 1, 0, 'k'},   {"seed", 1, 0, 'i'},    {"distinct", 0, 0, 'd'},
                                          {"body-len", 1, 0, 'b'}, {"rotate", 0, 0, 'o'},  {0, 0, 0, 0}};
    struct load_options options = {.connections = 32, .count = 100000, .seconds = 60, .has_twins = true};
    options.seed = (uint64_t)clock_wall_ms() ^ ((uint64_t)getpid() << 40);
    for (int c; (c = getopt_long(argc, argv, "", names, NULL)) != -1;) {
        switch (c) {
        case 'c':
            options.connect = optarg;
            break;
        case 'f':
            options.corpus = optarg;
            break;
        case 'k':
            options.secret = optarg;
            break;
        case 'd':
            options.has_twins = false;
            break;
        case 'o':
            options.rotates = true;
            break;
        case 'n':
            options.connections = number(optarg, CONNECTIONS_MAX);
            break;
        case 'm':
            options.count = number(optarg, COUNT_MAX);
            break;
        case 's':
            options.seconds = number(optarg, SECONDS_MAX);
            break;
        case 'r':
            options.rate = number(optarg, RATE_MAX);
            break;
        case 'i':
            options.seed = number(optarg, UINT64_MAX);
            break;
        case 'b':
            options.body_len = number(optarg, BODY_LEN_MAX);
            break;
        default:
            misused();
        }
    }
    if (options.connect == NULL || options.corpus == NULL || options.connections == 0 || options.count == 0)
        misused();
    return options;
}
